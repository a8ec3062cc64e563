import dataclasses
import os
import resource
import shutil
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import torch

from cxrapp.__main__ import main
from cxrapp.bulk import job
from cxrapp.bulk.engines import run_here
from cxrapp.bulk.files import File, find_files
from cxrapp.bulk.job import Part, cut, identify
from cxrapp.bulk.part import Screener
from cxrapp.bulk.run import run
from cxrapp.errors import CxrError
from cxrapp.model.card_file import load_card
from cxrapp.model.decision import Setting, default_settings
from cxrapp.runtime.files import open_whole
from tests.bulk.bulk_runs import BUNDLE, REST, describe, finished_parts, start, wait_for_parts
from tests.places import SAMPLES


def test_a_stopped_run_screens_only_what_is_missing(
    films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = list(find_files([films]))
    work = describe(tmp_path / "out.csv")
    asked = []

    def stop_after_three(screener: Screener, parts: Sequence[Part]) -> Iterator[int]:
        for part in parts[:3]:
            screener.write(part)
            yield len(part.files)
        raise KeyboardInterrupt

    def note(screener: Screener, parts: Sequence[Part]) -> Iterator[int]:
        for part in reversed(parts):  # an engine may finish in any order
            asked.append(part.index)
            screener.write(part)
            yield len(part.files)

    with pytest.raises(KeyboardInterrupt):
        run(work, files, stop_after_three)
    assert not work.csv.exists()
    run(work, files, note)
    assert asked == [5, 4, 3]
    assert "6 of 11 files were screened before; going on." in capsys.readouterr().err
    names = [line.split(",")[0] for line in work.csv.read_text().splitlines()[1::2]]
    assert names == [
        *("archive.zip/b.jpeg", "archive.zip/c.jpeg", "broken.png"),
        *(f"film {index}.jpeg" for index in range(0, 9, 2)),
        *(f"ward 3/film {index}.jpeg" for index in range(1, 9, 2)),
    ]
    assert list(tmp_path.iterdir()) == [work.csv]


def test_a_run_stopped_and_killed_again_and_again_gives_the_same_table(
    films: Path, table: bytes, tmp_path: Path
) -> None:
    csv = tmp_path / "out.csv"
    process = start(films, "--csv", csv, rest=REST)
    wait_for_parts(process, csv, 1)
    os.killpg(process.pid, signal.SIGINT)  # Ctrl-C, as a terminal sends it, to everybody
    said = process.communicate()[1]
    assert process.returncode == 130
    assert "stopped; a screening goes on" in said and "Traceback" not in said
    for count in (2, 4):
        process = start(films, "--csv", csv, rest=REST)
        wait_for_parts(process, csv, count)
        process.kill()
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        assert not csv.exists()
    process = start(films, "--csv", csv)
    said = process.communicate()[1]
    assert process.returncode == 0
    assert "files were screened before; going on." in said
    assert csv.read_bytes() == table
    assert list(tmp_path.iterdir()) == [csv]


def test_a_changed_run_starts_anew(
    films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    csv = tmp_path / "out.csv"
    film = str(films / "film 0.jpeg")
    command = ["screen", film, "--csv", str(csv), "--bundle", str(BUNDLE)]
    with monkeypatch.context() as stopped:
        stopped.setattr("cxrapp.bulk.run._join", lambda *_: None)
        assert main(command) == 0
    assert len(finished_parts(csv)) == 1
    assert main([*command, "--threshold", "viral=0.9"]) == 0
    said = capsys.readouterr().err
    assert "starting anew" in said and "screened before" not in said
    assert ",viral," in csv.read_text() and ",0.9," in csv.read_text()
    assert list(tmp_path.iterdir()) == [csv]


def test_a_job_is_another_when_anything_that_changes_a_row_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"x")
    card, files = load_card(BUNDLE), [File("a.png", str(path))]
    settings = default_settings(card)
    seen = [identify(card, settings, None, files)]
    assert seen == [identify(card, dict(reversed(settings.items())), None, list(files))]
    seen += [
        identify(dataclasses.replace(card, sha256="0" * 64), settings, None, files),
        identify(card, settings | {"viral": Setting(0.9)}, None, files),
        identify(card, settings, tmp_path, files),
        identify(card, settings, None, files * 2),
        identify(card, settings, None, [File("b.png", str(path))]),
    ]
    path.write_bytes(b"xx")
    seen.append(identify(card, settings, None, files))
    path.unlink()
    seen.append(identify(card, settings, None, files))
    monkeypatch.setattr(job, "PART_FILES", 3)
    seen.append(identify(card, settings, None, files))
    monkeypatch.setattr(job, "__version__", "9.9.9")
    seen.append(identify(card, settings, None, files))
    assert len(set(seen)) == len(seen) == 10


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "out.csv.parts/notes").mkdir(parents=True)
    shutil.copy(SAMPLES[0], tmp_path / "film.jpeg")
    assert main(["screen", str(tmp_path), "--csv", str(tmp_path / "out.csv")]) == 0
    assert (tmp_path / "out.csv.parts/notes").is_dir()
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 3


def test_a_table_is_whole_or_not_there(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))  # as a disk that is full
    try:
        with pytest.raises(CxrError, match=r"part\.csv: cannot be written \(File too large\)"):
            with open_whole(tmp_path / "part.csv") as file:
                file.write("x" * 2000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    with pytest.raises(KeyboardInterrupt), open_whole(tmp_path / "part.csv") as file:
        file.write("half a row")
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())


def test_cores_are_given_back_after_a_run(tmp_path: Path) -> None:
    work, threads = describe(tmp_path / "out.csv"), torch.get_num_threads()
    run(work, [File(film.name, str(film)) for film in SAMPLES[:2]], run_here)
    assert len((tmp_path / "out.csv").read_text().splitlines()) > 2
    assert torch.get_num_threads() == threads


def test_a_name_as_long_as_names_get_has_its_heat_maps(tmp_path: Path) -> None:
    film = tmp_path / ("ü" * 122 + "i.jpeg")
    shutil.copy(SAMPLES[0], film)
    work = describe(tmp_path / "out.csv", heatmaps=tmp_path / "maps")
    work.folder.mkdir(parents=True)
    Screener(work).write(cut([File(film.name, str(film))])[0])
    assert len(list((tmp_path / "maps").glob("*i.jpeg.viral.png"))) == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--csv", "{}"], "it is there already, and not a file"),
        (["--csv", "{}/nowhere/out.csv"], "there is no folder"),
        (["--csv", "{}/out.csv", "--heatmaps", "{}"], "heat maps need a folder without films"),
        (["--csv", "{}/out.csv", "--workers", "2"], "--workers is for --engine ray"),
    ],
)
def test_what_would_fail_after_hours_is_refused_at_once(
    arguments: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["screen", str(tmp_path), *(a.format(tmp_path) for a in arguments)]
    assert main(command) == 2
    assert words in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
