from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cxrapp.films.preprocess import Preprocessing
from tests.films.dicom_maker import make
from tests.places import SAMPLES
from tests.train.small import CYCLE
from train import data
from train.fit import check_enough, check_finite
from train.sources import LEFT_OUT, group_near_copies


def test_counts_are_the_published_ones(table: pd.DataFrame) -> None:
    counts = table.groupby(["split", "pneumonia", "viral"], dropna=False).size().to_dict()
    found = {key[:2] + (key[2] if key[2] == key[2] else None,): n for key, n in counts.items()}
    assert found == {
        ("train", 0, None): 1341,
        ("train", 1, 0): 2530,
        ("train", 1, 1): 1345,
        ("test", 0, None): 234,
        ("test", 1, 0): 242,
        ("test", 1, 1): 148,
    }


def test_copies_leave_the_training_set_only(table: pd.DataFrame, kermany: Path) -> None:
    kept, dropped = data.drop_copies(table, kermany)
    assert dropped == 26
    assert (kept["split"] == "test").sum() == 624
    train = kept[kept["split"] == "train"]
    assert not train["sha256"].duplicated().any()
    assert not set(train["sha256"]) & set(kept.loc[kept["split"] == "test", "sha256"])


def test_no_patient_is_in_two_splits_and_classes_keep_their_share(table: pd.DataFrame) -> None:
    split = data.split_validation(table, (9, 19))
    assert split.groupby("patient")["split"].nunique().max() == 1
    sizes = split["split"].value_counts()
    assert 0.08 < sizes["validation"] / (sizes["validation"] + sizes["train"]) < 0.12
    shares = split.groupby("split")[["pneumonia", "viral"]].mean()
    assert (shares.loc["train"] - shares.loc["validation"]).abs().max() < 0.03


@pytest.mark.parametrize("block", [0, 9, 19])
def test_a_block_is_a_run_of_numbers_with_no_training_film_between(
    table: pd.DataFrame, block: int
) -> None:
    split = data.split_validation(table, (block,))
    split = split[split["split"] != "test"]
    for _, rows in split.groupby("series"):
        chosen = rows.loc[rows["split"] == "validation", "number"]
        between = rows["number"].between(chosen.min(), chosen.max())
        assert (rows.loc[between, "split"] == "validation").all()
        assert 0.04 < len(chosen) / len(rows) < 0.06


def test_films_are_left_out_by_a_condition(table: pd.DataFrame) -> None:
    split = data.split_validation(table, (9, 19))
    left = data.leave_out(split, "block in [0, 1] and pneumonia == 0")
    apart = left["split"] == "left out"
    assert apart.any() and (left.loc[apart, "pneumonia"] == 0).all()
    assert left.loc[apart, "block"].isin([0, 1]).all()
    assert (left["split"] == "test").sum() == 624
    with pytest.raises(ValueError, match="leave_out = 'machine == 1'"):
        data.leave_out(split, "machine == 1")
    with pytest.raises(ValueError, match="leaves no film to train on"):
        data.leave_out(split, "block >= 0")


def test_bacterial_and_viral_patients_of_one_number_are_two_children(tmp_path: Path) -> None:
    root = make_folder(tmp_path, "person3_bacteria_10.jpeg", "person3_virus_15.jpeg")
    assert data.read_table(root, ("kermany",))["patient"].nunique() == 2


@pytest.mark.parametrize("name", ["film.jpeg", "IM-0115-0001.jpeg"])
def test_a_name_that_tells_nothing_or_contradicts_is_left_out_and_named(
    tmp_path: Path, name: str
) -> None:
    root = make_folder(
        tmp_path, name, "person3_virus_15.dcm", "._person3_virus_16.jpeg", "Thumbs.db"
    )
    table = data.read_table(root, ("kermany",))
    assert list(table["path"]) == ["train/PNEUMONIA/person3_virus_15.dcm"]
    (why,) = table.attrs[LEFT_OUT]
    assert name in why


def test_dicom_films_need_no_suffix(tmp_path: Path) -> None:
    root = make_folder(tmp_path, "person3_virus_15", "person4_virus_1.IMA", "readme.txt", "notes")
    folder = root / "train/PNEUMONIA"
    for name in ("person3_virus_15", "person4_virus_1.IMA"):
        (folder / name).write_bytes(make())
    (folder / "notes").write_bytes(b"of the ward\n" * 20)
    (folder / "older").mkdir()
    kept, faults = data.drop_damaged(data.read_table(root, ("kermany",)), root)
    assert list(kept["patient"]) == ["virus-3", "virus-4"] and not faults


def test_a_damaged_film_is_left_out_and_named(tmp_path: Path) -> None:
    root = make_folder(
        tmp_path, "person1_virus_1.jpeg", "person2_virus_2.dcm", "person3_virus_3.png"
    )
    folder = root / "train/PNEUMONIA"
    (folder / "person1_virus_1.jpeg").write_bytes(SAMPLES[0].read_bytes())
    (folder / "person2_virus_2.dcm").write_bytes(make())
    (folder / "person3_virus_3.png").write_bytes(SAMPLES[0].read_bytes()[:3000])
    kept, faults = data.drop_damaged(data.read_table(root, ("kermany",)), root)
    assert list(kept["patient"]) == ["virus-1", "virus-2"]
    assert len(faults) == 1 and "person3_virus_3.png" in faults[0] and "cut off" in faults[0]


