import base64
import hashlib
import json
import os
import re
import runpy
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import streamlit
import yaml

from cxrapp.films.limits import MAX_FILE_BYTES
from cxrapp.pages.sign_in import NEEDED, SHORTEST_SECRET
from tests.places import ROOT

DEPLOY = ROOT / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()
CADDYFILE = (DEPLOY / "Caddyfile").read_text()
FINAL = DOCKERFILE.rsplit("\nFROM ", 1)[1]
HOSPITAL = {"CXR_HOST": "cxr.hospital.example", "CXR_CERTIFICATE": "/etc/cxrapp"}
HOSPITAL |= {"CXR_PACS_PASSWORD": "open sesame"}
OVERLAYS = [(), ("hospital",), ("sign-in",), ("hospital", "sign-in"), ("archive",)]


class Compose(yaml.SafeLoader):
    """YAML with Compose's own tag for a list that replaces the one below it."""


Compose.add_constructor("!override", lambda loader, node: loader.construct_sequence(node))


def compose(name: str = "compose") -> dict:
    return yaml.load((DEPLOY / f"{name}.yaml").read_text(), Compose)


def tool(*names: str) -> str:
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        pytest.skip(f"{' or '.join(names)} is not installed")
    return found


def run(*command: str | Path) -> None:
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | HOSPITAL)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_container_is_nobody_and_looks_after_itself() -> None:
    user, group = map(int, re.search(r"^USER (\d+):(\d+)$", FINAL, re.M).groups())
    assert user > 999 and group > 999
    assert "/_stcore/health" in re.search(r"^HEALTHCHECK .*\\\n.*", FINAL, re.M)[0]
    assert not re.search(r"\bcurl|\bapt|\bgcc|\bADD\b|pip install", FINAL)


@pytest.mark.parametrize(
    ("file", "service"),
    [
        ("compose", "app"),
        ("compose", "proxy"),
        ("compose.archive", "watcher"),
        ("compose.archive", "orthanc"),
    ],
)
def test_a_container_has_no_rights_to_lose(file: str, service: str) -> None:
    settings = compose(file)["services"][service]
    assert settings["read_only"]
    assert settings["cap_drop"] == ["ALL"]
    assert settings["security_opt"] == ["no-new-privileges:true"]
    assert all("noexec" in mount and "size=" in mount for mount in settings["tmpfs"])
    written = [mount for mount in settings["volumes"] if not mount.endswith(":ro")]
    assert written == (["films:/var/lib/orthanc/db"] if service == "orthanc" else [])
    assert settings["mem_limit"] and settings["pids_limit"]
    assert "privileged" not in settings


def test_the_app_has_no_way_out_and_no_port_of_its_own() -> None:
    stack = compose()
    app = stack["services"]["app"]
    assert app["networks"] == ["inside"]
    assert stack["networks"]["inside"]["internal"]
    assert "ports" not in app
    assert all(port.startswith("127.0.0.1:") for port in stack["services"]["proxy"]["ports"])


def test_the_archive_is_reached_from_inside_and_by_machines_alone() -> None:
    stack = compose("compose.archive")
    services = stack["services"]
    assert stack["networks"]["archive"]["internal"]
    assert services["app"]["networks"] == services["watcher"]["networks"] == ["archive"]
    (port,) = services["orthanc"]["ports"]
    settings = json.loads((DEPLOY / "orthanc.json").read_text())
    assert port == f"${{CXR_DICOM_ADDRESS:-127.0.0.1}}:{settings['DicomPort']}:4242"
    assert settings["AuthenticationEnabled"] and not settings["OverwriteInstances"]
    assert f"orthanc:{settings['HttpPort']}" in services["watcher"]["environment"]["CXR_PACS_URL"]


def test_the_browsers_name_for_the_app_is_the_one_it_accepts() -> None:
    services = compose()["services"]
    accepted = services["app"]["environment"]["STREAMLIT_SERVER_ALLOWED_HOSTS"]
    assert accepted == services["proxy"]["environment"]["CXR_HOST"] == "${CXR_HOST:-localhost}"
    assert "https://{$CXR_HOST:localhost}:8443" in CADDYFILE


