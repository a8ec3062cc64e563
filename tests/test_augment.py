import torch

from train.augment import augment
from train.recipe import Augment

NOTHING = Augment(0, 0, 0, 0, 0, 0, 0)


def films() -> torch.Tensor:
    ramp = torch.linspace(0.2, 0.8, 32)
    return (ramp[None, :] * ramp[:, None]).expand(6, 1, 32, 32).clone()


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_without_ranges_the_films_stay_as_they_are() -> None:
    torch.testing.assert_close(augment(films(), NOTHING, generator()), films())


def test_flip_mirrors_left_and_right() -> None:
    flipped = augment(films(), Augment(1, 0, 0, 0, 0, 0, 0), generator())
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
    moved = augment(films(), Augment(0, 0, 0, 0, 0.25, 0, 0), generator())
    black = (moved == 0).all(2).sum(2)  # columns that came in from outside
    assert black.max() <= 8
    assert black.max() > 0
