"""An archive behind a gateway that asks for our certificate and a token, as hospitals have."""

import io
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pydicom
import pytest

from cxrapp.archive.client import Archive
from cxrapp.archive.settings import ArchiveSettings
from cxrapp.errors import ArchiveAway
from tests.archive.certificates import certificate
from tests.archive.films import film
from tests.archive.orthanc import Orthanc
from tests.load.server import free_port

TOKEN = "a1b2c3"
GATE = """{{
    admin off
    auto_https off
}}
https://localhost:{port} {{
    tls {theirs} {their_key} {{
        client_auth {{
            mode require_and_verify
            trusted_ca_cert_file {ours}
        }}
    }}
    @known header Authorization "Bearer {token}"
    handle @known {{
        reverse_proxy 127.0.0.1:{behind} {{
            header_up Host {{upstream_hostport}}
        }}
    }}
    handle {{
        respond 401
    }}
}}
"""


@dataclass(frozen=True)
class Gateway:
    """The right settings, and the archive behind them."""

    settings: ArchiveSettings
    orthanc: Orthanc


@pytest.fixture
def gateway(orthanc: Orthanc, tmp_path: Path) -> Iterator[Gateway]:
    caddy = shutil.which("caddy")
    if caddy is None:
        pytest.skip("caddy is not installed")
    theirs, their_key = certificate(tmp_path, "gateway", days=1)
    ours, our_key = certificate(tmp_path, "cxrapp", days=1)
    secret, port = tmp_path / "token", free_port()
    secret.write_text(TOKEN + "\n")
    rules = tmp_path / "Caddyfile"
    rules.write_text(
        GATE.format(
            port=port,
            theirs=theirs,
            their_key=their_key,
            ours=ours,
            token=TOKEN,
            behind=orthanc.http,
        )
    )
    settings = ArchiveSettings(
        f"https://localhost:{port}/dicom-web",
        token_file=secret,
        ca=theirs,
        certificate=ours,
        key=our_key,
    )
    process = subprocess.Popen(
        [caddy, "run", "--adapter", "caddyfile", "--config", rules],
        env=os.environ | {"XDG_CONFIG_HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)},
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(settings)
        yield Gateway(settings, orthanc)
    finally:
        process.terminate()
        process.wait()


def _wait_for(settings: ArchiveSettings) -> None:
    for _ in range(120):
        try:
            Archive(settings).find_studies()
            return
        except ArchiveAway:
            time.sleep(0.25)
    raise TimeoutError("the gateway does not answer")


def test_a_film_is_found_fetched_and_a_result_stored_through_it(gateway: Gateway) -> None:
    data = film(1)
    gateway.orthanc.receive(data)
    archive = Archive(gateway.settings)
    (study,) = archive.find_studies()
    (instance,) = archive.list_instances(study.uid)
    assert pydicom.dcmread(io.BytesIO(archive.fetch(instance))).SOPInstanceUID == instance.uid
    result = pydicom.dcmread(io.BytesIO(film(2)))
    result.StudyInstanceUID = study.uid
    archive.store(study.uid, [result])
    assert archive.holds(study.uid, result.SOPInstanceUID)


def test_without_our_certificate_or_with_another_nobody_comes_in(
    gateway: Gateway, tmp_path: Path
) -> None:
    other, other_key = certificate(tmp_path, "other", days=1)
    for one, key in ((None, None), (other, other_key)):
        with pytest.raises(ArchiveAway) as fault:
            Archive(replace(gateway.settings, certificate=one, key=key)).find_studies()
        assert "certificate" in str(fault.value)


def test_a_token_is_read_anew_and_a_wrong_one_is_not_quoted(gateway: Gateway) -> None:
    secret = gateway.settings.token_file
    secret.write_text("z9y8x7\n")
    with pytest.raises(ArchiveAway, match="does not accept") as fault:
        Archive(gateway.settings).find_studies()
    assert "z9y8x7" not in str(fault.value)
    secret.write_text(TOKEN + "\n")
    assert Archive(gateway.settings).find_studies() == []