def test_as_many_replicas_as_the_proxy_knows(tmp_path: Path) -> None:
    """One setting makes both; the proxy's command runs here with a `caddy` that tells its list."""
    stack = compose()
    app, proxy = stack["services"]["app"], stack["services"]["proxy"]
    assert app["deploy"]["replicas"] == proxy["environment"]["CXR_SERVERS"] == "${CXR_SERVERS:-1}"
    caddy = tmp_path / "caddy"
    caddy.write_text('#!/bin/sh\necho "$CXR_APPS"\n')
    caddy.chmod(0o755)
    known = subprocess.check_output(
        [part.replace("$$", "$") for part in proxy["command"]],
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}", "CXR_SERVERS": "3"},
        text=True,
    )
    assert known.split() == [f"{stack['name']}-app-{number}:8501" for number in (1, 2, 3)]


def test_the_proxy_lets_the_largest_film_through_and_little_more() -> None:
    limit = int(re.search(r"max_size (\d+)MiB", CADDYFILE)[1]) * 2**20
    assert MAX_FILE_BYTES < limit <= MAX_FILE_BYTES + 2**20


def test_the_page_runs_its_own_script_alone() -> None:
    page = (Path(streamlit.__file__).parent / "static/index.html").read_text()
    scripts = re.findall(r"<script>(.*?)</script>", page, re.S)
    hashes = [base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in scripts]
    assert re.findall(r"'sha256-(.*?)'", CADDYFILE) == hashes
    assert "unsafe-eval" not in CADDYFILE
    assert "script-src 'self' blob: 'sha256-" in CADDYFILE


def test_the_proxys_file_is_valid_and_formatted() -> None:
    caddy = tool("caddy")
    run(caddy, "validate", "--adapter", "caddyfile", "--config", DEPLOY / "Caddyfile")
    run(caddy, "fmt", DEPLOY / "Caddyfile")
    formatted = subprocess.check_output([caddy, "fmt", DEPLOY / "Caddyfile"], text=True)
    assert formatted == CADDYFILE


@pytest.mark.parametrize("overlays", OVERLAYS, ids="+".join)
def test_compose_accepts_its_files(overlays: tuple[str, ...]) -> None:
    command = tool("docker-compose")
    files = ["compose.yaml", *(f"compose.{name}.yaml" for name in overlays)]
    run(command, *(part for file in files for part in ("-f", DEPLOY / file)), "config", "--quiet")


def test_the_dockerfile_passes_its_linter() -> None:
    run(tool("hadolint"), DEPLOY / "Dockerfile")


KNOWN = {"name": "known", "version": "1.0", "vulns": []}
WEAK = {"name": "weak", "version": "2.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.1"]}]}
UNKNOWN = {"name": "unknown", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("packages", "weaknesses", "words"),
    [
        ([KNOWN, UNKNOWN], [], "pip-audit looked up 1 of 2 packages."),
        ([WEAK, KNOWN], ["weak 2.0: PYSEC-1, fixed in 2.1"], "pip-audit looked up 2 of 2"),
        ([UNKNOWN], [], "pip-audit skipped"),
    ],
)
def test_an_audit_that_looked_nothing_up_says_so(
    packages: list[dict], weaknesses: list[str], words: str
) -> None:
    judge = runpy.run_path(str(DEPLOY / "audit.py"))["judge"]
    found, said = judge({"dependencies": packages})
    assert found == weaknesses
    assert said.startswith(words)


def test_the_example_of_secrets_is_complete() -> None:
    section = tomllib.loads((DEPLOY / "secrets.example.toml").read_text())["auth"]
    assert set(NEEDED) | {"allowed"} == set(section)
    assert len(section["cookie_secret"]) < SHORTEST_SECRET  # nobody runs with the example's
    assert section["redirect_uri"].endswith("/oauth2callback")
