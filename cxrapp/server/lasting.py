"""What Streamlit lets go of before the browser has it, kept until then."""

import time
from functools import wraps

from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime import media_file_manager
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue
from streamlit.runtime.media_file_manager import MediaFileMetadata

KEPT = 60.0  # seconds that a file made on demand waits to be fetched
ANSWERS = {"file_urls_response", "backend_operation_response"}


class LastingMetadata(MediaFileMetadata):
    """Lets a file go some time after Streamlit has first found nobody who refers to it.

    Nobody refers to a file that a download button has just made, and the second script to end
    removes it: with other readers at work, before the browser has asked for it.
    """

    unwanted_since: float | None = None

    @property
    def is_marked_for_delete(self) -> bool:
        """Whether it may go now."""
        since = self.unwanted_since
        return since is not None and time.monotonic() - since > KEPT

    def mark_for_delete(self) -> None:
        """Start to count."""
        if self.unwanted_since is None:
            self.unwanted_since = time.monotonic()


def keep_downloads() -> None:
    """Have Streamlit keep every file made on demand from now on until it is fetched."""
    media_file_manager.MediaFileMetadata = LastingMetadata


def keep_answers() -> None:
    """Have Streamlit send every answer to a browser's question.

    The script's next run clears what waits to be sent, and with it where to upload a file that was
    dropped that very moment: the browser would wait for good, and say nothing.
    """
    clear = ForwardMsgQueue.clear

    @wraps(clear)
    def clear_all_else(
        queue: ForwardMsgQueue,
        retain_lifecycle_msgs: bool = False,
        fragment_ids_this_run: list[str] | None = None,
    ) -> None:
        waiting: list[ForwardMsg] = queue._queue
        clear(queue, retain_lifecycle_msgs, fragment_ids_this_run)
        if retain_lifecycle_msgs:  # or else all have been sent
            kept = {id(message) for message in queue._queue}
            queue._queue += [
                message
                for message in waiting
                if message.WhichOneof("type") in ANSWERS and id(message) not in kept
            ]

    ForwardMsgQueue.clear = clear_all_else
