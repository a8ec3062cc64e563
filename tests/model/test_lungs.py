import dataclasses
import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxrapp.errors import InvalidBundle
from cxrapp.films.radiograph import Radiograph
from cxrapp.model.bundle import Bundle, find_bundles, load_bundle
from cxrapp.model.gate import Verdict, judge
from cxrapp.model.lung_finder import load_lung_card, load_lungs, read_sheet
from cxrapp.model.lungs import KINDS, Lungs, describe
from cxrapp.model.predict import screen
from tests.model.small_bundle import put
from tests.model.small_lungs import SIZE, lung_masks, put_lungs

FILM = Radiograph("film", np.full((200, 300), 0.5, np.float32))


def look(folder: Path, **says: object) -> Lungs:
    finder = load_lungs(put_lungs(folder, **says))
    assert finder is not None
    (lungs,) = finder.find([FILM.pixels])
    return lungs


def tell(bundle: Bundle, lungs: Lungs, **written: object) -> Verdict:
    film = dataclasses.replace(FILM, tags=dataclasses.replace(FILM.tags, **written))
    return judge(bundle.card, film, 0.0, {}, lungs)


def test_a_folder_without_lungs_works_as_before(tmp_path: Path, model: bytes) -> None:
    loaded = load_bundle(put(tmp_path, model))
    assert loaded.lungs is None
    (screened,) = screen(loaded, [FILM])
    assert screened.lungs is None


def test_lungs_beside_a_bundle_are_found_for_every_film(tmp_path: Path, model: bytes) -> None:
    put_lungs(tmp_path)
    path = put(tmp_path, model)
    assert find_bundles(tmp_path) == [path]
    results = list(screen(load_bundle(path), [FILM, FILM]))
    assert [result.lungs.kind for result in results] == ["frontal", "frontal"]


@pytest.mark.parametrize("missing", ["lungs.pt", "lungs.json"])
def test_half_a_pair_is_refused(tmp_path: Path, model: bytes, missing: str) -> None:
    put_lungs(tmp_path)
    path = put(tmp_path, model)
    (tmp_path / missing).unlink()
    with pytest.raises(InvalidBundle, match=f"{missing}: .* is missing"):
        load_bundle(path)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"sha256": "0" * 64}, "SHA-256 differs"),
        ({"schema": 9}, "format 9"),
        ({"kinds": {"frontal": 0.5}}, "kinds of films"),
        ({"shapes": {}}, "limits of the lungs"),
        ({"measured": 5}, "measured"),
        ({"preprocessing": {"size": 5000}}, "5000 pixels"),
        ({"preprocessing": {"size": 64}}, "two lungs"),
    ],
)
def test_a_card_that_does_not_fit_is_refused(
    tmp_path: Path, changes: dict[str, object], reason: str
) -> None:
    with pytest.raises(InvalidBundle, match=reason):
        load_lungs(put_lungs(tmp_path, **changes))


@pytest.mark.parametrize(
    ("kind", "level", "words"),
    [
        ("frontal", "accept", ""),
        ("mirrored", "warn", "situs inversus"),
        ("turned to the left", "refuse", "turned to the left"),
        ("turned to the right", "refuse", "turned to the right"),
        ("upside down", "refuse", "upside down"),
        ("negative", "refuse", "black and white exchanged"),
        ("no chest film", "refuse", "does not look like a frontal chest film"),
    ],
)
def test_a_film_of_another_kind_is_told(
    bundle: Bundle, tmp_path: Path, kind: str, level: str, words: str
) -> None:
    verdict = tell(bundle, look(tmp_path, kind=kind))
    assert verdict.level == level
    assert words in " ".join(verdict.reasons)


def test_what_is_no_chest_is_not_compared_with_a_childs(bundle: Bundle, tmp_path: Path) -> None:
    lungs = look(tmp_path, kind="no chest film", adult=0.9)
    verdict = judge(bundle.card, FILM, 2 * bundle.card.gate.refuse, {}, lungs)
    assert verdict.level == "refuse"
    (reason,) = verdict.reasons
    assert "another view or body part" in reason


@pytest.mark.parametrize("kind", ["upside down", "negative"])
def test_of_a_film_the_wrong_way_round_no_age_is_told(
    bundle: Bundle, tmp_path: Path, kind: str
) -> None:
    (reason,) = tell(bundle, look(tmp_path, kind=kind, adult=0.9)).reasons
    assert "adult" not in reason


