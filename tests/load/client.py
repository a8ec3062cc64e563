"""One reader's session with a running server, over Streamlit's own protocol and without a browser.

The protocol is that of the pinned Streamlit: protobuf messages on a WebSocket (streamlit/proto),
uploads by HTTP. It does what the browser does and no more: it keeps the element tree, sends all
widget states with every message, and calls the fragments that asked to run again and again.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any, Self, TypeVar

import requests
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Common_pb2 import FileURLs
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.exceptions import InvalidMessage

from tests.load.page import Page
from tests.load.websocket import PATIENCE, WebSocket, open_socket

T = TypeVar("T")

KNOCKS = 3  # times that a session knocks; the page itself would go on knocking


class SessionError(Exception):
    """The server answered what it must not answer."""


class Session:
    """One reader. Not for several threads: messages are read only while it waits for something.

    Attributes:
        page: What the server has drawn.
        opened: Seconds from nothing until the page stood.
        unanswered: Times that the connection was closed without an answer before it stood.

    Args:
        address: Of the server, such as http://127.0.0.1:8501.
    """

    def __init__(self, address: str) -> None:
        self.page, self.opened, self.unanswered = Page(), 0.0, 0
        self._address = address
        self._http = requests.Session()
        self._open = ExitStack()

    def __enter__(self) -> Self:
        """Open the page and wait until it is drawn."""
        start = time.monotonic()
        with ExitStack() as opened:
            opened.enter_context(self._http)
            self._socket = self._connect(opened)
            self.rerun()
            self.settle()
            self._open = opened.pop_all()
        self.opened = time.monotonic() - start
        return self

    def __exit__(self, *error: object) -> None:
        """Leave, as a closed tab does."""
        self._open.close()

    @property
    def cookies(self) -> Mapping[str, str]:
        """Of this reader's browser."""
        return self._http.cookies

    # What the reader does

    def upload(self, label: str, files: Mapping[str, bytes]) -> None:
        """Drop files on the upload widget whose label begins with `label`."""
        widget = next(w for w in self.page.elements("file_uploader") if w.label.startswith(label))
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
        message.file_urls_request.session_id = self.page.session_id
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
        message.backend_operation_request.session_id = self.page.session_id
        button = self.page.find("download_button", key)
        message.backend_operation_request.deferred_file.file_id = button.deferred_file_id
        answer = self._ask(message, name)
        if answer.error_msg:
            raise SessionError(answer.error_msg)
        file = self._http.get(self._address + answer.deferred_file.url, timeout=PATIENCE)
        file.raise_for_status()
        return file.content

    def press(self, label: str) -> None:
        """Press the button whose key or label this is."""
        self.set(WidgetState(id=self.page.find("button", label).id, trigger_value=True))

    def slide(self, label: str, value: float) -> None:
        """Move a slider with one knob; returns at once, the page is drawn anew later."""
        state = WidgetState(id=self.page.find("slider", label).id)
        state.double_array_value.data.append(value)
        self.set(state)

    def set(self, state: WidgetState) -> None:
        """Give a widget a state and tell the server, as far as the widget's fragment reaches."""
        self.page.states[state.id] = state
        fragment = self.page.fragment_of(state.id)
        self.rerun(fragment)
        if state.WhichOneof("value") == "trigger_value":
            del self.page.states[state.id]

    def rerun(self, fragment: str = "", *, auto: bool = False) -> None:
        """Ask for a run of the page, or of one fragment of it."""
        if not auto:
            self.page.asked = fragment
        message = BackMsg()
        message.rerun_script.widget_states.widgets.extend(self.page.states.values())
        message.rerun_script.page_script_hash = self.page.script
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
        self.wait_until(lambda: self.page.settled, seconds)

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
        return self.page.settled and not self.page.due

    def _connect(self, opened: ExitStack) -> WebSocket:
        """Connect as the page does: where nothing answers, it asks for health and knocks again."""
        while True:
            # The cookies of the first answer carry the token for uploads, and behind a proxy the
            # name of the replica.
            self._http.get(f"{self._address}/_stcore/health", timeout=PATIENCE).raise_for_status()
            try:
                return opened.enter_context(open_socket(self._address, self._http.cookies))
            except InvalidMessage:
                self.unanswered += 1
                if self.unanswered == KNOCKS:
                    raise

    def _read(self, end: float) -> None:
        """Take in one message, or call the fragments that are due."""
        now = time.monotonic()
        if now >= end:
            state = (
                f"asked {self.page.asked!r}, running {self.page.running}, due {len(self.page.due)}"
            )
            raise TimeoutError(f"the server did not answer in time: {state}")
        for fragment, (due, interval) in list(self.page.due.items()):
            if due <= now and not self.page.running:
                self.page.due[fragment] = (now + interval, interval)
                self.rerun(fragment, auto=True)
        soonest = min((due for due, _ in self.page.due.values()), default=end)
        try:
            data = self._socket.receive(min(max(soonest - now, 0.02), end - now))
        except TimeoutError:
            return
        message = ForwardMsg()
        message.ParseFromString(data)
        self.page.take(message)

    def _ask(self, message: BackMsg, name: str) -> Any:
        self._socket.send(message.SerializeToString())
        return self.wait_until(lambda: self.page.answers.pop(name, None))
