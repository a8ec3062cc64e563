from pathlib import Path

import pandas as pd
import pytest

from tests.train.small import EARLIER, shrink
from train.fit import fit
from train.recipe import Phase
from train.repeat import cross_validate, repeat_seeds, score_blocks

RECIPE = shrink("pneumonia", Phase(1e-3, ((32, 1),), "onecycle")).override(backbone="small_cnn")


@pytest.fixture(scope="module")
def folds(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished cross-validation of `RECIPE`, to be read only."""
    folder = tmp_path_factory.mktemp("crossval") / "folds"
    cross_validate(RECIPE, tiny, folder, folds=2)
    return folder


def test_a_block_that_is_told_the_wrong_way_round_shows() -> None:
    films = pd.DataFrame(
        {
            "block": [0, 0, 0, 0, 1, 1, 2, 2],
            "viral": [0, 0, 1, 1, 0, 1, 1, None],
            "viral_logit": [-1.0, 2.0, 1.0, 3.0, 1.0, -1.0, 0.0, 0.0],
        }
    )
    scores = score_blocks(films, ["viral"])["viral"]
    assert list(scores[[0, 1]]) == [0.75, 0.0]
    assert pd.isna(scores[2])  # one answer only


def test_folds_and_seeds_are_measured_together(tiny: Path, folds: Path, tmp_path: Path) -> None:
    seeds = tmp_path / "seeds"
    repeat_seeds(RECIPE, tiny, seeds, [1, 2])
    measured = {folds: (["fold-1", "fold-2"], "left out"), seeds: (["seed-1", "seed-2"],)}
    for folder, (runs, *cohort) in measured.items():
        table = pd.read_csv(folder / "summary.csv")
        assert list(table["run"].unique()) == [*runs, "mean", "std"]
        assert "test" not in set(table["cohort"])
        rows = table[(table["cohort"] == (cohort or ["validation"])[0])]
        rows = rows[rows["finding"] == "pneumonia"].set_index("run")
        assert rows["auroc"]["mean"] == pytest.approx(rows["auroc"][runs].mean())


def test_a_cross_validation_has_an_opinion_of_every_training_film(
    tiny: Path, folds: Path, tmp_path: Path
) -> None:
    splits = [pd.read_csv(folds / f"fold-{k}/split.csv") for k in (1, 2)]
    apart = [set(split.query("split == 'left out'")["sha256"]) for split in splits]
    learned = [set(split.query("split == 'train'")["sha256"]) for split in splits]
    assert apart[0] == learned[1] and apart[1] == learned[0]
    opinions = pd.read_csv(folds / "opinions.csv").set_index("sha256")
    assert set(opinions.index) == apart[0] | apart[1]
    first = pd.read_csv(folds / "fold-1/scores.csv").query("split == 'left out'")
    said = opinions.loc[first["sha256"], "viral_logit"]
    assert list(said) == list(first["viral_logit"])

    blocks = pd.read_csv(folds / "blocks.csv").set_index("block")
    assert set(blocks.index) == set(pd.concat(splits).query("split == 'train'")["block"])

    taught = RECIPE.override(teachers=(str(folds),), teaching=0.5)
    fit(taught, tiny, tmp_path / "run")
    labels, table = (pd.read_csv(tmp_path / f"run/{name}.csv") for name in ("labels", "split"))
    learned_from = table["split"] == "train"
    assert labels.stack().dropna().between(0, 1).all()
    assert not labels.loc[learned_from, "pneumonia"].isin([0, 1]).any()
    kept = labels[~learned_from]
    pd.testing.assert_frame_equal(kept, table.loc[kept.index, list(labels)], check_dtype=False)
    with pytest.raises(ValueError, match="was trained on"):
        fit(taught.override(validation=EARLIER), tiny, tmp_path / "other")
    with pytest.raises(ValueError, match=r"opinions.csv is missing"):
        fit(RECIPE.override(teachers=(str(tmp_path / "none"),)), tiny, tmp_path / "another")