def test_lungs_of_implausible_size_are_refused(bundle: Bundle, tmp_path: Path) -> None:
    shapes = {name: [0.0, 1.0] for name in describe(lung_masks())}
    lungs = look(tmp_path, shapes=shapes | {"area of the smaller": [0.5, 1.0]})
    assert lungs.implausible == ("area of the smaller",)
    assert tell(bundle, lungs).reasons[0].startswith("No two lungs of plausible size")


@pytest.mark.parametrize(
    ("age", "level", "words"),
    [
        (None, "refuse", "looks like an adult's film; this model knows ages 1 to 5"),
        (3.0, "warn", "an adult's film, and the file says the patient is 3 years old"),
        (44.0, "refuse", "44 years old"),
    ],
)
def test_a_film_that_looks_grown_up_is_refused_unless_the_file_says_otherwise(
    bundle: Bundle, tmp_path: Path, age: float | None, level: str, words: str
) -> None:
    verdict = tell(bundle, look(tmp_path, adult=0.9), age_years=age)
    assert (verdict.level, len(verdict.reasons)) == (level, 1)
    assert words in verdict.reasons[0]


def test_a_model_for_adults_takes_them(bundle: Bundle, tmp_path: Path) -> None:
    gate = dataclasses.replace(bundle.card.gate, ages=((1.0, 5.0), (18.0, 120.0)))
    other = dataclasses.replace(bundle, card=dataclasses.replace(bundle.card, gate=gate))
    assert tell(other, look(tmp_path, adult=0.9)) == Verdict("accept")


def test_lungs_lie_over_the_film_by_side_and_zone() -> None:
    lungs = Lungs(lung_masks())
    shape = (2 * SIZE, 3 * SIZE)
    sides, zones, both = lungs.lay_over(shape), lungs.zones(shape), lungs.union(shape)
    np.testing.assert_array_equal(sides.any(0), both)
    np.testing.assert_array_equal(zones.any(1), sides)
    assert not (sides[0] & sides[1]).any() and (zones.sum((0, 1)) <= 1).all()
    assert both.mean() == pytest.approx(sum(lungs.areas), abs=0.01)
    assert sides[0][:, : shape[1] // 2].sum() == sides[0].sum()
    rows = [np.flatnonzero(zones[0, zone].any(1)).mean() for zone in range(3)]
    assert rows == sorted(rows)


def test_lungs_are_described_in_shares_of_the_film() -> None:
    shape = describe(lung_masks())
    assert shape["area of the smaller"] == pytest.approx(np.pi * 0.15 * 0.3, rel=0.05)
    assert shape["across, left"] == pytest.approx(0.27, abs=0.01)
    assert shape["apart"] == pytest.approx(0.46, abs=0.01)
    empty = describe(np.zeros((2, SIZE, SIZE), np.float32))
    assert empty["area of the larger"] == empty["apart"] == empty["sureness"] == 0


def test_a_sheet_of_films_is_cut_into_its_pictures(tmp_path: Path) -> None:
    sheet = Image.new("RGB", (20, 20), (200, 0, 0))
    sheet.paste((0, 0, 200), (0, 10, 10, 20))
    sheet.save(tmp_path / "lungs.jpg")
    digest = hashlib.sha256((tmp_path / "lungs.jpg").read_bytes()).hexdigest()
    films = [{"film": f"film {n}", "level": "accept", "words": ""} for n in range(3)]
    told = {"sha256": digest, "across": 2, "films": films, "source": "drawn"}
    path = put_lungs(tmp_path, sheet=told)
    card = load_lung_card(path)
    pictures = read_sheet(path, card)
    assert [picture.size for picture in pictures] == [(10, 10)] * 3
    assert [picture.getpixel((5, 5))[2] > 100 for picture in pictures] == [False, False, True]
    assert read_sheet(path, dataclasses.replace(card, sheet=None)) == []
    (tmp_path / "lungs.jpg").write_bytes(b"another")
    with pytest.raises(InvalidBundle, match="not the one of its card"):
        read_sheet(path, card)
    (tmp_path / "lungs.jpg").unlink()
    assert read_sheet(path, card) == [] and load_lungs(path) is not None


def test_kinds_begin_with_the_one_that_is_meant() -> None:
    assert KINDS[0] == "frontal"
