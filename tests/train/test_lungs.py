"""Training of the network that finds the lungs: masks, batches, the network, and its limits."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from sklearn.metrics import f1_score

from cxrapp.model.bundle import DEFAULT, WEIGHTS
from cxrapp.model.card_file import load_card
from cxrapp.model.lung_finder import FILE, load_lungs
from cxrapp.model.lungs import KINDS
from tests.model.small_lungs import SIZE, lung_masks, put_lungs
from train.files import save_atomically
from train.lungs import fit as fit_module
from train.lungs.adult import fit_adult
from train.lungs.batches import TURNS, make_batch, whiten_lungs
from train.lungs.films import Pool, draw_others, read_mask, read_not_chest, split_mask
from train.lungs.fit import fit, load_network, lung_loss, rate_at
from train.lungs.limits import Looks, set_limits
from train.lungs.measure import dice_scores
from train.lungs.network import WIDTHS, ExportedLungs, LungNet
from train.lungs.sheet import make_sheet


@pytest.fixture
def pool() -> Pool:
    """Six films with lungs, two without known masks, two that are no film."""
    generator = np.random.default_rng(0)
    films = generator.integers(60, 120, (10, 1, SIZE, SIZE)).astype(np.uint8)
    masks = np.tile((lung_masks() * 255).astype(np.uint8), (10, 1, 1, 1))
    films[:8] -= masks[:8].max(1, keepdims=True) // 5
    masks[6:] = 0
    chest = np.arange(10) < 8
    masked = (np.arange(10) < 6) | ~chest
    adult = np.where(chest, np.arange(10) % 2, np.nan).astype(np.float32)
    return Pool(*map(torch.from_numpy, (films, masks, masked, chest, adult)))


def test_a_mask_is_cut_into_two_lungs(tmp_path: Path) -> None:
    whole = lung_masks().max(0) > 0
    np.testing.assert_array_equal(split_mask(whole), lung_masks() > 0)
    touching = whole.copy()
    touching[14:17, 10:24] = True  # a bridge over the middle
    left, right = split_mask(touching)
    np.testing.assert_array_equal(left | right, touching)
    assert not (left & right).any() and abs(int(left.sum()) - int(right.sum())) < 20
    Image.fromarray(whole).save(tmp_path / "mask.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "mask.png"), split_mask(whole))


def test_a_mask_of_one_lung_tells_nothing() -> None:
    assert split_mask(lung_masks()[0] > 0) is None
    assert split_mask(np.zeros((SIZE, SIZE), bool)) is None


def test_not_chest_films_are_set_apart_by_patient(shared_data: Path) -> None:
    table = read_not_chest(shared_data)
    assert table.groupby("patient")["role"].nunique().max() == 1
    assert (table["role"] == "apart").sum() > 50


@pytest.mark.slow
def test_the_shipped_sheet_is_the_one_this_program_makes(shared_data: Path) -> None:
    path = WEIGHTS / FILE
    finder = load_lungs(path)
    picture, sheet = make_sheet(finder, load_card(WEIGHTS / f"{DEFAULT}.pt"), shared_data)
    shipped = finder.card.sheet
    assert sheet.films == shipped.films
    levels = [example.level for example in sheet.films]
    assert levels[:10] == ["accept"] * 10 and "accept" not in levels[10:]
    ours, theirs = (
        np.asarray(Image.open(file), float)
        for file in (io.BytesIO(picture), path.with_suffix(".jpg"))
    )
    assert np.abs(ours - theirs).mean() < 2


def test_batches_know_what_they_did(pool: Pool) -> None:
    generator = torch.Generator().manual_seed(0)
    batch = make_batch(pool, torch.arange(10).repeat(40), generator)
    kinds = [KINDS[kind] for kind in batch.kinds]
    assert set(kinds) == set(KINDS)
    chest = pool.chest.repeat(40)
    assert all(
        kind == "no chest film" for kind, is_film in zip(kinds, chest, strict=True) if not is_film
    )
    assert ((batch.films >= 0) & (batch.films <= 1)).all()
    turned = torch.tensor([kind in TURNS for kind in kinds])
    assert not batch.masked[turned].any()
    assert batch.adult[torch.tensor([kind == "no chest film" for kind in kinds])].isnan().all()
    # In a mirrored film, too, the first mask is of the lung on the film's left.
    frontal = batch.masked & chest & (batch.masks.sum((2, 3)) > 20).all(1)
    line = torch.arange(SIZE).float()
    across = (batch.masks.sum(2) * line).sum(2) / batch.masks.sum((2, 3)).clamp(min=1)
    for kind in ("frontal", "mirrored"):
        rows = frontal & torch.tensor([one == kind for one in kinds])
        assert rows.any() and (across[rows, 0] < across[rows, 1]).all()


def test_a_white_lung_is_white_where_it_was_black(pool: Pool) -> None:
    films, masks = pool.films[:6].float() / 255, pool.masks[:6].float() / 255
    chosen = torch.tensor([True] * 3 + [False] * 3)
    white = whiten_lungs(films, masks, chosen, torch.Generator().manual_seed(0))
    torch.testing.assert_close(white[3:], films[3:])
    change = white[:3] - films[:3]
    assert change.mean() > 0 and change.amax() > 0.05
    far = masks[:3].amax(1, keepdim=True) == 0
    assert change[far].abs().mean() < change[~far].abs().mean() / 4


def test_dice_is_the_f1_score_of_pixels() -> None:
    generator = np.random.default_rng(0)
    found, truth = generator.random((3, 2, 20, 20)), generator.random((3, 2, 20, 20)) > 0.4
    scores = dice_scores(found, truth * 255)
    for n in range(3):
        for side in range(2):
            expected = f1_score(truth[n, side].ravel(), found[n, side].ravel() > 0.5)
            assert scores[n, side] == pytest.approx(expected)


def test_limits_hold_the_films_they_were_set_on(tmp_path: Path) -> None:
    masks = np.stack([np.roll(lung_masks(), shift, 1) for shift in range(-4, 5)])
    kinds = np.full((9, len(KINDS)), 0.01, np.float32)
    kinds[:, 0] = 0.94
    frontal = Looks(masks, kinds, np.linspace(0, 0.9, 9, dtype=np.float32))
    children = np.arange(9) < 5
    shapes, limits, adult = set_limits(frontal, children, np.zeros(100, np.float32))
    assert set(limits.values()) == {0.5} and adult == 0.5
    # A few children of other blocks that look adult raise the limit.
    raised = np.where(np.arange(100) < 2, 0.8, 0).astype(np.float32)
    assert set_limits(frontal, children, raised)[2] > 0.7
    finder = load_lungs(put_lungs(tmp_path, shapes=shapes, kinds=limits))
    read = frontal.read(finder.card)
    assert [one.kind for one in read] == ["frontal"] * 9
    assert not any(one.implausible for one in read)
    low = Looks(np.roll(masks[:1], 12, 2), kinds[:1], frontal.adult[:1]).read(finder.card)[0]
    assert "down, left" in low.implausible


def test_the_stored_network_says_what_the_eager_one_says() -> None:
    torch.manual_seed(0)
    network = ExportedLungs(LungNet(), torch.nn.Linear(WIDTHS[-1], 1)).eval()
    films = torch.rand(2, 1, 96, 96)
    scripted = torch.jit.script(network)
    for ours, theirs in zip(network(films), scripted(films), strict=True):
        torch.testing.assert_close(ours, theirs)
    masks, kinds, adult = scripted(films)
    assert (masks.shape, kinds.shape, adult.shape) == ((2, 2, 96, 96), (2, len(KINDS)), (2,))
    torch.testing.assert_close(kinds.sum(1), torch.ones(2))


def test_the_head_for_adults_is_a_logistic_regression_that_health_does_not_mislead() -> None:
    """Adults have a bright border, the sick a bright centre; nearly all sick films are children's.

    Learned as they come, health passes for age: of sick adults the old way knew fewer.
    """
    torch.manual_seed(0)
    network, generator = LungNet().eval(), np.random.default_rng(0)
    adult = np.arange(120) % 2 == 1
    sick = np.where(adult, np.arange(120) % 20 == 1, np.arange(120) % 8 > 0)
    films = generator.integers(60, 120, (120, 1, SIZE, SIZE)).astype(np.uint8)
    films[adult, :, :8] += 100
    films[sick, :, 14:18, 14:18] += 100
    pool = Pool(torch.from_numpy(films), *[torch.zeros(0)] * 4)
    table = pd.DataFrame(
        {"adult": adult * 1.0, "pneumonia": sick * 1.0, "machine": np.arange(120) // 2 % 3}
    ).astype({"machine": object})
    table.loc[adult, "machine"] = np.nan
    table.loc[5, "adult"] = np.nan  # of the hospital that is kept for measuring
    head, held_out = fit_adult(network, pool, table)
    told = ExportedLungs(network, head)(pool.films.float() / 255)[2].detach().numpy()
    assert (told[adult & sick] > 0.5).all() and (told[~adult & ~sick] < 0.5).all()
    assert held_out.shape == ((~adult & ~sick).sum(),)
    assert (held_out < told[adult & sick].min()).mean() > 0.8


@pytest.mark.slow
def test_a_run_goes_on_where_it_stopped(
    pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fit_module, "BATCH", 6)
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    for folder in (whole, stopped):
        folder.mkdir()
    plan = ((SIZE, 2), (2 * SIZE, 1))
    fit(pool, whole, plan)
    monkeypatch.setattr(fit_module, "save_atomically", stop_after(1))
    with pytest.raises(KeyboardInterrupt):
        fit(pool, stopped, plan)
    monkeypatch.undo()
    monkeypatch.setattr(fit_module, "BATCH", 6)
    fit(pool, stopped, plan)
    ours, theirs = (load_network(folder).state_dict() for folder in (whole, stopped))
    for name in ours:
        torch.testing.assert_close(ours[name], theirs[name])
    with pytest.raises(ValueError, match="another plan"):
        fit(pool, whole, plan[:1])
    with pytest.raises(ValueError, match="another data"):
        fit(replace(pool, adult=1 - pool.adult), whole, plan)


def stop_after(epochs: int):  # noqa: ANN201
    """`save_atomically` that is interrupted once so many epochs are kept."""

    def save(path: Path, value: dict) -> None:
        save_atomically(path, value)
        if value["epoch"] == epochs:
            raise KeyboardInterrupt

    return save


def test_the_loss_of_the_truth_is_smaller(pool: Pool) -> None:
    batch = make_batch(pool, torch.arange(6), torch.Generator().manual_seed(1))
    right = (batch.masks - 0.5) * 20
    kinds = torch.nn.functional.one_hot(batch.kinds, len(KINDS)) * 20.0
    adult = (batch.adult.nan_to_num() - 0.5) * 20
    good = lung_loss(right, kinds, adult, batch)
    assert good < 0.2 < lung_loss(-right, -kinds, -adult, batch)


def test_the_rate_rises_then_falls() -> None:
    rates = [rate_at(share) for share in np.linspace(0, 0.999, 50)]
    top = int(np.argmax(rates))
    assert (
        8 <= top <= 11
        and np.all(np.diff(rates[: top + 1]) > 0)
        and np.all(np.diff(rates[top:]) < 0)
    )
    assert rates[-1] < 0.001 * max(rates)


def test_drawn_pictures_are_the_same_each_time() -> None:
    first, second = (draw_others(8, 40, seed=3) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert first.shape == (8, 1, 40, 40) and len({film.tobytes() for film in first}) == 8
