import json

import numpy as np

from cxrapp.session.saved_points import dump_points, load_points
from cxrapp.site.assess import assess
from cxrapp.site.report import describe, summarise, to_points
from tests.site.clinic import CARD, TODAY, real


def test_recommendations_are_saved_as_settings() -> None:
    sound, small = real(1), real(12)
    assert sound.sound and small.recommended and not small.sound
    points = to_points([sound, small], TODAY)
    assert load_points(CARD, dump_points(CARD, points)) == points
    assert [point.setting.threshold for point in points] == [sound.recommended.threshold.value]
    assert points[0].note == (
        "Site calibration on 624 films of 428 patients, goal sensitivity at least 95 % by the "
        "lower bound of its 95 % interval, 2025-03-01."
    )


def test_summary_holds_the_numbers_and_no_curve() -> None:
    values = json.loads(summarise(CARD, [real(1)], TODAY, "Patients are those of the table."))
    found = values["findings"][0]
    assert values["bundle_sha256"] == CARD.sha256 and values["date"] == "2025-03-01"
    assert found["auroc"]["value"] == real(1).auroc.value
    assert found["recommended"]["point"]["sensitivity"]["low"] >= 0.95
    assert "roc" not in found


def test_sentences_name_the_models_threshold_and_the_question_asked() -> None:
    text = " ".join(describe(real(1)))
    own = CARD.default_thresholds()["pneumonia"]
    assert f"own threshold ({100 * own:.1f} %)" in text and "recommended" not in text
    assert "AUROC" in text and "with pneumonia as they come" not in text
    films = CARD.cohorts["test"].subset(np.arange(624) % 3 == 0)
    viral = assess(CARD, "viral", films.labels[:, 1], films.logits[:, 1], films.patients)
    assert viral.films == int((~np.isnan(films.labels[:, 1])).sum())
    assert "films with pneumonia as they come" in describe(viral)[-1]
