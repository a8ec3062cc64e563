import dataclasses

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from sklearn.datasets import load_sample_images

from cxrapp.films.radiograph import Radiograph, Tags
from cxrapp.model.bundle import Bundle
from cxrapp.model.gate import Verdict, judge
from cxrapp.model.predict import screen
from train.distance import WARN_SHARE, PopulationDistance, fit_distance


def verdict(bundle: Bundle, film: Radiograph) -> Verdict:
    (screened,) = screen(bundle, [film])
    return screened.verdict


def tell(bundle: Bundle, distance: float = 0.0, **written: object) -> Verdict:
    film = Radiograph("film", np.zeros((500, 500), np.float32), Tags(**written))
    return judge(bundle.card, film, distance, {})


def test_the_sample_films_are_accepted(bundle: Bundle, films: list[Radiograph]) -> None:
    assert [s.verdict for s in screen(bundle, films)] == [Verdict("accept")] * len(films)


def test_photographs_are_refused(bundle: Bundle) -> None:
    for photograph in load_sample_images().images:
        grey = np.asarray(Image.fromarray(photograph).convert("L"), np.float32) / 255
        assert verdict(bundle, Radiograph("photograph", grey)).level == "refuse"


def test_a_page_of_text_is_refused(bundle: Bundle) -> None:
    page = Image.new("L", (620, 877), 255)
    for line in range(40):
        ImageDraw.Draw(page).text((40, 40 + 20 * line), "The lungs are clear. " * 4, fill=0)
    pixels = np.asarray(page, np.float32) / 255
    assert verdict(bundle, Radiograph("letter", pixels)).level == "refuse"


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda pixels: np.rot90(pixels), "turned to the left"),
        (lambda pixels: np.rot90(pixels, -1), "turned to the right"),
        (lambda pixels: np.rot90(pixels, 2), "upside down"),
        (lambda pixels: 1 - pixels, "negative"),
    ],
)
def test_a_film_the_wrong_way_round_is_told_how(
    bundle: Bundle, films: list[Radiograph], spoil: object, words: str
) -> None:
    for film in films:
        spoilt = verdict(bundle, dataclasses.replace(film, pixels=spoil(film.pixels).copy()))
        assert spoilt.level == "refuse"
        assert words in spoilt.reasons[0]


def test_a_small_film_is_warned_of(bundle: Bundle) -> None:
    film = Radiograph("film", np.zeros((100, 140), np.float32))
    assert "only 140 x 100 pixels" in judge(bundle.card, film, 0.0, {}).reasons[0]


@pytest.mark.parametrize(
    ("written", "level", "words"),
    [
        ({"age_years": 3.0, "view": "AP", "modality": "DX", "body_part": "CHEST"}, "accept", ""),
        ({"age_years": 5.9}, "accept", ""),
        ({"age_years": 62.0}, "refuse", "62 years old; this model knows ages 1 to 5"),
        ({"age_years": 0.5}, "refuse", "0.5 years old"),
        ({"age_years": 64.4764}, "refuse", "64.5 years old"),
        ({"view": "PA"}, "warn", "PA view"),
        ({"view": "LL"}, "refuse", "not a frontal view"),
        ({"modality": "CT"}, "refuse", "modality CT"),
        ({"body_part": "HIP"}, "refuse", "HIP"),
    ],
)
def test_what_the_file_says_counts(bundle: Bundle, written: dict, level: str, words: str) -> None:
    told = tell(bundle, **written)
    assert told.level == level
    assert words in " ".join(told.reasons)


def test_a_picture_in_colour_is_warned_of(bundle: Bundle) -> None:
    film = Radiograph("film", np.zeros((500, 500), np.float32), in_colour=True)
    told = judge(bundle.card, film, 0.0, {})
    assert told.level == "warn" and "photograph of a film" in told.reasons[0]


def test_every_reason_is_kept_and_what_refuses_comes_first(bundle: Bundle) -> None:
    told = tell(bundle, 1.01 * bundle.card.gate.warn, view="PA", modality="CT")
    assert told.level == "refuse" and told.refused
    assert [reason.split()[:3] for reason in told.reasons] == [
        ["The", "file", "says"],
        ["A", "PA", "view;"],
        ["It", "looks", "unlike"],
    ]


def test_distance_warns_then_refuses(bundle: Bundle) -> None:
    gate = bundle.card.gate
    levels = [tell(bundle, d).level for d in (gate.warn, gate.warn * 1.01, gate.refuse * 1.01)]
    assert levels == ["accept", "warn", "refuse"]


def test_limits_come_from_validation(bundle: Bundle) -> None:
    distances = bundle.card.cohorts["validation"].distances
    assert (distances > bundle.card.gate.warn).mean() == pytest.approx(WARN_SHARE, abs=0.005)
    assert bundle.card.gate.refuse > bundle.card.gate.warn


def test_with_every_component_the_distance_is_mahalanobis() -> None:
    generator = np.random.default_rng(0)
    films = (generator.normal(size=(400, 6)) @ generator.normal(size=(6, 6))).astype(np.float32)
    centred = films - films.mean(0)
    expected = np.sqrt((centred @ np.linalg.inv(np.cov(films.T, bias=True)) * centred).sum(1))
    standard = centred / films.std(0)
    _, singular, directions = np.linalg.svd(standard, full_matrices=False)
    distance = PopulationDistance(6, 6)
    learned = {"mean": films.mean(0), "deviation": films.std(0), "rest": np.ones(())}
    learned |= {"directions": directions, "variances": singular**2 / len(films)}
    distance.load_state_dict({k: torch.as_tensor(v) for k, v in learned.items()})
    np.testing.assert_allclose(distance(torch.from_numpy(films)), expected, rtol=1e-3)


def test_films_off_the_learned_directions_are_far() -> None:
    generator = np.random.default_rng(0)
    inside = np.zeros((200, 40), np.float32)
    inside[:, :10] = generator.normal(size=(200, 10))
    inside += 0.01 * generator.normal(size=inside.shape).astype(np.float32)
    distance = fit_distance(inside)
    outside = inside + generator.normal(size=inside.shape).astype(np.float32)
    near, far = (distance(torch.from_numpy(films)) for films in (inside, outside))
    assert far.min() > 3 * near.max()