@pytest.mark.parametrize(
    ("pneumonia", "words"),
    [
        ([1, 0, 1], "3 films to train on; this recipe needs at least 8"),
        ([1] * 12, "12 are with pneumonia and 0 without"),
    ],
)
def test_too_few_films_say_how_many_are_needed(pneumonia: list[int], words: str) -> None:
    films = pd.DataFrame({"pneumonia": pneumonia, "viral": 1.0, "split": "train"})
    with pytest.raises(ValueError, match=words):
        check_enough(films, CYCLE.findings, CYCLE.batch)


def test_a_loss_that_is_not_a_number_ends_the_run_with_a_sentence() -> None:
    check_finite(1, 0.7, 0.6)
    for losses in ((float("nan"), 0.6), (0.7, float("inf"))):
        with pytest.raises(ValueError, match="loss of epoch 3 is not a number"):
            check_finite(3, *losses)


def make_folder(root: Path, *pneumonia: str) -> Path:
    for split in ("train", "test"):
        for folder in ("NORMAL", "PNEUMONIA"):
            (root / split / folder).mkdir(parents=True)
    for name in pneumonia:
        (root / "train/PNEUMONIA" / name).write_bytes(b"")
    return root


def test_data_folder_comes_from_the_option_or_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert data.find_data(str(tmp_path)) == tmp_path
    monkeypatch.setenv("CXR_DATA", str(tmp_path))
    assert data.find_data(None) == tmp_path
    with pytest.raises(ValueError, match="no-such"):
        data.find_data("no-such")


def test_films_stand_at_the_root_or_in_a_folder_of_it(tmp_path: Path) -> None:
    make_folder(tmp_path / "chest_xray", "person3_virus_15.jpeg")
    above = data.read_table(tmp_path, ("kermany",))
    below = data.read_table(tmp_path / "chest_xray", ("kermany",))
    assert list(above["path"]) == ["chest_xray/train/PNEUMONIA/person3_virus_15.jpeg"]
    assert list(below["path"]) == ["train/PNEUMONIA/person3_virus_15.jpeg"]
    with pytest.raises(ValueError, match="no train/NORMAL and test/NORMAL"):
        data.read_table(tmp_path / "chest_xray/train", ("kermany",))


def test_an_unknown_source_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Unknown source 'chexpert': use kermany"):
        data.read_table(tmp_path, ("chexpert",))


def test_blocks_cover_every_training_film_once(table: pd.DataFrame) -> None:
    blocks = data.number_blocks(table)
    assert (blocks["block"].notna() == (blocks["split"] == "train")).all()
    assert set(blocks["block"].dropna()) == set(range(data.BLOCKS))


def test_near_copies_are_one_patient(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    blocks = [np.kron(generator.integers(0, 256, (8, 8)), np.ones((8, 8))) for _ in range(2)]
    noisy = np.clip(blocks[0] * 0.9 + generator.normal(0, 4, (64, 64)), 0, 255)
    paths = []
    for number, pixels in enumerate([blocks[0], blocks[1], noisy]):
        paths.append(tmp_path / f"{number}.png")
        Image.fromarray(pixels.astype(np.uint8)).save(paths[-1])
    groups = group_near_copies(paths)
    assert groups[0] == groups[2] != groups[1]


def test_films_are_the_clinics_own_input(table: pd.DataFrame, kermany: Path) -> None:
    rows = table.sample(3, random_state=0)
    preprocessing = Preprocessing(96)
    films = data.load_films(rows, kermany, preprocessing)
    assert films.dtype == np.uint8
    for film, path in zip(films, rows["path"], strict=True):
        expected = preprocessing.to_input(data.read_film(kermany / path).pixels)
        np.testing.assert_allclose(film / 255, expected, atol=0.5 / 255 + 1e-6)


def test_a_training_film_that_cannot_be_read_stops_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "bad.jpeg").write_bytes(b"no film")
    with pytest.raises(ValueError, match="bad.jpeg: The file is not a DICOM, JPEG or PNG"):
        data.read_film(tmp_path / "bad.jpeg")


@pytest.mark.parametrize(("full", "empty"), [("NORMAL", "COVID"), ("COVID", "NORMAL")])
def test_a_folder_without_films_is_named(tmp_path: Path, full: str, empty: str) -> None:
    for name in (full, empty):
        (tmp_path / "radiography" / name).mkdir(parents=True)
    (tmp_path / "radiography" / full / f"{full}-9.png").write_bytes(SAMPLES[0].read_bytes())
    with pytest.raises(ValueError, match=f"radiography/{empty} holds no films"):
        data.read_table(tmp_path, ("radiography",))
