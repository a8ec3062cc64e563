import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime import media_file_manager
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue
from streamlit.runtime.media_file_manager import MediaFileManager
from streamlit.runtime.memory_media_file_storage import MemoryMediaFileStorage

from cxrapp.server import lasting


@pytest.fixture
def manager(monkeypatch: pytest.MonkeyPatch) -> MediaFileManager:
    monkeypatch.setattr(
        media_file_manager, "MediaFileMetadata", media_file_manager.MediaFileMetadata
    )
    lasting.keep_downloads()
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
    monkeypatch.setattr(lasting, "KEPT", 0.0)
    name = make_file(manager)
    manager.remove_orphaned_files()
    manager.remove_orphaned_files()
    assert manager.read_file(name) is None


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> ForwardMsgQueue:
    """A page's element, where to upload a file, and what a download button asked for."""
    monkeypatch.setattr(ForwardMsgQueue, "clear", ForwardMsgQueue.clear)
    lasting.keep_answers()
    queue = ForwardMsgQueue()
    element, upload, download = ForwardMsg(), ForwardMsg(), ForwardMsg()
    element.delta.new_element.empty.SetInParent()
    upload.file_urls_response.response_id = "upload"
    download.backend_operation_response.request_id = "download"
    for message in (element, upload, download):
        queue.enqueue(message)
    return queue


@pytest.mark.parametrize("fragments", [None, ["a fragment"]])
def test_an_answer_outlasts_the_start_of_a_run(
    queue: ForwardMsgQueue, fragments: list[str] | None
) -> None:
    queue.clear(retain_lifecycle_msgs=True, fragment_ids_this_run=fragments)
    sent = [message.WhichOneof("type") for message in queue.flush()]
    assert sorted(sent[-2:]) == ["backend_operation_response", "file_urls_response"]
    assert ("delta" in sent) == (fragments is not None)


def test_an_answer_is_sent_once(queue: ForwardMsgQueue) -> None:
    assert len(queue.flush()) == 3
    assert queue.is_empty()
