import dataclasses

import pytest
import torch

from train.augment import augment
from train.recipe import Augment


def only(**ranges: float) -> Augment:
    return dataclasses.replace(Augment.none(), **ranges)


def films() -> torch.Tensor:
    ramp = torch.linspace(0.2, 0.8, 32)
    return (ramp[None, :] * ramp[:, None]).expand(6, 1, 32, 32).clone()


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_no_change_is_none_at_all() -> None:
    noise = torch.rand((4, 1, 32, 32), generator=generator())
    for seen, atol in ((films(), 1e-5), (noise, 1e-4)):
        same = augment(seen, Augment.none(), generator(1))
        torch.testing.assert_close(same, seen, atol=atol, rtol=0)


def test_flip_mirrors_left_and_right() -> None:
    flipped = augment(films(), only(flip=1), generator())
    torch.testing.assert_close(flipped, films().flip(3))


def test_every_film_is_changed_its_own_way_within_range() -> None:
    changed = augment(films(), Augment(), generator())
    assert changed.shape == films().shape
    assert changed.min() >= 0 and changed.max() <= 1
    for other in changed[1:]:
        assert (changed[0] - other).abs().mean() > 0.01


def test_a_seed_repeats_the_changes() -> None:
    first, again = (augment(films(), Augment(), generator(3)) for _ in range(2))
    torch.testing.assert_close(first, again)
    assert not torch.equal(first, augment(films(), Augment(), generator(4)))


def test_shift_moves_by_a_share_of_the_side() -> None:
    moved = augment(films(), only(shift=0.25), generator())
    black = (moved == 0).all(2).sum(2)  # columns that came in from outside
    assert black.max() <= 8
    assert black.max() > 0


def test_sharpness_adds_and_takes_away_detail_and_keeps_the_mean() -> None:
    torch.manual_seed(0)
    noisy = films() * 0.5 + 0.2 + 0.05 * torch.rand(6, 1, 32, 32)
    changed = augment(noisy, only(sharpness=1), generator())
    detail = changed.diff(dim=3).abs().mean((1, 2, 3)) / noisy.diff(dim=3).abs().mean((1, 2, 3))
    assert detail.min() < 0.9 and detail.max() > 1.1
    torch.testing.assert_close(changed.mean((1, 2, 3)), noisy.mean((1, 2, 3)), atol=2e-3, rtol=0)


def test_gamma_bends_the_greys_between_black_and_white() -> None:
    changed = augment(films(), only(gamma=0.5), generator())
    exponents = changed.log() / films().log()  # one number a film
    spread = exponents.flatten(1)
    torch.testing.assert_close(spread.amin(1), spread.amax(1), atol=1e-3, rtol=0)
    assert 0.6 < spread.min() < 0.95 and 1.05 < spread.max() < 1.65


def test_border_turns_black_from_the_sides_only() -> None:
    changed = augment(films() + 0.1, only(border=0.25), generator())
    black = changed[:, 0] == 0
    assert black[:, 8:24, 8:24].sum() == 0
    assert black.flatten(1).any(1).sum() >= 3


def test_erase_greys_one_rectangle_a_film() -> None:
    changed = augment(films(), only(erase=1), generator())
    for film, before in zip(changed[:, 0], films()[:, 0], strict=True):
        erased = (film - before).abs() > 1e-4
        rows, columns = erased.any(1).sum(), erased.any(0).sum()
        assert erased.sum() >= 0.9 * rows * columns  # but for greys that were so before
        assert film[erased].unique().numel() <= 1


def test_shear_leans_what_stood_upright_and_noise_adds_grain() -> None:
    upright = torch.zeros(4, 1, 33, 33)
    upright[..., 16] = 1
    leaning = augment(upright, only(shear=30), generator())
    top, bottom = leaning[:, 0, 4].argmax(1), leaning[:, 0, 28].argmax(1)
    assert (top != bottom).any() and ((top + bottom - 32).abs() <= 1).all()
    grey = torch.full((4, 1, 64, 64), 0.5)
    grainy = augment(grey, only(noise=0.1), generator())
    assert grainy.mean() == pytest.approx(0.5, abs=0.01)
    deviations = grainy.std((1, 2, 3))
    assert deviations.max() <= 0.11 and deviations.unique().numel() == 4
