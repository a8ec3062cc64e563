"""Two replicas behind the proxy of deploy/, with TLS, as a hospital group runs them."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from urllib3 import BaseHTTPResponse, HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, MaxRetryError

from tests.load.server import Server, free_port, read_metrics, serve
from tests.places import ROOT, SAMPLES

HOST = "cxr.localhost"  # a browser looks for it on this machine; no default setting accepts it
ACCEPTS = {"STREAMLIT_SERVER_ALLOWED_HOSTS": HOST}
COOKIE = "cxr_replica"


@dataclass(frozen=True)
class Site:
    """The proxy's port, the authority that vouches for it, and who answers behind it."""

    port: int
    authority: Path
    replicas: list[Server]
    metrics: list[int]  # ports

    def ask(self, path: str) -> BaseHTTPResponse:
        """The answer, once the certificate is found to be the authority's, for HOST."""
        with HTTPSConnectionPool(
            "127.0.0.1", self.port, server_hostname=HOST, ca_certs=str(self.authority)
        ) as pool:
            headers = {"Host": f"{HOST}:{self.port}"}
            return pool.request("GET", path, headers=headers, retries=False)

    def films(self) -> list[float]:
        """How many films each replica has scored so far."""
        return [_count_films(port) for port in self.metrics]


def _count_films(port: int) -> float:
    counted = read_metrics(port)
    return sum(n for name, n in counted.items() if name.startswith("cxrapp_films_total"))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    caddy = shutil.which("caddy")
    if caddy is None:
        pytest.skip("caddy is not installed")
    folder, port = tmp_path_factory.mktemp("proxy"), free_port()
    settings = folder / "Caddyfile"
    settings.write_text((ROOT / "deploy/Caddyfile").read_text().replace(":8443", f":{port}"))
    with ExitStack() as stack:
        metrics = [free_port() for _ in range(2)]
        replicas = [
            stack.enter_context(serve(environment=ACCEPTS | {"CXR_METRICS_PORT": str(port)}))
            for port in metrics
        ]
        names = " ".join(one.address.removeprefix("http://") for one in replicas)
        proxy = subprocess.Popen(
            [caddy, "run", "--adapter", "caddyfile", "--config", settings],
            env=os.environ | {"CXR_HOST": HOST, "CXR_APPS": names, "XDG_DATA_HOME": str(folder)},
            stderr=subprocess.DEVNULL,
        )
        try:
            site = Site(port, folder / "caddy/pki/authorities/local/root.crt", replicas, metrics)
            _wait_for(site)
            yield site
        finally:
            proxy.terminate()
            proxy.wait()


def _wait_for(site: Site) -> None:
    for _ in range(120):
        try:
            site.ask("/_stcore/health")
            assert site.films() == [0, 0]  # counted although nobody has come yet
            return
        except (HTTPError, OSError):  # it does not listen yet, or its authority is not yet there
            time.sleep(0.5)
    raise TimeoutError("the proxy does not answer, or a server does not count")


@pytest.fixture
def clinic(browser: Browser, site: Site) -> Iterator[BrowserContext]:
    """One reader's browser, which knows no authority but those built into it."""
    address = f"https://{HOST}:{site.port}"
    with browser.new_context(base_url=address, ignore_https_errors=True) as context:
        context.set_default_timeout(120_000)
        yield context


def replica_of(context: BrowserContext) -> str:
    return next(one["value"] for one in context.cookies() if one["name"] == COOKIE)


def screen_the_samples(page: Page) -> None:
    page.goto("/")
    page.locator("input[type=file]").first.set_input_files(SAMPLES)
    page.get_by_text("of 1,000").first.wait_for()
    expect(page.get_by_role("button", name="Stop screening")).to_have_count(0, timeout=120_000)


def test_the_pages_work_under_the_proxys_rules(clinic: BrowserContext) -> None:
    refused: list[str] = []
    page = clinic.new_page()
    page.on("console", lambda line: refused.append(line.text) if "Policy" in line.text else None)
    page.on("pageerror", lambda error: refused.append(str(error)))
    screen_the_samples(page)
    page.locator(".row.selected").wait_for()  # drawn by a script that came as a blob
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as wanted:
        page.get_by_role("button", name="Table of all films").click()
    assert Path(wanted.value.path()).read_text().startswith("file,finding,probability")
    for path, shown in [("compare", "Compare"), ("site", "films"), ("model", "What was measured")]:
        page.goto(f"/{path}")
        page.get_by_text(shown).last.wait_for()
    assert not refused


def test_the_certificate_names_the_host(site: Site) -> None:
    assert site.ask("/").status == 200
    with (
        HTTPSConnectionPool("127.0.0.1", site.port, server_hostname=HOST) as pool,
        pytest.raises(MaxRetryError, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        pool.request("GET", "/")  # nobody else vouches for this authority
    with HTTPConnectionPool("127.0.0.1", site.port) as pool:
        assert pool.request("GET", "/").status == 400  # not encrypted


def test_answers_carry_the_security_headers(site: Site) -> None:
    headers = site.ask("/").headers
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Strict-Transport-Security"] == "max-age=31536000"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "Server" not in headers


def test_the_servers_own_figures_stay_inside(site: Site) -> None:
    assert site.ask("/_stcore/metrics").status == 404


def test_readers_are_spread_over_both_replicas(site: Site) -> None:
    cookies = {site.ask("/").headers["Set-Cookie"].split(";")[0] for _ in range(60)}
    assert len({one for one in cookies if one.startswith(COOKIE)}) == 2


def test_a_reader_stays_with_a_replica_until_it_is_gone(clinic: BrowserContext, site: Site) -> None:
    page = clinic.new_page()
    page.goto("/")
    chosen, before = replica_of(clinic), site.films()
    screen_the_samples(page)
    for films in (len(SAMPLES), 2 * len(SAMPLES)):
        page.reload()
        page.get_by_text(f"{films} films", exact=True).wait_for()  # by the one that has them
        page.locator("input[type=file]").first.set_input_files(SAMPLES)
        page.get_by_text(f"{films + len(SAMPLES)} films", exact=True).wait_for()
    assert replica_of(clinic) == chosen
    scored = [now - then for now, then in zip(site.films(), before, strict=True)]
    assert sorted(scored) == [0, 3 * len(SAMPLES)]
    busy = scored.index(max(scored))

    gone = site.replicas[busy].process
    gone.terminate()
    gone.wait(60)
    screen_the_samples(page)
    assert replica_of(clinic) != chosen
