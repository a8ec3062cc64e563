"""A card that lies, or is none, is refused with the reason."""

import copy
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cxrapp.errors import InvalidBundle
from cxrapp.model.card_file import load_card
from tests.model.small_bundle import CARD


def changed(change: Callable[[dict], Any], card: dict = CARD) -> str:
    values = copy.deepcopy(card)
    change(values)
    return json.dumps(values)


def at(*keys: str | int) -> Callable[[dict, Any], None]:
    def put(values: Any, new: Any) -> None:
        for key in keys[:-1]:
            values = values[key]
        values[keys[-1]] = new

    return put


LIES = [
    (at("name"), 5),
    (at("name"), "<script>alert(1)</script>"),
    (at("intended_use"), "films ![x](http://192.0.2.1/seen.png)"),
    (at("limits"), ["a [link](javascript:alert(1))"]),
    (at("limits"), "one text instead of a list"),
    (at("population"), "children\x1b[2J"),
    (at("population"), "c" * 5000),
    (at("sha256"), "0" * 63),
    (at("findings"), []),
    (at("findings", 0, "name"), "../../etc/passwd"),
    (at("findings", 0, "name"), "viral"),
    (at("findings", 1, "given"), None),
    (at("findings", 0, "colour"), "red"),
    (at("preprocessing", "size"), 10**9),
    (at("preprocessing", "size"), -160),
    (at("preprocessing", "size"), 160.5),
    (at("preprocessing", "fit"), "crop"),
    (at("gate", "warn"), -1),
    (at("gate", "refuse"), 0.1),
    (at("gate", "ages"), [[5, 1]]),
    (at("gate", "ages"), [[1]]),
    (at("gate", "views"), [3]),
    (at("calibrations"), CARD["calibrations"][:1]),
    (at("calibrations", 0, "slope"), None),
    (at("calibrations", 0, "slope"), 10**400),
    (at("calibrations", 0, "mislabelled"), [0.0]),
    (at("calibrations", 0, "mislabelled"), [0.0, 2.0]),
    (at("operating_points"), [*CARD["operating_points"], {"more": 0.5}]),
    (at("operating_points", 0), {}),
    (at("operating_points", 1, "balanced (Youden)"), 1.5),
    (at("cohorts"), {"test": CARD["cohorts"]["test"]}),
    (at("cohorts", "test", "patients"), [0]),
    (at("cohorts", "test", "patients"), ["a"] * len(CARD["cohorts"]["test"]["patients"])),
    (at("cohorts", "test", "labels", 0), [0.5, None]),
    (at("cohorts", "test", "labels", 0), [1.0]),
    (at("cohorts", "test", "logits", 0), [None, 0.0]),
    (at("cohorts", "test", "distances", 0), None),
    (at("cohorts", "test", "distances"), {}),
    (at("metrics"), {}),
    (at("metrics", "test", "pneumonia"), {}),
    (at("metrics", "test", "pneumonia", "auroc"), 0.9),
    (at("metrics", "test", "pneumonia", "auroc", "n"), "many"),
    (at("groups"), {"test, view AP": {"heart failure": {}}}),
    (at("shortcuts"), {"test": {"viral": {}}}),
    (at("shortcuts"), {"elsewhere": CARD["shortcuts"]["validation"]}),
    (at("shortcuts", "validation", "viral", "mirrored"), 1.0),
    (at("training"), {}),
    (at("training", "patients"), {}),
    (at("training", "history", "epoch"), [1]),
    (at("training", "versions", "torch"), "<img src=x>"),
]


@pytest.mark.parametrize(("lie", "value"), LIES)
def test_a_card_that_lies_is_refused(
    tmp_path: Path, lie: Callable[[dict, Any], None], value: Any
) -> None:
    path = tmp_path / "lie.json"
    path.write_text(changed(lambda values: lie(values, value)))
    with pytest.raises(InvalidBundle, match=r"^lie\.json: the model card .*\.$") as refusal:
        load_card(path)
    assert "\n" not in str(refusal.value) and len(str(refusal.value)) < 300


@pytest.mark.parametrize(
    "data",
    [
        json.dumps(CARD).replace(": 0.", ": NaN, 0.", 1).encode(),
        changed(lambda values: values["gate"].update(warn=float("nan"))).encode(),
        changed(lambda values: values["gate"].update(warn=float("inf"))).encode(),
        json.dumps(CARD).replace('"warn": ', '"warn": 1e999, "war": ').encode(),
        b'{"schema": ' + b"9" * 5000 + b"}",
        b"[" * 100_000,
        b'{"schema":' + b'{"a":' * 900 + b"1" + b"}" * 901,
        b"\xff\xfe\x00" * 100,
        json.dumps({"schema": "x" * 100_000}).encode(),
        json.dumps({"schema": ["<b>"]}).encode(),
        *(b"", b"[]", b"{", b'{"schema": 1}', b'{"schema": 1, "findings": 3}'),
    ],
    ids="broken NaN Infinity 1e999 digits brackets deep bytes long markup".split() + 5 * [None],
)
def test_json_that_is_no_card_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "card.json"
    path.write_bytes(data)
    with pytest.raises(InvalidBundle, match=r"(?s)^card\.json: the model card .*\.$") as refusal:
        load_card(path)
    assert len(str(refusal.value)) < 300


def test_an_endless_card_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cxrapp.model.card_file.MAX_CARD_BYTES", 2**20)
    (tmp_path / "card.json").write_text(" " * 2**20 + json.dumps(CARD))
    with pytest.raises(InvalidBundle, match="the model card is larger than 1 MB"):
        load_card(tmp_path / "card.json")


def leaves(value: Any, keys: tuple = ()) -> Iterator[tuple]:
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for key, part in inner:
        yield (*keys, key)
        if isinstance(part, dict | list) and part:
            yield from leaves(part, (*keys, key))


def test_no_value_anywhere_in_a_card_raises_anything_else(tmp_path: Path) -> None:
    small = copy.deepcopy(CARD)
    for cohort in small["cohorts"].values():  # every tenth film, of both kinds and findings
        for part in ("patients", "labels", "logits", "distances"):
            cohort[part] = cohort[part][::10]
    generator, everywhere = random.Random(0), list(leaves(small))
    shallow = [keys for keys in everywhere if len(keys) < 4]
    path, refused = tmp_path / "card.json", 0
    hostile = (None, -1, 0, 1e308, 10**400, "x", "<b>", "0.5", [], [[]], {}, {"a": 1}, True)
    for _ in range(200):
        keys = generator.choice(generator.choice([everywhere, shallow]))
        value = generator.choice(hostile)
        path.write_text(changed(lambda values, k=keys, v=value: at(*k)(values, v), small))
        try:
            card = load_card(path)
        except InvalidBundle:
            refused += 1
        else:  # what it was changed to is as good: the card works
            card.to_json()
            for finding in card.findings:
                card.scores("test", finding.name)
    assert refused > 100
