"""Bfloat16 is used where the processor has it and the card allows it, and there it agrees."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cxrapp.model import bundle as bundle_module
from cxrapp.model.bundle import WEIGHTS, find_bundles, load_bundle
from cxrapp.model.card import BFLOAT16_PROBABILITY
from cxrapp.model.card_file import load_card
from cxrapp.model.predict import encode
from tests.model.small_bundle import CARD, put
from train import data
from train.measure import Outputs
from train.parity import compare

AGREES = {
    "films": 9,
    "probability": BFLOAT16_PROBABILITY,
    "decisions": 0,
    "warnings": 2,
    "time": 0.5,
}


def weights(**changes: Any) -> dict[str, Any]:
    return CARD["training"] | {"weights": {"stored as": "float16"} | changes}


@pytest.mark.parametrize(
    ("processor", "parity", "expected"),
    [
        (True, AGREES, True),
        (False, AGREES, False),
        (True, AGREES | {"probability": BFLOAT16_PROBABILITY + 1e-6}, False),
        (True, AGREES | {"decisions": 1}, False),
        (True, AGREES | {"time": 1.1}, False),
        (True, AGREES | {"time": None}, False),
        (True, None, False),
    ],
)
def test_processor_and_card_decide(
    processor: bool,
    parity: dict[str, Any] | None,
    expected: bool,
    model: bytes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bundle_module, "has_bfloat16", lambda: processor)
    measured = weights(bfloat16=parity) if parity else weights()
    assert load_bundle(put(tmp_path, model, training=measured)).backbone.bfloat16 == expected


def test_eight_bits_stay_eight_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle_module, "has_bfloat16", lambda: True)
    assert not load_bundle(WEIGHTS / "pneumonia-int8.pt").backbone.bfloat16


ALLOWING = [path for path in find_bundles(WEIGHTS) if load_card(path).allows_bfloat16]


@pytest.mark.slow
@pytest.mark.parametrize("path", ALLOWING, ids=lambda path: path.stem)
def test_no_decision_of_the_test_changes(path: Path, kermany: Path) -> None:
    """Of every tenth film of the official test and of all that a small move would decide anew;
    the card holds what they get in float32."""
    bundle = load_bundle(path, bfloat16=True)
    card = bundle.card
    table = data.read_table(kermany.parent, ("kermany",))
    paths = table[table["split"] == "test"]["path"].tolist()  # the card's test begins with them
    cohort = card.cohorts["test"]
    chosen = np.zeros(len(cohort.distances), bool)
    chosen[: len(paths) : 10] = True
    for k, threshold in enumerate(card.default_thresholds().values()):
        probabilities = card.calibrations[k].probability(cohort.logits[:, k])
        chosen |= np.abs(probabilities - threshold) < 2 * BFLOAT16_PROBABILITY
    chosen[len(paths) :] = False
    inputs = [
        card.preprocessing.to_input(data.read_film(kermany.parent / paths[i]).pixels)[None]
        for i in np.flatnonzero(chosen)
    ]
    exact = cohort.subset(chosen)
    whole = encode(load_bundle(path, bfloat16=False), inputs[0]).logits[0]
    np.testing.assert_allclose(whole, exact.logits[0], atol=1e-3)
    logits = np.concatenate([encode(bundle, film).logits for film in inputs])
    parity = compare(
        card,
        {"test": Outputs(exact.logits, exact.distances)},
        {"test": Outputs(logits, exact.distances)},
    )
    assert 0 < parity["probability"] <= BFLOAT16_PROBABILITY  # 0 would be float32
    assert parity["decisions"] == 0


def test_a_change_is_counted_once_a_film() -> None:
    """Logits far from, and across, the default thresholds; distances across the gate's limits."""
    card = load_card(WEIGHTS / "pneumonia.json")
    warn, refuse = card.gate.warn, card.gate.refuse
    exact = Outputs(np.array([[9.0, 9], [-9, 9], [9, 9], [9, 9]]), np.full(4, warn - 1))
    rounded = Outputs(
        np.array([[9.0, 9], [-9, -9], [-9, -9], [9, 9]]),
        np.array([warn + 1, warn - 1, warn - 1, refuse + 1]),
    )
    parity = compare(card, {"test": exact}, {"test": rounded})
    # The second film is not asked what kind it has: its logit there is no decision.
    assert parity["decisions"] == 2
    assert parity["warnings"] == 2
    assert parity["films"] == 4
    assert parity["probability"] > 0.9
