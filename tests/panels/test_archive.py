import pytest

from tests.load.server import free_port
from tests.pages.steps import new_app


@pytest.mark.slow
@pytest.mark.parametrize("named", [False, True])
def test_an_archive_is_mentioned_where_one_is_named_and_asked_when_it_is_opened(
    named: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CXR_PACS_URL", raising=False)
    if named:
        monkeypatch.setenv("CXR_PACS_URL", f"http://127.0.0.1:{free_port()}/dicom-web")
    app = new_app().run()
    assert ("archive" in [button.key for button in app.button]) == named
    assert not app.error
    if named:
        app.button("archive").click().run()
        assert [error.value for error in app.error] == [r"The archive cannot be reached\."]
