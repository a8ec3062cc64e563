import csv
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxrapp.__main__ import main
from cxrapp.model.bundle import Bundle
from tests.bulk.bulk_runs import BUNDLE
from tests.model.small_bundle import put
from tests.model.small_lungs import put_lungs
from tests.pages.steps import photograph
from tests.places import SAMPLES

COLUMNS = ["file", "finding", "probability", "threshold", "decision", "status", "message"]


def screen(out: Path, *arguments: object, bundle: Path = BUNDLE) -> list[dict[str, str]]:
    command = ["screen", *map(str, arguments), "--csv", str(out / "out.csv")]
    assert main([*command, "--bundle", str(bundle)]) == 0
    with (out / "out.csv").open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        assert reader.fieldnames == COLUMNS
        return list(reader)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "films"
    (folder / "ward 3").mkdir(parents=True)
    (folder / "ward 3" / "a.jpg").write_bytes(SAMPLES[0].read_bytes())
    (folder / "broken.png").write_bytes(SAMPLES[1].read_bytes()[:3000])
    (folder / ".DS_Store").write_bytes(b"x")
    with zipfile.ZipFile(folder / "z.zip", "w") as archive:
        archive.write(SAMPLES[1], "inside/b.jpeg")
        archive.writestr("notes.txt", "hello")
    return folder


def test_folder_gives_a_row_a_film_and_finding(folder: Path, tmp_path: Path) -> None:
    rows = screen(tmp_path, folder)
    status = {row["file"]: row["status"] for row in rows}
    assert status == {
        "broken.png": "error",
        "ward 3/a.jpg": "ok",
        "z.zip/inside/b.jpeg": "ok",
        "z.zip/notes.txt": "error",
    }
    assert [row["finding"] for row in rows] == ["pneumonia", "viral"] * 4


def test_broken_file_has_no_probability_but_a_reason(folder: Path, tmp_path: Path) -> None:
    rows = screen(tmp_path, folder / "broken.png")
    assert len(rows) == 2
    for row in rows:
        assert row["file"] == str(folder / "broken.png")
        assert row["probability"] == row["decision"] == ""
        assert "cut off or damaged" in row["message"]


def test_a_refused_picture_keeps_its_probability_and_says_why(tmp_path: Path) -> None:
    name, data = photograph()
    (tmp_path / name).write_bytes(data)
    rows = screen(tmp_path, tmp_path / name)
    assert [row["status"] for row in rows] == ["refused"] * 2
    assert all(row["probability"] and not row["decision"] for row in rows)
    assert "does not look like a frontal chest film" in rows[0]["message"]


def test_threshold_decides_and_viral_keeps_its_probability(tmp_path: Path) -> None:
    film = SAMPLES[-1]
    low = screen(tmp_path, film, "--threshold", "pneumonia=0")
    high = screen(tmp_path, film, "--threshold", "pneumonia=1")
    assert [low[0]["decision"], high[0]["decision"]] == ["positive", "negative"]
    assert high[1]["decision"] == "not asked"
    assert high[1]["probability"] == low[1]["probability"] != ""
    assert high[0]["threshold"] == "1"


def test_heat_maps_are_written_at_the_films_size(light_path: Path, tmp_path: Path) -> None:
    screen(tmp_path, SAMPLES[0], "--heatmaps", tmp_path / "maps", bundle=light_path)
    written = sorted((tmp_path / "maps").iterdir())
    assert len(written) == 2
    for path, finding in zip(written, ("pneumonia", "viral"), strict=True):
        assert path.name.endswith(f".{finding}.png")
        with Image.open(path) as heat_map, Image.open(SAMPLES[0]) as film:
            assert heat_map.size == film.size


def test_no_two_films_share_a_heat_map(light_path: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "alike.zip", "w") as archive:
        for name, sample in zip(("a/b.jpeg", "a_b.jpeg", "a b.jpeg"), SAMPLES, strict=False):
            archive.write(sample, name)
    screen(tmp_path, tmp_path / "alike.zip", "--heatmaps", tmp_path / "maps", bundle=light_path)
    assert len(list((tmp_path / "maps").iterdir())) == 3 * 2


