"""Every collection of films read as its authors laid it out."""

from pathlib import Path

import pandas as pd
import pytest

from train import data


@pytest.fixture(scope="module")
def everything(shared_data: Path) -> pd.DataFrame:
    return data.read_table(shared_data, ("kermany", "radiography", "covid19", "rsna"))


def test_every_source_is_read(everything: pd.DataFrame) -> None:
    films = everything.groupby("source").agg(
        films=("path", "size"), pneumonia=("pneumonia", "sum"), viral=("viral", "count")
    )
    assert films.loc["kermany"].tolist() == [5840, 4265, 4265]
    assert films.loc["radiography"].tolist() == [7003, 3088, 0]  # without seven children
    # Without ARDS alone and lipoid pneumonia; unspecified pneumonia is neither viral nor bacterial.
    assert films.loc["covid19"].tolist() == [399, 382, 360]
    assert films.loc["rsna"].tolist() == [1699, 1097, 0]
    covid19 = everything[everything["source"] == "covid19"]
    assert set(covid19["view"]) == {"AP", "PA", "AP Supine"}
    assert covid19["age_years"].min() >= 18


def test_patients_stay_together_in_every_source(everything: pd.DataFrame) -> None:
    split = data.split_validation(everything, (9, 19))
    assert split.groupby("patient")["split"].nunique().max() == 1
    assert split.groupby("patient")["source"].nunique().max() == 1
    for _, rows in split.groupby("source"):
        assert set(rows["split"]) == {"train", "validation", "test"}


def test_a_source_splits_the_same_with_and_without_others(
    everything: pd.DataFrame, table: pd.DataFrame
) -> None:
    together = data.split_validation(everything, (9, 19))
    together = together[together["source"] == "kermany"]
    alone = data.split_validation(table, (9, 19))
    assert list(together["split"]) == list(alone["split"])


def test_a_held_out_source_is_the_whole_test(everything: pd.DataFrame) -> None:
    held = data.hold_out(data.split_validation(everything, (9, 19)), "covid19")
    assert set(held.loc[held["split"] == "test", "source"]) == {"covid19"}
    assert (held["source"] == "covid19").sum() == 399
    assert set(held.loc[held["split"] == "train", "source"]) == {"kermany", "radiography", "rsna"}


def test_covid19_is_asked_of_known_causes_alone(everything: pd.DataFrame) -> None:
    counts = everything.groupby("source")["covid19"].value_counts().to_dict()
    assert counts == {
        ("kermany", 0): 4265,
        ("radiography", 1): 3088,
        ("covid19", 1): 315,
        ("covid19", 0): 45,
    }


def test_a_recipe_chooses_its_films(everything: pd.DataFrame) -> None:
    chosen = data.choose_films(everything, ["covid19"], "viral == 1 or source == 'radiography'")
    assert chosen["covid19"].notna().all()
    assert (chosen.loc[chosen["source"] == "kermany", "viral"] == 1).all()
    assert len(data.choose_films(everything, ["viral"], "")) == everything["viral"].notna().sum()
    with pytest.raises(ValueError, match="where = 'viral = 1'"):
        data.choose_films(everything, ["viral"], "viral = 1")
    with pytest.raises(ValueError, match="leaves no film"):
        data.choose_films(everything, ["viral"], "viral == 2")
