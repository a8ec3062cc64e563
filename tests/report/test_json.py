import json

import numpy as np
import pytest

from cxrapp.model.gate import UNCHECKED
from cxrapp.report.formats import FORMATS
from tests.report.cases import CARD, SCREENED, case, lung_parts, refused


def films(*cases: object, identified: bool = False) -> list[dict]:
    values = json.loads(FORMATS["json"].write(CARD, cases, identified=identified))
    assert (values["schema"], values["identified"]) == (4, identified)
    assert values["model"]["bundle_sha256"] == CARD.sha256
    assert values["model"]["limits"] == [*CARD.limits, UNCHECKED]
    return values["films"]


def test_every_number_survives_the_round_trip() -> None:
    (one,) = films(case(), identified=True)
    first, second = one["findings"]
    assert (first["probability"], second["probability"]) == (0.873421, 0.234567)
    assert second["joint_probability"] == pytest.approx(0.873421 * 0.234567)
    assert (first["threshold"], first["decision"]) == (
        CARD.default_thresholds()["pneumonia"],
        "positive",
    )
    measures = CARD.metrics["validation"]["pneumonia"]
    assert first["performance"]["validation"]["sensitivity"]["value"] == pytest.approx(
        measures["sensitivity"]["value"]
    )
    assert first["performance"]["test"]["specificity"]["value"] == pytest.approx(
        CARD.metrics["test"]["pneumonia"]["specificity"]["value"]
    )
    assert one["screened"] == SCREENED.astimezone().isoformat()
    assert one["patient"]["name"] == "SECRETSON^GIVENHIDE"
    assert one["gate"]["verdict"] == "accept"
    assert [len(grid) for grid in one["heat_maps"]["maps"].values()] == [7, 7]


def test_films_keep_their_order_and_a_withheld_one_is_empty() -> None:
    first, second = films(refused(), case())
    assert (first["findings"], first["answers"], first["heat_maps"]) == ([], [], None)
    assert first["gate"]["reasons"] == [
        "The patient is 44 years old; this model knows ages 1 to 5."
    ]
    assert len(second["findings"]) == 2


def test_lungs_and_the_evidence_in_them_are_told() -> None:
    before, after = films(case(), case(**lung_parts()))
    assert (before["lungs"], before["heat_maps"]["in_lungs"]) == (None, None)
    assert after["lungs"]["kind"] == "frontal"
    assert after["lungs"]["share_of_film"]["left"] == pytest.approx(np.pi * 0.15 * 0.3, rel=0.1)
    told = after["heat_maps"]["in_lungs"]["pneumonia"]
    assert (told["share"], told["by_chance"], told["zones"]["right"]["lower"]) == (0.6, 0.4, 0.6)
    assert told["low"] is False
    assert after["heat_maps"]["in_lungs"]["viral"]["share"] is None
