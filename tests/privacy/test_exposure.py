"""What a running server shows to those who are not its reader."""

from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import psutil
import pytest
from websockets.exceptions import InvalidStatus

from cxrapp.films.limits import MAX_FILE_BYTES
from tests.load.client import Session
from tests.load.server import Server, serve
from tests.load.websocket import open_socket

FAULTY = """
import streamlit as st

film = "ZZTEST^NAME"
st.write("before the fault")
raise RuntimeError(f"cannot read /secret/{film}")
"""


@pytest.fixture(scope="module")
def reader(live_server: Server) -> Iterator[Session]:
    with Session(live_server.address) as session:
        yield session


def test_it_listens_on_loopback_only(live_server: Server, reader: Session) -> None:
    """With its metrics, at a port of their own."""
    listening = {
        connection.laddr
        for process in live_server.processes()
        for connection in process.net_connections()
        if connection.status == psutil.CONN_LISTEN
    }
    assert {address.ip for address in listening} == {"127.0.0.1"} and len(listening) >= 2


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_its_own_names_are_welcome(live_server: Server, host: str) -> None:
    with open_socket(live_server.address, host=host) as socket:
        assert socket.response.status_code == HTTPStatus.SWITCHING_PROTOCOLS


@pytest.mark.parametrize("host", ["films.example", "127.0.0.1.films.example", "192.0.2.1"])
def test_a_foreign_host_name_is_refused(live_server: Server, host: str) -> None:
    """A foreign page that has its own name point here (DNS rebinding)."""
    with pytest.raises(InvalidStatus) as refusal, open_socket(live_server.address, host=host):
        pass
    assert refusal.value.response.status_code == HTTPStatus.FORBIDDEN


def test_a_foreign_page_is_refused(live_server: Server) -> None:
    page = "http://films.example"
    with pytest.raises(InvalidStatus) as refusal, open_socket(live_server.address, origin=page):
        pass
    assert refusal.value.response.status_code == HTTPStatus.FORBIDDEN


def test_an_upload_over_the_limit_is_refused(reader: Session) -> None:
    (place,) = reader.upload_urls(["large.dcm"])
    answer = reader.put(place.upload_url, "large.dcm", bytes(MAX_FILE_BYTES + 1))
    assert answer.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE


def test_an_upload_in_a_readers_name_is_refused(reader: Session) -> None:
    (place,) = reader.upload_urls(["film.dcm"])
    answer = reader.put(place.upload_url, "film.dcm", b"film", token="")
    assert answer.status_code == HTTPStatus.FORBIDDEN


def test_a_fault_shows_neither_trace_nor_words(tmp_path: Path) -> None:
    script = tmp_path / "faulty.py"
    script.write_text(FAULTY)
    with serve(script=script) as server, Session(server.address) as session:
        (fault,) = session.page.elements("exception")
        assert session.page.elements("markdown")[0].body == "before the fault"
    assert list(fault.stack_trace) == []
    for word in ("ZZTEST", "secret", "faulty.py"):
        assert word not in str(fault)
