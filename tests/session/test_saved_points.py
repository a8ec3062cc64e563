import json

import pytest

from cxrapp.errors import InvalidSettings
from cxrapp.model.bundle import Bundle
from cxrapp.model.decision import Setting
from cxrapp.session.saved_points import SavedPoint, dump_points, load_points

POINT = SavedPoint("pneumonia", "night", Setting(0.3, 0.2), "two on duty", "2026-01-31")


def test_points_come_back_as_saved(bundle: Bundle) -> None:
    points = (POINT, SavedPoint("viral", "day", Setting(0.5)))
    assert load_points(bundle.card, dump_points(bundle.card, points)) == points


def changed(bundle: Bundle, **values: object) -> str:
    saved = json.loads(dump_points(bundle.card, [POINT]))
    saved["points"][0] |= {k: v for k, v in values.items() if k in saved["points"][0]}
    saved |= {k: v for k, v in values.items() if k in saved}
    return json.dumps(saved)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"schema": 2}, "has format 2"),
        ({"bundle_sha256": "0"}, "saved for another model"),
        ({"finding": "fracture"}, "no finding 'fracture'"),
        ({"threshold": 1.5}, "not between 0 and 1"),
        ({"abstain_from": 0.4}, "not between 0 and 1"),
        ({"threshold": "high"}, "not a number"),
        ({"note": "x" * 501}, "too long"),
        ({"saved": "yesterday"}, "not a date"),
        ({"points": 3}, "not a settings file"),
    ],
)
def test_other_files_are_refused_with_the_reason(
    bundle: Bundle, values: dict[str, object], words: str
) -> None:
    with pytest.raises(InvalidSettings, match=words):
        load_points(bundle.card, changed(bundle, **values))


@pytest.mark.parametrize("text", ["", "[]", "null", "[" * 100_000, '{"schema": 1}'])
def test_what_is_no_settings_file_is_refused(bundle: Bundle, text: str) -> None:
    with pytest.raises(InvalidSettings, match="not a settings file"):
        load_points(bundle.card, text)
