"""What goes wrong between us and an archive, and the words for it."""

import io
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pydicom
import pytest

from cxrapp.archive.client import PAGE, Archive
from cxrapp.archive.entries import ArchivedInstance
from cxrapp.archive.settings import ArchiveSettings
from cxrapp.errors import ArchiveAway, ArchiveFault
from cxrapp.films.limits import MAX_FILE_BYTES
from tests.archive.certificates import certificate, serving
from tests.archive.films import CT, film
from tests.archive.orthanc import Orthanc, running
from tests.load.server import free_port

ANY = ArchivedInstance("1.2", "1.2.3", "1.2.3.4", "", "CR", "", "", (1, 1))


@contextmanager
def answering(
    body: bytes,
    kind: str,
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
    tls: ssl.SSLContext | None = None,
) -> Iterator[str]:
    """A server that has one answer to everything."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            for name, value in ({"Content-Type": kind} | (headers or {})).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
        server.handle_error = lambda *_: None  # a client that does not trust us hangs up
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}/dicom-web"
    finally:
        server.shutdown()
        server.server_close()


def ask(url: str, **settings: object) -> Archive:
    archive = Archive(ArchiveSettings(url, **settings))
    archive.find_studies()
    return archive


def test_a_page_instead_of_dicom_is_no_answer() -> None:
    page = b"<html><body>Sign in to ZZTEST</body></html>"
    with answering(page, "text/html") as url:
        with pytest.raises(ArchiveFault, match="not DICOM") as fault:
            ask(url)
        assert "ZZTEST" not in str(fault.value)
        with pytest.raises(ArchiveFault, match="not DICOM"):
            Archive(ArchiveSettings(url)).fetch(ANY)


@pytest.mark.parametrize("body", [b"[1, 2]", b'[{"00080018": {}}]', b"{", b"\xff\xfe"])
def test_json_of_another_kind_is_no_answer(body: bytes) -> None:
    with answering(body, "application/dicom+json") as url:
        with pytest.raises(ArchiveFault, match="not DICOM"):
            ask(url)


def test_an_archive_that_does_not_page_is_asked_until_nothing_is_new() -> None:
    one = b'{"0020000D": {"vr": "UI", "Value": ["1.2.%d"]}}'
    body = b"[" + b",".join(one % number for number in range(700)) + b"]"
    with answering(body, "application/dicom+json") as url:
        assert len(Archive(ArchiveSettings(url)).find_studies()) == 700


def test_a_film_that_is_too_large_is_let_go() -> None:
    with answering(bytes(MAX_FILE_BYTES + 2**21), "application/dicom") as url:
        with pytest.raises(ArchiveFault, match="larger"):
            Archive(ArchiveSettings(url)).fetch(ANY)


def test_an_answer_that_is_cut_off_is_none() -> None:
    whole = film(1)
    body = b"--x\r\nContent-Type: application/dicom\r\n\r\n" + whole
    with answering(body, 'multipart/related; type="application/dicom"; boundary=x') as url:
        with pytest.raises(ArchiveFault, match="cut off"):
            Archive(ArchiveSettings(url)).fetch(ANY)
    with answering(body + b"\r\n--x--", "multipart/related; boundary=x") as url:
        assert Archive(ArchiveSettings(url)).fetch(ANY) == whole


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, ArchiveAway), (403, ArchiveAway), (503, ArchiveAway), (404, ArchiveFault)],
)
def test_a_status_says_whether_waiting_helps(status: int, kind: type[ArchiveFault]) -> None:
    with answering(b"", "text/plain", status=status) as url:
        with pytest.raises(ArchiveFault) as fault:
            ask(url)
    assert type(fault.value) is kind


def test_nobody_is_followed_to_another_address() -> None:
    with answering(b"", "text/plain", status=302, headers={"Location": "http://192.0.2.1/"}) as url:
        with pytest.raises(ArchiveAway, match="another address"):
            ask(url, timeout=1.0)


def test_nobody_there_and_nobody_who_answers() -> None:
    with pytest.raises(ArchiveAway, match="cannot be reached"):
        ask(f"http://127.0.0.1:{free_port()}/dicom-web")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        with pytest.raises(ArchiveAway, match="in time"):
            ask(f"http://127.0.0.1:{silent.getsockname()[1]}/dicom-web", timeout=0.3)


def test_a_certificate_counts_while_it_is_valid_and_vouched_for(tmp_path: Path) -> None:
    ca, key = certificate(tmp_path, days=1)
    with answering(b"[]", "application/dicom+json", tls=serving(ca, key)) as url:
        ask(url, ca=ca)
        with pytest.raises(ArchiveAway, match=r"certificate is not accepted \(self.signed"):
            ask(url)
    ca, key = certificate(tmp_path, days=-1)
    with answering(b"[]", "application/dicom+json", tls=serving(ca, key)) as url:
        with pytest.raises(ArchiveAway, match=r"\(certificate has expired\)"):
            ask(url, ca=ca)


@pytest.mark.slow
def test_an_archive_with_a_password(tmp_path: Path) -> None:
    password = tmp_path / "password"
    locked = {"AuthenticationEnabled": True, "RegisteredUsers": {"cxr": "open sesame"}}
    with running(tmp_path, **locked) as orthanc:
        password.write_text("open barley\n")
        with pytest.raises(ArchiveAway, match="does not accept the user") as fault:
            ask(orthanc.url, user="cxr", password_file=password)
        assert "barley" not in str(fault.value)
        password.write_text("open sesame\n")
        ask(orthanc.url, user="cxr", password_file=password)


def test_what_is_stored_twice_is_there_once(orthanc: Orthanc) -> None:
    dataset = pydicom.dcmread(io.BytesIO(film(1)))
    archive = orthanc.connect()
    for _ in range(2):
        archive.store(dataset.StudyInstanceUID, [dataset])
    assert len(orthanc.instances()) == 1
    assert archive.holds(dataset.StudyInstanceUID, dataset.SOPInstanceUID)
    with pytest.raises(ArchiveFault):  # into the study of somebody else
        archive.store("1.2.3", [dataset])


def test_more_studies_than_a_page_are_all_found(orthanc: Orthanc) -> None:
    count = PAGE + 30
    orthanc.receive(
        *(film(n, side=64) for n in range(count)), film(900, side=64, Modality="CT", SOPClassUID=CT)
    )
    assert len({study.uid for study in orthanc.connect().find_studies()}) == count
