import pytest
from streamlit.runtime import media_file_manager
from streamlit.runtime.media_file_manager import MediaFileManager
from streamlit.runtime.memory_media_file_storage import MemoryMediaFileStorage

from cxrapp.server import startup


@pytest.fixture
def manager(monkeypatch: pytest.MonkeyPatch) -> MediaFileManager:
    monkeypatch.setattr(
        media_file_manager, "MediaFileMetadata", media_file_manager.MediaFileMetadata
    )
    startup.keep_downloads()
    return MediaFileManager(MemoryMediaFileStorage("/media"))


def make_file(manager: MediaFileManager) -> str:
    """The ID of a file that a download button has made."""
    button = manager.add_deferred(lambda: b"film", "text/csv", "a button", file_name="a.csv")
    return manager.execute_deferred(button).rsplit("/", 1)[-1]


def test_a_download_outlasts_the_runs_of_other_readers(manager: MediaFileManager) -> None:
    name = make_file(manager)
    for _ in range(5):
        manager.remove_orphaned_files()
    assert manager.read_file(name).content == b"film"


def test_it_does_not_stay_for_good(
    manager: MediaFileManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(startup, "KEPT", 0.0)
    name = make_file(manager)
    manager.remove_orphaned_files()
    manager.remove_orphaned_files()
    assert manager.read_file(name) is None
