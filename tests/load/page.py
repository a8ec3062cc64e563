"""What a server has drawn for one reader, from its messages: elements, runs and what is due."""

import json
import time
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message
from streamlit.proto.Delta_pb2 import Delta
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState


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


class Page:
    """The page as the messages taken in so far have drawn it.

    Attributes:
        runs: Script runs begun so far, those of fragments included.
        errors: Texts of exceptions the page showed.
        states: ID of a widget -> the state that was sent last.
        answers: Number of a request -> the answer to it.
        due: Fragment -> when it is to be called next, and the interval.
        asked: Fragment last asked to run whose run has not begun; empty for the whole page.
        running: Whether a run is under way.
        session_id: The server's name for this reader.
        script: Hash of the page's script.
    """

    def __init__(self) -> None:
        self.runs = 0
        self.errors: list[str] = []
        self.states: dict[str, WidgetState] = {}
        self.answers: dict[str, Message] = {}
        self.due: dict[str, tuple[float, float]] = {}
        self.asked: str | None = None
        self.running = False
        self.session_id = self.script = ""
        self._places: dict[tuple[int, ...], Place] = {}
        self._run = ""

    @property
    def settled(self) -> bool:
        """Whether no run is asked for or under way."""
        return self.asked is None and not self.running

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

    def fragment_of(self, widget: str) -> str:
        """The fragment that drew a widget."""
        return next(place.fragment for place in self._places.values() if place.widget == widget)

    def take(self, message: ForwardMsg) -> None:
        """Draw what a message says."""
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
                self.due[asked.fragment_id] = (due, asked.interval)
            case "stop_auto_rerun":
                for fragment in message.stop_auto_rerun.fragment_ids:
                    self.due.pop(fragment, None)
            case "file_urls_response":
                answer = message.file_urls_response
                self.answers[answer.response_id] = answer
            case "backend_operation_response":
                answer = message.backend_operation_response
                self.answers[answer.request_id] = answer
            case "session_event" if message.session_event.HasField("script_compilation_exception"):
                self.errors.append(message.session_event.script_compilation_exception.message)

    def _begin(self, message: ForwardMsg) -> None:
        self.runs += 1
        self.running = True
        self._run = message.metadata.run.script_run_id
        self.session_id = message.new_session.initialize.session_id
        self.script = message.new_session.page_script_hash
        fragments = message.metadata.run.fragment_ids
        if not fragments:
            self.due.clear()  # the run asks for what it wants called again
        if not fragments or self.asked in fragments:
            self.asked = None

    def _place(self, path: tuple[int, ...], delta: Delta) -> None:
        if delta.WhichOneof("type") == "new_element":
            place = Place(delta.new_element, self._run, delta.fragment_id)
            self._places[path] = place
            if delta.new_element.WhichOneof("type") == "exception":
                shown = delta.new_element.exception
                self.errors.append(f"{shown.type}: {shown.message} {list(shown.stack_trace)}")

    def _finish(self, message: ForwardMsg) -> None:
        # A run that was cut short is followed by another.
        self.running = message.script_finished == ForwardMsg.FINISHED_EARLY_FOR_RERUN
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
            self.states = {id: state for id, state in self.states.items() if id in shown}
