"""Occlusion and LIME, most of it on toy networks whose answers are known."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from cxrapp.explain.cams import evidence
from cxrapp.explain.perturbation import (
    Regions,
    fit_unseen,
    lime_regions,
    occlusion_maps,
    score_hidden,
)
from cxrapp.explain.trust import rank_correlation
from cxrapp.model.bundle import Bundle
from cxrapp.model.predict import encode

SIDE = 56


def linear_network(weights: np.ndarray) -> SimpleNamespace:
    """Each logit is a weighted sum of the pixels, (K, S, S); the feature map is the film."""
    flat = torch.from_numpy(weights.astype(np.float32)).flatten(1)
    return SimpleNamespace(
        backbone=lambda films: (films, films.mean((2, 3))),
        head=lambda maps: maps.flatten(1) @ flat.T,
    )


@pytest.fixture
def noise() -> np.ndarray:
    return np.random.default_rng(0).random((1, SIDE, SIDE), np.float32)


def regions_of(found: Regions) -> np.ndarray:
    """(S, S) int: the region of each pixel, which its weights alone tell."""
    columns = found.weights.reshape(len(found.weights), -1)
    return np.unique(columns, axis=1, return_inverse=True)[1].reshape(found.weights.shape[1:])


def halves(left: float, right: float) -> np.ndarray:
    weights = np.full((SIDE, SIDE), left)
    weights[:, SIDE // 2 :] = right
    return weights


def test_occluding_a_linear_network_gives_its_weights(noise: np.ndarray) -> None:
    weights = np.random.default_rng(1).normal(size=(3, SIDE, SIDE))
    drops = weights * (noise - noise.mean())
    expected = drops.reshape(3, 7, 8, 7, 8).sum((2, 4))
    maps = occlusion_maps(linear_network(weights), noise)
    np.testing.assert_allclose(maps, expected, atol=1e-3)


def test_squares_that_do_not_divide_the_side_still_cover_it_once(noise: np.ndarray) -> None:
    weights = np.random.default_rng(2).normal(size=(1, SIDE, SIDE))
    maps = occlusion_maps(linear_network(weights), noise, grid=5)
    assert maps.shape == (1, 5, 5)
    assert maps.sum() == pytest.approx((weights * (noise - noise.mean())).sum(), abs=1e-3)


def test_occluding_where_there_is_nothing_changes_nothing(bundle: Bundle) -> None:
    side = bundle.card.preprocessing.size
    even = np.full((1, side, side), 0.37, np.float32)
    np.testing.assert_allclose(occlusion_maps(bundle, even, grid=2), 0, atol=1e-4)


def test_occlusion_of_a_real_film_is_a_drop_in_its_logits(bundle: Bundle, film: np.ndarray) -> None:
    half = film.shape[-1] // 2
    hidden = film.copy()
    hidden[:, half:, :half] = film.mean()
    whole, without = (encode(bundle, one[None]).logits[0] for one in (film, hidden))
    maps = occlusion_maps(bundle, film, grid=2)
    np.testing.assert_allclose(maps[:, 1, 0], whole - without, atol=1e-4)
    assert np.abs(maps).max() > 0.1


def test_progress_is_told_and_can_stop_the_work(noise: np.ndarray) -> None:
    told: list[float] = []
    network = linear_network(np.ones((1, SIDE, SIDE)))
    occlusion_maps(network, noise, progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 1

    def stop(share: float) -> None:
        told.append(share)
        raise InterruptedError

    told.clear()
    with pytest.raises(InterruptedError):
        lime_regions(network, noise, progress=stop)
    assert len(told) == 1


def test_every_copy_hides_its_own_part(noise: np.ndarray) -> None:
    hidden = np.zeros((11, SIDE, SIDE), bool)  # more than one batch
    for number in range(11):
        hidden[number, number] = True
    logits = score_hidden(linear_network(np.ones((1, SIDE, SIDE))), noise, hidden, np.float32(0))
    expected = noise.sum() - noise[0, :11].sum(1)
    np.testing.assert_allclose(logits[:, 0], expected, rtol=1e-5)


def test_lime_finds_the_half_a_network_looks_at() -> None:
    # Flattening a region takes its detail away: this network measures the detail of one half.
    looks = torch.from_numpy(np.stack([halves(1, 0), halves(0, -1)]).astype(np.float32))
    network = SimpleNamespace(
        backbone=lambda films: ((films - 0.5) ** 2, films.mean((2, 3))),
        head=lambda maps: (maps * looks).sum((2, 3)),
    )
    film = np.random.default_rng(3).random((1, SIDE, SIDE), np.float32)
    found = lime_regions(network, film)
    assert found.weights.shape == (2, SIDE, SIDE)
    left, right = np.abs(found.weights[..., : SIDE // 2]), np.abs(found.weights[..., SIDE // 2 :])
    assert left[0].mean() > 5 * right[0].mean()
    assert right[1].mean() > 5 * left[1].mean()
    regions = regions_of(found)
    numbers = np.unique(regions)
    means = np.array([film[0][regions == n].mean() for n in numbers])[regions]
    lost = looks.numpy() * ((film[0] - 0.5) ** 2 - (means - 0.5) ** 2)
    for k in range(2):
        expected = [lost[k][regions == n].sum() for n in numbers]
        weights = [found.weights[k][regions == n][0] for n in numbers]
        np.testing.assert_allclose(weights, expected, atol=0.15 * np.abs(expected).max())
    assert found.fits.shape == (2,)
    assert found.fits.min() > 0.8
    assert (found.fits > found.noise_fits.max(0)).all()


def test_lime_has_no_fit_where_nothing_is_linear(noise: np.ndarray) -> None:
    # A logit that flips with every film's last digits: no region accounts for it.
    network = SimpleNamespace(
        backbone=lambda films: (films, films.mean((2, 3))),
        head=lambda maps: torch.sin(1e4 * maps.square().mean((1, 2, 3)))[:, None],
    )
    found = lime_regions(network, noise)
    assert found.fits[0] < 0.1
    assert found.fits[0] <= found.noise_fits.max()


def test_noise_has_a_fit_of_nought_or_less() -> None:
    generator = np.random.default_rng(0)
    shown, even = generator.integers(0, 2, (96, 36)), np.ones(96)
    noise = generator.normal(size=(96, 200)).astype(np.float32)
    fits = fit_unseen(shown, noise, even)
    assert fits.shape == (200,)
    assert fits.mean() < 0
    assert np.quantile(fits, 0.95) < 0.2
    linear = (shown @ generator.normal(size=(36, 1))).astype(np.float32)
    assert fit_unseen(shown, linear, even)[0] > 0.95


def test_lime_is_the_same_every_time_and_its_regions_cover_the_film(
    bundle: Bundle, film: np.ndarray
) -> None:
    first, second = (lime_regions(bundle, film, samples=16) for _ in range(2))
    np.testing.assert_array_equal(first.weights, second.weights)
    assert 15 < len(np.unique(regions_of(first))) < 80


def test_occlusion_agrees_with_the_exact_map_of_a_pooled_linear_network(noise: np.ndarray) -> None:
    pool, weights = torch.nn.AvgPool2d(8), torch.tensor([[2.0], [-1.0]])
    network = SimpleNamespace(
        backbone=lambda films: (pool(films), films.mean((2, 3))),
        head=lambda maps: maps.mean((2, 3)) @ weights.T,
    )
    exact = evidence(network, encode(network, noise[None]).feature_maps[0])
    np.testing.assert_allclose(rank_correlation(exact, occlusion_maps(network, noise)), 1)
