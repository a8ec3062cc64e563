import gc
import threading
import weakref
from types import SimpleNamespace

import pytest
from streamlit import runtime
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFile
from streamlit.testing.v1 import AppTest

from cxrapp.model.bundle import Bundle
from cxrapp.panels import uploads
from cxrapp.server import sessions
from cxrapp.server.sessions import sweep, take_over
from cxrapp.session.session import Session
from tests.pages.steps import session, upload
from tests.places import SAMPLES


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A server that one reader, "a", is connected to."""
    connected, removed = {"a"}, []
    server = SimpleNamespace(
        connected=connected,
        removed=removed,
        is_active_session=connected.__contains__,
        uploaded_file_mgr=SimpleNamespace(remove_session_files=removed.append),
    )
    monkeypatch.setattr(runtime, "get_instance", lambda: server)
    monkeypatch.setattr(sessions, "_known", {})
    return server


@pytest.fixture
def here(server: SimpleNamespace, light: Bundle) -> Session:
    here = Session()
    here.worklist.add(light, [(SAMPLES[0].name, SAMPLES[0].read_bytes())])
    here.worklist.wait()
    sessions._known["a"] = sessions._Known(weakref.ref(here))
    return here


def test_a_connected_reader_keeps_their_films(server: SimpleNamespace, here: Session) -> None:
    for now in (0, 1000, 2000):
        sweep(now, patience=60)
    assert len(here.worklist.films) == 1


def test_a_lost_connection_may_come_back(server: SimpleNamespace, here: Session) -> None:
    server.connected.clear()
    sweep(0, patience=60)
    sweep(59, patience=60)
    server.connected.add("a")
    sweep(61, patience=60)
    server.connected.clear()
    sweep(70, patience=60)
    sweep(129, patience=60)
    assert len(here.worklist.films) == 1


def test_films_of_a_reader_who_has_gone_leave_the_memory(
    server: SimpleNamespace, here: Session
) -> None:
    server.connected.clear()
    sweep(0, patience=60)
    sweep(60, patience=60)
    assert not here.worklist.films
    assert server.removed == ["a"]
    assert not sessions._known


def test_what_is_known_keeps_no_session_alive(server: SimpleNamespace) -> None:
    here = Session()
    sessions._known["a"] = sessions._Known(weakref.ref(here))
    del here
    gc.collect()
    assert sessions._known["a"].session() is None
    server.connected.clear()
    sweep(0, patience=0)
    assert not sessions._known


@pytest.mark.parametrize(
    ("token", "connected", "reader", "taken"),
    [
        ("own", False, "ann@example.org", True),
        ("guessed", False, "ann@example.org", False),
        ("own", True, "ann@example.org", False),  # the tab was copied, not reloaded
        ("own", False, "bob@example.org", False),
    ],
)
def test_a_reloaded_tab_goes_on_and_nobody_else_does(
    server: SimpleNamespace,
    monkeypatch: pytest.MonkeyPatch,
    token: str,
    connected: bool,
    reader: str,
    taken: bool,
) -> None:
    before, new = Session(), {"session": Session()}
    sessions._known["a"] = sessions._Known(weakref.ref(before), "ann@example.org")
    if not connected:
        server.connected.clear()
    monkeypatch.setattr(sessions.st, "session_state", new)
    monkeypatch.setattr(sessions, "_reader", lambda: reader)
    monkeypatch.setattr(sessions, "get_script_run_ctx", lambda: SimpleNamespace(session_id="b"))
    take_over(before.token if token == "own" else token)
    assert (new["session"] is before) == taken
    assert ("a" in sessions._known) != taken


def test_films_dropped_just_after_a_reload_are_not_lost(
    server: SimpleNamespace, light: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, new = Session(), {"session": (here := Session())}
    sessions._known["a"] = sessions._Known(weakref.ref(before))
    server.connected.clear()
    monkeypatch.setattr(sessions.st, "session_state", new)
    monkeypatch.setattr(sessions, "get_script_run_ctx", lambda: SimpleNamespace(session_id="b"))
    arrived = threading.Event()

    def fetch() -> bytes:
        arrived.wait(60)
        return SAMPLES[0].read_bytes()

    here.worklist.add(light, [(SAMPLES[0].name, fetch)])
    take_over(before.token)
    arrived.set()
    new["session"].worklist.wait()
    assert [film.name for film in new["session"].worklist.films.values()] == [SAMPLES[0].name]


def test_raw_uploads_are_let_go_once_read(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes, remove = [], MemoryUploadedFileManager.remove_file

    def watch(self: MemoryUploadedFileManager, session_id: str, file_id: str) -> None:
        before = self.file_storage[session_id][file_id].data
        remove(self, session_id, file_id)
        assert file_id not in self.file_storage[session_id]
        sizes.append(len(before))

    monkeypatch.setattr(MemoryUploadedFileManager, "remove_file", watch)
    upload(app, *SAMPLES[:2])
    assert sizes == [path.stat().st_size for path in SAMPLES[:2]]
    assert len(session(app).worklist.films) == 2


def test_an_upload_widget_that_stays_holds_no_file(
    app: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "STAYS", 20)
    widget = next(one for one in app.file_uploader if one.key.startswith("uploads"))
    widget.set_value([(SAMPLES[0].name, SAMPLES[0].read_bytes(), "image/jpeg")]).run()
    session(app).worklist.wait()
    assert sum(one.key.startswith("uploads") for one in app.file_uploader) == 2
    gc.collect()
    assert not [one for one in gc.get_objects() if type(one) is UploadedFile]
