from pathlib import Path

import pytest

from cxrapp.archive.settings import load_settings, read_secret
from cxrapp.errors import CxrError

URL = "https://pacs.hospital.example/dicom-web"


def test_without_an_address_there_is_no_archive() -> None:
    assert load_settings(environment={}) is None
    assert load_settings(environment={"CXR_PACS_USER": "cxr"}) is None


def test_the_environment_outweighs_the_file_and_the_command_line_both(tmp_path: Path) -> None:
    file = tmp_path / "archive.toml"
    file.write_text(f'url = "{URL}/"\nuser = "file"\npassword_file = "/run/p"\ntimeout = 5')
    environment = {"CXR_PACS_FILE": str(file), "CXR_PACS_USER": "environment"}
    found = load_settings(environment=environment)
    assert (found.url, found.user, found.timeout) == (URL, "environment", 5.0)
    assert found.password_file == Path("/run/p")
    other = load_settings("http://127.0.0.1:8042/dicom-web", environment)
    assert other.url == "http://127.0.0.1:8042/dicom-web"


def test_neither_address_nor_user_is_in_what_a_log_would_hold() -> None:
    environment = {
        "CXR_PACS_URL": URL,
        "CXR_PACS_USER": "somebody",
        "CXR_PACS_PASSWORD_FILE": "/run/p",
    }
    shown = repr(load_settings(environment=environment))
    assert "hospital" not in shown and "somebody" not in shown


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"URL": "ftp://pacs.example"}, "is of the form"),
        ({"URL": "https://cxr:secret@pacs.example/rs"}, "holds no password"),
        ({"URL": f"{URL}?token=secret"}, "is of the form"),
        ({"TIMEOUT": "soon"}, "not a number"),
        ({"TIMEOUT": "-1"}, "between 0 and"),
        ({"USER": "cxr"}, "needs the file of a password"),
        ({"FILE": "/nowhere/archive.toml"}, "cannot be read"),
        ({"USER": "a", "PASSWORD_FILE": "/p", "TOKEN_FILE": "/t"}, "not both"),
    ],
)
def test_what_cannot_be_used_is_said_without_secrets(changes: dict[str, str], words: str) -> None:
    environment = {"CXR_PACS_URL": URL} | {f"CXR_PACS_{k}": v for k, v in changes.items()}
    with pytest.raises(CxrError, match=words) as refusal:
        load_settings(environment=environment)
    assert "secret" not in str(refusal.value)


def test_an_unknown_setting_is_named(tmp_path: Path) -> None:
    file = tmp_path / "archive.toml"
    file.write_text('adress = "x"')
    with pytest.raises(CxrError, match="no setting adress"):
        load_settings(environment={"CXR_PACS_FILE": str(file)})


def test_a_secret_is_one_line_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("abc.def\n")
    assert read_secret(file) == "abc.def"
    file.write_text("two\nlines")
    with pytest.raises(CxrError, match="no such thing"):
        read_secret(file)
