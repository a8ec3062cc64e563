import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from cxrapp.errors import InvalidBundle
from cxrapp.explain import grad_cams
from cxrapp.films.radiograph import Radiograph
from cxrapp.model.bundle import WEIGHTS, Bundle, load_bundle, load_parts
from cxrapp.model.card_file import load_card
from cxrapp.model.predict import encode, measure_distances
from cxrapp.statistics.curves import auroc_rate
from cxrapp.statistics.operating_point import operating_point
from train.distance import PopulationDistance
from train.model import Exported, build_network, with_averages


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for suffix in (".pt", ".json"):
        shutil.copy(WEIGHTS / f"pneumonia{suffix}", tmp_path / f"copy{suffix}")
    return tmp_path / "copy.pt"


def edit_card(path: Path, **changes: object) -> None:
    card = path.with_suffix(".json")
    card.write_text(json.dumps(json.loads(card.read_text()) | changes))


def test_a_true_copy_loads(copy: Path) -> None:
    assert load_bundle(copy).card.findings[0].name == "pneumonia"


def test_a_file_altered_or_cut_off_is_refused(copy: Path) -> None:
    whole = copy.read_bytes()
    half = len(whole) // 2
    for data in (whole[:half] + bytes([whole[half] ^ 1]) + whole[half + 1 :], whole[:1000]):
        copy.write_bytes(data)
        with pytest.raises(InvalidBundle, match="SHA-256 differs"):
            load_bundle(copy)


def test_a_missing_card_or_file_is_named(copy: Path) -> None:
    copy.rename(copy.with_name("other.pt"))
    with pytest.raises(InvalidBundle, match="copy.pt: the model file is missing"):
        load_bundle(copy)
    with pytest.raises(InvalidBundle, match="other.json: the model card is missing"):
        load_bundle(copy.with_name("other.pt"))


def test_a_newer_format_is_refused(copy: Path) -> None:
    edit_card(copy, schema=99)
    with pytest.raises(InvalidBundle, match="format 99"):
        load_bundle(copy)


def test_card_survives_a_round_trip_as_strict_json(copy: Path) -> None:
    card = load_card(copy)
    text = card.to_json()
    assert "NaN" not in text and "Infinity" not in text
    copy.with_suffix(".json").write_text(text)
    again = load_card(copy)
    assert again.to_json() == text
    np.testing.assert_array_equal(again.cohorts["test"].labels, card.cohorts["test"].labels)


def test_card_metrics_are_those_of_its_scores(bundle: Bundle) -> None:
    for cohort in ("validation", "test"):
        for finding in bundle.card.findings:
            scores = bundle.card.scores(cohort, finding.name)
            rate = auroc_rate(scores)
            stored = bundle.card.metrics[cohort][finding.name]["auroc"]
            assert stored["value"] == pytest.approx(rate.value)
            assert stored["low"] == pytest.approx(rate.low, abs=1e-6)
            assert stored["n"] == len(scores.labels)


@pytest.mark.slow
def test_script_says_what_the_eager_network_says(
    bundle: Bundle, films: list[Radiograph], tmp_path: Path
) -> None:
    torch.manual_seed(0)
    network = build_network(findings=2, dropout=0.2).eval()
    parts = with_averages(network), network.head, PopulationDistance(2816, 4)
    torch.jit.script(Exported(*parts)).save(tmp_path / "network.pt")
    eager = Bundle(*parts, bundle.card)
    scripted = Bundle(*load_parts(tmp_path / "network.pt"), bundle.card)
    inputs = np.stack([bundle.card.preprocessing.to_input(film.pixels) for film in films[:2]])
    ours, theirs = encode(eager, inputs), encode(scripted, inputs)
    np.testing.assert_allclose(theirs.logits, ours.logits, atol=1e-4)
    distances = [
        measure_distances(b.distance, e.averages) for b, e in ((eager, ours), (scripted, theirs))
    ]
    np.testing.assert_allclose(*distances, rtol=1e-3)
    for eager_map, feature_map in zip(ours.feature_maps, theirs.feature_maps, strict=True):
        np.testing.assert_allclose(
            grad_cams(scripted, feature_map), grad_cams(eager, eager_map), atol=1e-3
        )


@pytest.mark.parametrize("name", ["pneumonia", "pneumonia-int8", "all-ages"])
def test_a_shipped_goal_is_kept_on_the_films_it_was_chosen_on(name: str) -> None:
    """By the lower end of the interval, as the card and the screen show it."""
    card = load_card(WEIGHTS / f"{name}.json")
    for finding, points in zip(card.findings, card.operating_points, strict=True):
        for goal, threshold in points.items():
            if match := re.match(r"(sensitivity|specificity) at least (\d+) %", goal):
                point = operating_point(card.scores("validation", finding.name), threshold)
                assert getattr(point, match[1]).low >= int(match[2]) / 100
