"""Files made on demand stay until they are fetched."""

import time

from streamlit.runtime import media_file_manager
from streamlit.runtime.media_file_manager import MediaFileMetadata

KEPT = 60.0  # seconds


class LastingMetadata(MediaFileMetadata):
    """Lets a file go some time after Streamlit has first found nobody who refers to it.

    Nobody refers to a file that a download button has just made, and the second script to end
    takes it away: with other readers at work, before the browser has asked for it.
    """

    unwanted_since: float | None = None

    @property
    def is_marked_for_delete(self) -> bool:
        """Whether it may go now."""
        since = self.unwanted_since
        return since is not None and time.monotonic() - since > KEPT

    def mark_for_delete(self) -> None:
        """Begin to count."""
        if self.unwanted_since is None:
            self.unwanted_since = time.monotonic()


def keep_downloads() -> None:
    """Have Streamlit do so for every file made from now on."""
    media_file_manager.MediaFileMetadata = LastingMetadata
