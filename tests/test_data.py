from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cxrapp.preprocess import Preprocessing
from train import data


@pytest.fixture(scope="module")
def table(kermany: Path) -> pd.DataFrame:
    return data.read_table(kermany)


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
    split = data.split_validation(table, 0.10, seed=0)
    assert split.groupby("patient")["split"].nunique().max() == 1
    sizes = split["split"].value_counts()
    assert 0.08 < sizes["validation"] / (sizes["validation"] + sizes["train"]) < 0.12
    shares = split.groupby("split")[["pneumonia", "viral"]].mean()
    assert (shares.loc["train"] - shares.loc["validation"]).abs().max() < 0.03


def test_split_follows_its_seed(table: pd.DataFrame) -> None:
    first, again, other = (data.split_validation(table, 0.10, seed)["split"] for seed in (0, 0, 1))
    assert first.equals(again)
    assert not first.equals(other)


def test_bacterial_and_viral_patients_of_one_number_are_two_children(tmp_path: Path) -> None:
    root = make_folder(tmp_path, "person3_bacteria_10.jpeg", "person3_virus_15.jpeg")
    assert data.read_table(root)["patient"].nunique() == 2


@pytest.mark.parametrize("name", ["film.jpeg", "IM-0115-0001.jpeg"])
def test_a_name_that_tells_nothing_or_contradicts_is_named(tmp_path: Path, name: str) -> None:
    root = make_folder(tmp_path, name)
    with pytest.raises(ValueError, match=name):
        data.read_table(root)


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
    root = make_folder(tmp_path / "kermany")
    assert data.find_data(str(tmp_path)) == data.find_data(str(root)) == root
    monkeypatch.setenv("CXR_DATA", str(tmp_path))
    assert data.find_data(None) == root
    with pytest.raises(ValueError, match="no-such"):
        data.find_data("no-such")


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
    with pytest.raises(ValueError, match="bad.jpeg: The file is not a JPEG or PNG"):
        data.read_film(tmp_path / "bad.jpeg")
