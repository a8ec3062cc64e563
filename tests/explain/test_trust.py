"""How far explanations can be trusted."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from cxrapp.errors import InvalidBundle
from cxrapp.explain import METHODS, grad_cams, trust
from cxrapp.explain.cams import evidence
from cxrapp.explain.trust import (
    LungEvidence,
    MethodAgreement,
    agreement,
    chance_in_lungs,
    compare_methods,
    evidence_in_lungs,
    randomise_weights,
    rank_correlation,
    share_heat,
)
from cxrapp.films.preprocess import Preprocessing
from cxrapp.model.bundle import WEIGHTS, Bundle, load_bundle
from cxrapp.model.card_file import load_card
from cxrapp.model.lungs import Lungs
from cxrapp.model.predict import Prediction, encode
from tests.model.small_bundle import put
from tests.model.small_lungs import lung_masks

INPUT = Preprocessing(224)
PAIR = ("Grad-CAM", "Occlusion")


@pytest.fixture
def maps() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(2, 7, 7)).astype(np.float32)


def test_a_map_agrees_with_itself_and_not_with_its_negative(maps: np.ndarray) -> None:
    np.testing.assert_allclose(rank_correlation(maps, maps), 1)
    np.testing.assert_allclose(rank_correlation(maps, -maps), -1)
    np.testing.assert_allclose(rank_correlation(maps, np.exp(3 * maps)), 1)  # ranks alone count


def test_ranks_are_those_of_scipy(maps: np.ndarray) -> None:
    from scipy.stats import spearmanr

    other = np.maximum(maps[::-1], 0)  # with ties
    expected = [spearmanr(a.ravel(), b.ravel()).statistic for a, b in zip(maps, other, strict=True)]
    np.testing.assert_allclose(rank_correlation(maps, other), expected)


def test_a_finer_grid_is_averaged_first(maps: np.ndarray) -> None:
    fine = maps.repeat(32, axis=1).repeat(32, axis=2)
    noise = np.random.default_rng(1).normal(size=(7, 32, 7, 32))
    noise = 9 * (noise - noise.mean((1, 3), keepdims=True)).reshape(224, 224)  # averages to nothing
    np.testing.assert_allclose(rank_correlation(fine + noise, maps), 1, atol=1e-3)


def test_an_empty_map_agrees_with_nothing(maps: np.ndarray) -> None:
    maps[0] = 0
    assert np.isnan(rank_correlation(maps, maps)).tolist() == [True, False]
    even = np.full((2, 224, 224), 0.1, np.float32)
    assert np.isnan(rank_correlation(even, np.ones((2, 7, 7), np.float32))).all()


def test_only_what_speaks_for_the_finding_is_compared_with_grad_cam(
    bundle: Bundle, film: np.ndarray, prediction: Prediction
) -> None:
    signed, cam = (
        METHODS[name](bundle, film, prediction.feature_map)
        for name in ("Evidence for and against", "Grad-CAM")
    )
    np.testing.assert_allclose(agreement(signed, cam), 1)
    np.testing.assert_allclose(agreement(cam, signed), 1)
    turned = dataclasses.replace(signed, maps=-signed.maps)
    np.testing.assert_allclose(agreement(signed, turned), -1)


def test_agreement_is_held_against_a_shuffled_head(
    bundle: Bundle, film: np.ndarray, prediction: Prediction
) -> None:
    feature_map = prediction.feature_map
    signed = METHODS["Evidence for and against"](bundle, film, feature_map)
    cam = METHODS["Grad-CAM"](bundle, film, feature_map)
    found = compare_methods(signed, cam, bundle, film, feature_map)
    assert found.chance.shape == (trust.SHUFFLES, 2)
    np.testing.assert_array_equal(found.values, agreement(signed, cam))
    assert found.is_above_chance(0)
    # A map of a head that was shuffled otherwise owes nothing to what was learned.
    order, lucky = np.random.default_rng(7), 0
    for _ in range(10):
        other = METHODS[signed.method.name](bundle, film, order.permutation(feature_map))
        lucky += compare_methods(signed, other, bundle, film, feature_map).is_above_chance(0)
    assert lucky <= 3


@pytest.mark.parametrize("slow", [("Occlusion",), ("Occlusion", "LIME")])
def test_a_slow_method_is_never_run_again_for_chance(
    bundle: Bundle, film: np.ndarray, prediction: Prediction, slow: tuple[str, ...]
) -> None:
    def refuse(*_: object) -> tuple[np.ndarray, ...]:
        raise AssertionError

    quick = METHODS["Evidence for and against"](bundle, film, prediction.feature_map)
    pair = [
        dataclasses.replace(quick, method=dataclasses.replace(METHODS[name], compute=refuse))
        for name in slow
    ]
    first, second = (*pair, quick)[:2]
    found, turned = (
        compare_methods(*both, bundle, film, prediction.feature_map)
        for both in ((first, second), (second, first))
    )
    np.testing.assert_array_equal(found.chance, turned.chance)
    np.testing.assert_allclose(found.values, 1)


def test_agreement_of_any_size_is_nothing_where_chance_gives_as_much() -> None:
    chance = np.array([[0.5, 0.0], [0.8, 0.1], [np.nan, np.nan]])
    found = MethodAgreement(PAIR, np.array([0.75, 0.2]), chance)
    assert [found.is_above_chance(k) for k in range(2)] == [False, True]
    opposed = MethodAgreement(PAIR, np.array([-0.4, -0.4]), np.array([[-0.5, -0.3], [-0.6, -0.2]]))
    assert not any(opposed.is_above_chance(k) for k in range(2))


def test_heat_is_shared_out_to_sides_and_zones() -> None:
    lungs = Lungs(lung_masks())
    zones = lungs.zones((32, 32))
    inner, outer = zones[1, 2].astype(np.float32), (~zones.any((0, 1))).astype(np.float32)
    even = np.ones((32, 32), np.float32)
    shares = share_heat(np.stack([inner, outer, even, -inner, inner - outer]), zones)
    np.testing.assert_allclose(shares[0, 1, 2], 1)
    np.testing.assert_allclose(shares.sum((1, 2)), [1, 0, sum(lungs.areas), np.nan, 1], atol=1e-6)


def test_chance_is_what_a_shuffled_head_shows(bundle: Bundle, prediction: Prediction) -> None:
    lungs, feature_map = Lungs(lung_masks()), prediction.feature_map
    levels = chance_in_lungs(bundle, feature_map, lungs)
    assert levels.shape == (trust.SHUFFLES, 2)
    # By hand: the head's own weights, shuffled many more times.
    head = load_bundle(WEIGHTS / "pneumonia.pt", frozen=False).head
    (weights,) = (p.numpy() for p in head.parameters() if p.dim() == 2)
    generator, cells = np.random.default_rng(1), feature_map.reshape(len(feature_map), -1)
    shuffled = [generator.permutation(weights[0]) @ cells for _ in range(300)]
    maps = np.reshape(shuffled, (-1, *feature_map.shape[1:])).astype(np.float32)
    shares = share_heat(maps, lungs.zones((112, 112))).sum((1, 2))
    assert np.nanmean(levels[:, 0]) == pytest.approx(np.nanmean(shares), abs=0.08)


def test_evidence_is_held_against_the_level_of_the_card(
    bundle: Bundle, prediction: Prediction
) -> None:
    lungs, maps = Lungs(lung_masks()), grad_cams(bundle, prediction.feature_map)
    density = {"value": 1.5, "low": 1.4, "high": 1.6, "n": 9}
    chance = {"pneumonia": {"density": density, "low": 0.5}}
    card = dataclasses.replace(bundle.card, lung_chance=chance)
    found = evidence_in_lungs(maps, lungs, card)
    np.testing.assert_allclose(found.zones.sum((1, 2)), found.inside)
    area = sum(lungs.areas)
    np.testing.assert_allclose(found.chance, [1.5 * area, np.nan], atol=0.01)
    np.testing.assert_allclose(found.low, [0.5 * area, np.nan], atol=0.01)
    low = dataclasses.replace(found, inside=found.low - 1e-6)
    assert [low.is_low(k) for k in range(2)] == [True, False]
    empty = evidence_in_lungs(-np.abs(maps), lungs, card)
    assert np.isnan([*empty.inside, *empty.chance]).all() and not empty.is_low(0)
    unmeasured = evidence_in_lungs(maps, lungs, dataclasses.replace(card, lung_chance={}))
    assert np.isnan(unmeasured.chance).all() and not unmeasured.is_low(0)


@pytest.mark.parametrize("name", ["pneumonia", "pneumonia-int8", "pneumonia-light", "all-ages"])
def test_shipped_cards_say_what_chance_puts_into_the_lungs(name: str) -> None:
    card = load_card(WEIGHTS / f"{name}.pt")
    assert list(card.lung_chance) == [finding.name for finding in card.findings]
    for one in card.lung_chance.values():
        assert 0 <= one["low"] < one["density"]["value"] < 3


def test_a_map_just_below_the_average_of_chance_is_not_low() -> None:
    share, zones = np.array([0.39, np.nan]), np.full((2, 2, 3), 0.39 / 6)
    found = LungEvidence(share, zones, np.array([0.4, np.nan]), np.array([0.2, np.nan]))
    assert not found.is_low(0)
    assert not found.is_low(1)  # no heat, nothing to warn of
    assert dataclasses.replace(found, inside=share / 2).is_low(0)


def test_randomised_weights_change_the_map(film: np.ndarray, bundle: Bundle) -> None:
    head, network = randomise_weights(WEIGHTS / "pneumonia.pt", film, draws=3)
    assert (head.changed, network.changed) == ("the head", "every weight")
    feature_map = encode(bundle, film[None]).feature_maps[0]
    truth = evidence(bundle, feature_map)
    for check in (head, network):
        np.testing.assert_allclose(check.truth, truth, atol=1e-3)
        assert check.maps.shape == (3, *truth.shape)
        assert np.isfinite(check.maps).all()
        for drawn, agreements in zip(check.maps, check.agreements, strict=True):
            np.testing.assert_array_equal(agreements, rank_correlation(check.truth, drawn))
        assert np.abs(check.agreements.mean(0)).max() < 0.6


def test_the_head_alone_is_random_first_and_the_backbone_too_later(
    film: np.ndarray, light_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[np.ndarray] = []

    def watched(network: Bundle, feature_map: np.ndarray) -> np.ndarray:
        seen.append(feature_map)
        return evidence(network, feature_map)

    monkeypatch.setattr(trust, "evidence", watched)
    trust.randomise_weights(light_path, film, draws=2)
    true, first, second, third, fourth = seen
    np.testing.assert_array_equal(true, first)
    np.testing.assert_array_equal(true, second)
    for one, other in ((true, third), (true, fourth), (third, fourth)):
        assert np.abs(one - other).max() > 0.1


def test_randomised_maps_are_the_same_for_the_same_seed_only(
    film: np.ndarray, light_path: Path
) -> None:
    first, again, other = (randomise_weights(light_path, film, s, draws=1) for s in (0, 0, 1))
    for one, same, different in zip(first, again, other, strict=True):
        np.testing.assert_array_equal(one.maps, same.maps)
        assert not np.allclose(one.maps, different.maps)


def test_an_altered_file_is_not_opened_to_be_randomised(
    film: np.ndarray, model: bytes, tmp_path: Path
) -> None:
    path = put(tmp_path, model)
    path.write_bytes(model + b"x")
    with pytest.raises(InvalidBundle, match="SHA-256 differs"):
        randomise_weights(path, film)
