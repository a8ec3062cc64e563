"""One reader's session with a running server, over Streamlit's own protocol and without a browser.

The protocol is that of the pinned Streamlit: protobuf messages on a WebSocket (streamlit/proto),
uploads by HTTP. It does what the browser does and no more: it keeps the element tree, sends all
widget states with every message, and calls the fragments that asked to run again and again.
"""

import json
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

import requests
from google.protobuf.message import Message
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Common_pb2 import FileURLs
from streamlit.proto.Delta_pb2 import Delta
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

T = TypeVar("T")

PATIENCE = 300.0  # seconds that any one answer may take; a loaded server is slow, not wrong


class SessionError(Exception):
    """The server answered what it must not answer."""


@dataclass(frozen=True)
class Place:
    """One element of the page: what it shows, and the run and fragment that drew it."""

    element: Message
    run: str
    fragment: str

    @property
    def widget(self) -> str:
        """The ID under which its state is sent, empty for what has none."""
        shown = getattr(self.element, self.element.WhichOneof("type") or "empty")
        return getattr(shown, "id", "")


class Session:
    """One reader. Not for several threads: messages are read only while it waits for something.

    Attributes:
        runs: Script runs begun so far, those of fragments included.
        errors: Texts of exceptions the page showed.

    Args:
        address: Of the server, such as http://127.0.0.1:8501.
    """

    def __init__(self, address: str) -> None:
        self.runs = 0
        self.errors: list[str] = []
        self._address = address
        self._http = requests.Session()
        self._open = ExitStack()
        self._places: dict[tuple[int, ...], Place] = {}
        self._states: dict[str, WidgetState] = {}
        self._answers: dict[str, Message] = {}  # by the number of the request
        self._due: dict[str, tuple[float, float]] = {}  # fragment -> (next call, interval)
        self._session_id = self._page = self._run = ""
        self._running = False
        self._asked: str | None = None  # fragment last asked to run whose run has not begun

    def __enter__(self) -> Self:
        """Open the page and wait until it is drawn."""
        with ExitStack() as opened:
            opened.enter_context(self._http)
            # As the browser does: the cookies of the first answer carry the token for uploads,
            # and behind a proxy the name of the replica.
            self._http.get(f"{self._address}/_stcore/health", timeout=PATIENCE).raise_for_status()
            socket = open_socket(self._address, self._http.cookies)
            self._socket = opened.enter_context(socket)
            self.rerun()
            self.settle()
            self._open = opened.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        """Leave, as a closed tab does."""
        self._open.close()

    @property
    def cookies(self) -> Mapping[str, str]:
        """Of this reader's browser."""
        return self._http.cookies

    # What the page shows

    def elements(self, kind: str) -> list[Message]:
        """All elements of a kind, such as "slider", from top to bottom; see Element.proto."""
        return [
            getattr(place.element, kind)
            for _, place in sorted(self._places.items())
            if place.element.WhichOneof("type") == kind
        ]

    def find(self, kind: str, text: str) -> Message:
        """The first element of a kind whose label is `text` or whose key begins with it.

        Raises:
            LookupError: There is none.
        """
        for element in self.elements(kind):
            key = element.id.split("-", 2)[-1]
            if element.label == text or key.startswith(text):
                return element
        raise LookupError(f"no {kind} {text!r} on the page")

    def component(self, name: str) -> Any:
        """The data of the component registered as `name`, None where the page has none."""
        for element in self.elements("bidi_component"):
            if element.component_name == name:
                return json.loads(element.mixed.json if element.HasField("mixed") else element.json)
        return None

    # What the reader does

    def upload(self, label: str, files: Mapping[str, bytes]) -> None:
        """Drop files on the upload widget whose label begins with `label`."""
        widget = next(w for w in self.elements("file_uploader") if w.label.startswith(label))
        state = WidgetState(id=widget.id)
        for place, (name, data) in zip(self.upload_urls([*files]), files.items(), strict=True):
            self.put(place.upload_url, name, data).raise_for_status()
            state.file_uploader_state_value.uploaded_file_info.add(
                file_id=place.file_id, name=name, size=len(data), file_urls=place
            )
        self.set(state)

    def upload_urls(self, names: list[str]) -> list[FileURLs]:
        """Where files of these names are to be put."""
        message = BackMsg()
        message.file_urls_request.request_id = name = f"files {time.monotonic_ns()}"
        message.file_urls_request.session_id = self._session_id
        message.file_urls_request.file_names.extend(names)
        return list(self._ask(message, name).file_urls)

    def put(self, url: str, name: str, data: bytes, token: str | None = None) -> requests.Response:
        """Send the bytes of one file; the token proves that no foreign page does."""
        if token is None:
            token = self._http.cookies.get("_streamlit_xsrf", "")
        return self._http.put(
            self._address + url,
            files={name: (name, data)},
            headers={"X-Xsrftoken": token},
            timeout=PATIENCE,
        )

    def download(self, key: str) -> bytes:
        """Press the download button whose key or label this is; the file is made only then."""
        message = BackMsg()
        message.backend_operation_request.request_id = name = f"file {time.monotonic_ns()}"
        message.backend_operation_request.session_id = self._session_id
        button = self.find("download_button", key)
        message.backend_operation_request.deferred_file.file_id = button.deferred_file_id
        answer = self._ask(message, name)
        if answer.error_msg:
            raise SessionError(answer.error_msg)
        file = self._http.get(self._address + answer.deferred_file.url, timeout=PATIENCE)
        file.raise_for_status()
        return file.content

    def press(self, label: str) -> None:
        """Press the button whose key or label this is."""
        self.set(WidgetState(id=self.find("button", label).id, trigger_value=True))

    def slide(self, label: str, value: float) -> None:
        """Move a slider with one knob; returns at once, the page is drawn anew later."""
        state = WidgetState(id=self.find("slider", label).id)
        state.double_array_value.data.append(value)
        self.set(state)

    def set(self, state: WidgetState) -> None:
        """Give a widget a state and tell the server, as far as the widget's fragment reaches."""
        self._states[state.id] = state
        fragment = next(p.fragment for p in self._places.values() if p.widget == state.id)
        self.rerun(fragment)
        if state.WhichOneof("value") == "trigger_value":
            del self._states[state.id]

    def rerun(self, fragment: str = "", *, auto: bool = False) -> None:
        """Ask for a run of the page, or of one fragment of it."""
        if not auto:
            self._asked = fragment
        message = BackMsg()
        message.rerun_script.widget_states.widgets.extend(self._states.values())
        message.rerun_script.page_script_hash = self._page
        message.rerun_script.fragment_id = fragment
        message.rerun_script.is_auto_rerun = auto
        self._socket.send(message.SerializeToString())

    # Waiting

    def wait_until(self, answer: Callable[[], T], seconds: float = PATIENCE) -> T:
        """Read messages until `answer` gives something true.

        Raises:
            TimeoutError: It gave nothing true in this time.
        """
        end = time.monotonic() + seconds
        while not (found := answer()):
            self._read(end)
        return found

    def settle(self, seconds: float = PATIENCE) -> None:
        """Until the run asked for last has ended."""
        self.wait_until(lambda: self._asked is None and not self._running, seconds)

    def rest(self, seconds: float) -> None:
        """Let time pass as a reader who looks: messages come in, fragments call."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                self._read(end)
            except TimeoutError:
                return

    @property
    def idle(self) -> bool:
        """Whether no run is asked for or under way and no fragment waits to call."""
        return self._asked is None and not self._running and not self._due

    def _read(self, end: float) -> None:
        """Take in one message, or call the fragments that are due."""
        now = time.monotonic()
        if now >= end:
            state = f"asked {self._asked!r}, running {self._running}, due {len(self._due)}"
            raise TimeoutError(f"the server did not answer in time: {state}")
        for fragment, (due, interval) in list(self._due.items()):
            if due <= now and not self._running:
                self._due[fragment] = (now + interval, interval)
                self.rerun(fragment, auto=True)
        soonest = min((due for due, _ in self._due.values()), default=end)
        try:
            data = self._socket.recv(timeout=min(max(soonest - now, 0.02), end - now))
        except TimeoutError:
            return
        message = ForwardMsg()
        message.ParseFromString(data)
        self._take(message)

    def _take(self, message: ForwardMsg) -> None:
        match message.WhichOneof("type"):
            case "new_session":
                self._begin(message)
            case "delta":
                self._place(tuple(message.metadata.delta_path), message.delta)
            case "script_finished":
                self._finish(message)
            case "auto_rerun":
                asked = message.auto_rerun
                due = time.monotonic() + asked.interval
                self._due[asked.fragment_id] = (due, asked.interval)
            case "stop_auto_rerun":
                for fragment in message.stop_auto_rerun.fragment_ids:
                    self._due.pop(fragment, None)
            case "file_urls_response":
                answer = message.file_urls_response
                self._answers[answer.response_id] = answer
            case "backend_operation_response":
                answer = message.backend_operation_response
                self._answers[answer.request_id] = answer
            case "session_event" if message.session_event.HasField("script_compilation_exception"):
                self.errors.append(message.session_event.script_compilation_exception.message)

    def _begin(self, message: ForwardMsg) -> None:
        self.runs += 1
        self._running = True
        self._run = message.metadata.run.script_run_id
        self._session_id = message.new_session.initialize.session_id
        self._page = message.new_session.page_script_hash
        fragments = message.metadata.run.fragment_ids
        if not fragments:
            self._due.clear()  # the run asks for what it wants called again
        if not fragments or self._asked in fragments:
            self._asked = None

    def _place(self, path: tuple[int, ...], delta: Delta) -> None:
        if delta.WhichOneof("type") == "new_element":
            place = Place(delta.new_element, self._run, delta.fragment_id)
            self._places[path] = place
            if delta.new_element.WhichOneof("type") == "exception":
                shown = delta.new_element.exception
                self.errors.append(f"{shown.type}: {shown.message} {list(shown.stack_trace)}")

    def _finish(self, message: ForwardMsg) -> None:
        # A run that was cut short is followed by another.
        self._running = message.script_finished == ForwardMsg.FINISHED_EARLY_FOR_RERUN
        drawn = set(message.metadata.run.fragment_ids)
        run = message.metadata.run.script_run_id
        if message.script_finished in (
            ForwardMsg.FINISHED_SUCCESSFULLY,
            ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY,
        ):  # what the run did not draw again is gone, and its state with it
            self._places = {
                path: place
                for path, place in self._places.items()
                if place.run == run or (drawn and place.fragment not in drawn)
            }
            shown = {place.widget for place in self._places.values()}
            self._states = {id: state for id, state in self._states.items() if id in shown}

    def _ask(self, message: BackMsg, name: str) -> Any:
        self._socket.send(message.SerializeToString())
        return self.wait_until(lambda: self._answers.pop(name, None))


def open_socket(
    address: str,
    cookies: Mapping[str, str] | None = None,
    *,
    host: str | None = None,
    origin: str | None = None,
) -> connect:
    """The WebSocket of a new session, to enter.

    Args:
        host: Name that the server is called by instead of its own.
        origin: Page that calls, instead of the server's own.

    Raises:
        websockets.exceptions.InvalidStatus: The server refuses; its response says how.
    """
    own = urlsplit(address)
    called = f"{host or own.hostname}:{own.port}"
    jar = "; ".join(f"{name}={value}" for name, value in (cookies or {}).items())
    return connect(
        f"{own.scheme.replace('http', 'ws')}://{called}/_stcore/stream",
        origin=Origin(origin or f"{own.scheme}://{called}"),
        subprotocols=[Subprotocol("streamlit")],
        additional_headers={"Cookie": jar},
        address=(own.hostname, own.port),
        max_size=None,
        proxy=None,
    )
