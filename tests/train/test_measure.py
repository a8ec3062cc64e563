import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cxrapp.model.card import Calibration
from cxrapp.model.predict import measure_distances
from tests.train.small import CYCLE
from train.distil import posterior
from train.evaluate import encode_films, learn_distance, load_run, score
from train.export import _auroc_cost, require_numbers
from train.measure import Outputs, asks_everything, measure
from train.recipe import Augment


def test_accuracy_over_classes_leaves_out_sources_that_lack_one() -> None:
    rows = pd.DataFrame({"source": list("aaabb"), "pneumonia": [0, 1, 1, 0, 1], "viral": np.nan})
    rows.loc[[1, 2], "viral"] = [0, 1]
    assert list(asks_everything(CYCLE.findings, rows)) == [True, True, True, False, False]
    rows.loc[4, "viral"] = 0  # b has no viral film
    assert not asks_everything(CYCLE.findings, rows)[3:].any()


def test_words_say_whom_a_cohort_holds(run: Path, tiny: Path) -> None:
    still = CYCLE.override(augment=Augment.none(), where="viral == 1", sources=("covid19",))
    trained = load_run(run)
    rows = {name: part for name, part in trained.table.groupby("split") if name != "train"}
    zeros = {
        name: Outputs(np.zeros((len(part), 2)), np.zeros(len(part))) for name, part in rows.items()
    }
    for name, part in rows.items():
        zeros[name].logits[:, 0] = part["pneumonia"]
        zeros[name].logits[:, 1] = part["viral"].fillna(0)
    cohorts = measure(still, trained.table, zeros).cohorts
    assert "shape" not in cohorts["validation"].description
    assert "patients set apart by name; only viral == 1" in cohorts["test"].description
    cohorts = measure(CYCLE, trained.table, zeros).cohorts
    assert "random shape and sharpness" in cohorts["validation"].description
    assert "(official test)" in cohorts["test"].description


def test_a_label_moves_as_far_as_labels_are_wrong() -> None:
    labels, logits = np.array([True, False, True, False]), np.array([-2.0, -2.0, 2.0, 2.0])
    trusted = posterior(labels, logits, Calibration(1.0, 0.0))
    np.testing.assert_array_equal(trusted, labels)
    doubted = posterior(labels, logits, Calibration(1.0, 0.0, (0.1, 0.3)))
    truth = 1 / (1 + np.exp(-logits))
    expected = 0.7 * truth[0] / (0.7 * truth[0] + 0.1 * (1 - truth[0]))
    assert doubted[0] == pytest.approx(expected)
    assert doubted[1] < truth[1] < doubted[0] and doubted[3] < truth[3] < doubted[2]


def test_calibration_sees_films_of_other_shapes_and_the_gate_films_as_they_are(
    run: Path, tiny: Path
) -> None:
    trained = load_run(run)
    distance = learn_distance(trained, run, tiny)
    rows = trained.table[trained.table["split"] == "validation"]
    logits, averages = encode_films(trained, rows, trained, tiny, "as they are")
    varied = score(trained, distance, trained, tiny)["validation"]
    assert np.abs(varied.logits - logits).min() > 1e-4
    np.testing.assert_allclose(
        varied.distances, measure_distances(distance, averages), atol=1e-4, rtol=1e-4
    )
    recipe = dataclasses.replace(trained.recipe, augment=Augment(aspect=0, sharpness=0))
    still = score(trained, distance, dataclasses.replace(trained, recipe=recipe), tiny)
    np.testing.assert_allclose(still["validation"].logits, logits, atol=1e-3)


def test_what_could_not_be_measured_is_named() -> None:
    rate, gap = ({"value": value, "low": 0.1, "high": 0.9} for value in (0.5, float("nan")))
    require_numbers({"test": {"viral": {"auroc": rate}}})
    with pytest.raises(ValueError, match="too few films to measure auroc of viral on test films"):
        require_numbers({"test": {"viral": {"auroc": gap, "accuracy": rate}}})


def test_a_cost_is_told_of_every_finding_with_films_of_both_kinds() -> None:
    def metrics(area: float) -> dict:
        together = {"accuracy": {"value": 0.8}}
        return {
            "validation": {"viral": {"auroc": {"value": area}}, "all findings": together},
            "test": {"all findings": together},  # where every film is viral
        }

    cost = _auroc_cost(metrics(0.93), metrics(0.91))
    assert cost == {"validation": {"viral": pytest.approx(0.02)}, "test": {}}