def test_a_zip_entry_cannot_write_heat_maps_elsewhere(light_path: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.write(SAMPLES[0], "../../../evil.jpeg")
    maps = tmp_path / "out" / "maps"
    screen(tmp_path, tmp_path / "evil.zip", "--heatmaps", maps, bundle=light_path)
    assert not list(tmp_path.glob("*evil*.png"))
    assert len(list(maps.iterdir())) == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["no-such-folder"], "No such file or folder: no-such-folder"),
        ([SAMPLES[0], "--threshold", "gout=0.5"], "no finding 'gout'"),
        ([SAMPLES[0], "--threshold", "viral=high"], "'high' is not a number"),
        ([SAMPLES[0], "--threshold", "viral=1.5"], "between 0 and 1"),
        ([SAMPLES[0], "--bundle", "nothing.pt"], "nothing.json: the model card is missing"),
    ],
)
def test_wrong_usage_ends_with_two_and_a_sentence(
    arguments: list, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = ["--csv", str(tmp_path / "out.csv")]
    assert main(["screen", "--bundle", str(BUNDLE), *map(str, arguments), *out]) == 2
    assert words in capsys.readouterr().err


def test_card_prints_the_card(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["card", str(BUNDLE)]) == 0
    assert json.loads(capsys.readouterr().out)["findings"][0]["name"] == "pneumonia"


@pytest.mark.slow
def test_official_test_films_score_as_the_card_says(
    kermany: Path, tmp_path: Path, bundle: Bundle
) -> None:
    """Every sixth film, held against its own score: the card's AUROC is taken from these."""
    films, cohort = sorted((kermany / "test").rglob("*.jpeg")), bundle.card.cohorts["test"]
    labels = [path.parent.name == "PNEUMONIA" for path in films]
    assert list(cohort.labels[:, 0]) == labels  # in the same order
    rows = screen(tmp_path, *films[::6])
    assert [row["file"] for row in rows[::2]] == [str(path) for path in films[::6]]
    for k, calibration in enumerate(bundle.card.calibrations):
        stated = calibration.probability(cohort.logits[::6, k])
        found = np.array([float(row["probability"]) for row in rows[k::2]])
        np.testing.assert_allclose(found, stated, atol=0.01)


@pytest.mark.slow
def test_an_original_scores_like_its_small_copy(shared_data: Path, tmp_path: Path) -> None:
    originals = sorted((shared_data / "originals/test").rglob("*.jpeg"))
    large = screen(tmp_path, *originals)
    small = screen(
        tmp_path, *(shared_data / "kermany/test" / p.parent.name / p.name for p in originals)
    )
    columns = [np.array([float(r["probability"]) for r in rows[::2]]) for rows in (large, small)]
    difference = np.abs(np.subtract(*columns)).mean()
    assert difference <= 0.03, difference


def test_lungs_are_written_as_masks_of_the_films_own_size(
    model: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle, out = put(tmp_path, model), tmp_path / "out"
    command = ["screen", str(SAMPLES[0]), "--csv", str(tmp_path / "out.csv")]
    command += ["--bundle", str(bundle)]
    assert main([*command, "--lungs", str(out)]) == 2
    assert main(command) == 0
    assert capsys.readouterr().err.count("There is no lungs.pt beside the model") == 2
    put_lungs(tmp_path, kind="turned to the left")
    assert main([*command, "--lungs", str(out)]) == 0
    assert "lungs.pt" not in capsys.readouterr().err
    (path,) = out.iterdir()
    assert path.name.endswith(".lungs.png") and SAMPLES[0].name in path.name
    with Image.open(path) as mask, Image.open(SAMPLES[0]) as film:
        assert (mask.mode, mask.size) == ("L", film.size)
        assert set(np.unique(np.asarray(mask))) == {0, 255}
    with (tmp_path / "out.csv").open(newline="", encoding="utf-8") as file:
        row = next(csv.DictReader(file))
    assert row["status"] == "refused" and "It looks turned to the left." in row["message"]
