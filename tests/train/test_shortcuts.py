"""What a network knows without the lungs, and what its card says of it."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from cxrapp.model.card import Finding
from cxrapp.model.card_file import load_card
from cxrapp.model.lungs import Lungs
from tests.model.small_lungs import lung_masks
from train.__main__ import main
from train.export import export
from train.shortcuts import (
    VIEWS,
    describe_thumbnails,
    describe_tones,
    fit_baseline,
    hide_lungs,
    warn_of,
)


def test_shortcuts_reach_the_card(
    fresh: Path, tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["shortcuts", str(fresh), "--data", str(tiny)]) == 0
    printed = capsys.readouterr().out
    assert "validation, pneumonia, thumbnail and shape alone" in printed
    assert "test, " not in printed  # which this run has not opened
    export(fresh, tiny, tmp_path / "b.pt")
    card = load_card(tmp_path / "b.pt")
    checks = card.shortcuts["validation"]["pneumonia"]
    (said,) = (limit for limit in card.limits if "alone tell pneumonia from" in limit)
    doubted = checks["margin over thumbnail and shape"]["low"] <= 0
    assert ("may rest on where" in said) == doubted
    whole, baseline = (
        checks[name]["value"] for name in ("whole film", "thumbnail and shape alone")
    )
    assert checks["margin over thumbnail and shape"]["value"] == pytest.approx(whole - baseline)


def test_the_card_says_how_well_a_thumbnail_does() -> None:
    """ "Shape still tells the classes apart a little" stood for an AUROC of 0.893."""
    rate = {"value": 0.9, "low": 0.8, "high": 1.0, "n": 9}
    rates = {"whole film": rate, "thumbnail and shape alone": rate}
    finding = Finding("covid19", "COVID-19", "other pneumonia")

    def warn(low: float) -> tuple[str, ...]:
        told = {"margin over thumbnail and shape": rate | {"low": low}}
        return warn_of({"validation": {"covid19": rates | told}}, [finding])

    (sentence,), (surer,) = warn(-0.01), warn(0.01)
    assert "tell COVID-19 from other pneumonia with an AUROC of 0.900 on validation" in sentence
    assert "may rest on where" in sentence and "may rest on where" not in surer
    assert warn_of({}, [finding]) == ()
    # A doubt of validation once stood beside the test's numbers, which give no reason for it.
    doubted = {"covid19": rates | {"margin over thumbnail and shape": rate | {"low": -0.01}}}
    tested = {name: one | {"value": 0.5} for name, one in doubted["covid19"].items()}
    sure = {"covid19": tested | {"margin over thumbnail and shape": rate}}
    (both,) = warn_of({"validation": doubted, "test": sure}, [finding])
    assert "AUROC of 0.900 on validation films" in both and "may rest on where" in both
    (neither,) = warn_of({"validation": sure, "test": sure}, [finding])
    assert "0.500 on test films" in neither and "may rest on where" not in neither


def test_hiding_leaves_the_rest_of_the_film() -> None:
    films = np.random.default_rng(0).random((2, 1, 40, 40), np.float32) + 0.1
    hidden = hide_lungs(films, [Lungs(lung_masks())] * 2)
    np.testing.assert_array_equal(sum(hidden.values()), films)
    share = (hidden["all but the lungs hidden"] > 0).mean()
    assert share == pytest.approx(2 * np.pi * 0.15 * 0.3, rel=0.1)
    assert hide_lungs(films, []) == {}
    assert (VIEWS["border hidden"](films) == 0).mean() == pytest.approx(1 - 0.8**2)
    assert (VIEWS["corners and markers hidden"](films) == 0).mean() == pytest.approx(4 * 0.25**2)


def test_description_tells_shape_and_sharpness() -> None:
    noise = np.random.default_rng(0).random((1, 1, 64, 64), np.float32)
    wide = np.repeat(noise, 2, axis=3)[..., :64]  # stretched: less detail across
    plain, stretched = describe_thumbnails(noise)[0], describe_thumbnails(wide)[0]
    assert len(plain) == 66
    assert stretched[64] < plain[64]
    assert stretched[65] < 0.6 * plain[65]


def test_grey_levels_have_no_place() -> None:
    film = np.random.default_rng(0).random((1, 1, 32, 32), np.float32)
    shuffled = np.random.default_rng(1).permutation(film.ravel()).reshape(film.shape)
    np.testing.assert_allclose(describe_tones(film), describe_tones(shuffled))
    assert describe_tones(film).sum() == pytest.approx(1)


def test_the_baseline_finds_what_no_line_can() -> None:
    """The answer is whether two numbers agree in sign; films without a label are left out."""
    known, seen = np.random.default_rng(0).normal(size=(2, 400, 2))
    labels = (known.prod(1) > 0).astype(float)
    labels[:50] = np.nan
    ranks = fit_baseline(known, labels, seen)
    assert roc_auc_score(seen.prod(1) > 0, ranks) > 0.9
