import os
from pathlib import Path

import pytest

from cxrapp.bulk.files import find_files, read_file
from cxrapp.films.limits import MAX_FILE_BYTES


def test_files_come_in_the_order_of_their_names_without_clutter_and_outputs(tmp_path: Path) -> None:
    for name in ("b/2.png", "b/1.png", "a.png", "b.png", ".hidden.png", "maps/a.png", "out.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    outputs = [tmp_path / "maps", tmp_path / "out.csv"]
    found = list(find_files([tmp_path, tmp_path / "b.png"], outputs))
    inside = ["a.png", "b/1.png", "b/2.png", "b.png"]
    assert [file.name for file in found] == [*inside, str(tmp_path / "b.png")]
    assert [file.path for file in found[:4]] == [str(tmp_path / name) for name in inside]


def test_a_name_that_is_no_utf8_is_spelt_out(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9.png")).write_bytes(b"x")
    (file,) = find_files([tmp_path])
    assert file.name == r"caf\xe9.png"
    assert [film.reason for film in read_file(file)] == [
        "The file is not a DICOM, JPEG or PNG film."
    ]


def test_what_cannot_be_read_says_why(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link to a folder").symlink_to(tmp_path / "folder")
    (tmp_path / "link to nothing").symlink_to(tmp_path / "nothing")
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    reasons = {file.name: [r.reason for r in read_file(file)] for file in find_files([tmp_path])}
    assert reasons == {
        "a pipe": ["It is not a file."],
        "link to a folder": ["It is not a file."],
        "link to nothing": ["The file cannot be opened (No such file or directory)."],
        "sparse": ["The file is larger than 50 MB."],
    }


@pytest.mark.skipif(os.geteuid() == 0, reason="root may list every folder")
def test_a_folder_that_cannot_be_listed_is_a_row(tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0)
    (file,) = find_files([tmp_path])
    assert file.name == "locked"
    assert [r.reason for r in read_file(file)] == ["The file cannot be opened (Permission denied)."]
