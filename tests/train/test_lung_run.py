"""The lungs' program around its network: the pool it keeps, what it counts, writes and draws."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from cxrapp.errors import InvalidBundle
from cxrapp.model.lung_finder import load_lungs
from tests.model.small_lungs import lung_masks, put_lungs
from tests.places import SAMPLES
from train.evaluate import read_openings
from train.lungs import export as export_module
from train.lungs import phone
from train.lungs import run as run_module
from train.lungs.films import Pool, load_pool, read_not_chest
from train.lungs.fit import SIZES
from train.lungs.measure import measure_others
from train.lungs.network import WIDTHS, ExportedLungs, LungNet
from train.lungs.phone import photograph


def test_a_pool_of_other_films_or_masks_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("lungs", "not_chest", "out"):
        (tmp_path / name).mkdir()
    (tmp_path / "film").write_bytes(SAMPLES[0].read_bytes())
    (tmp_path / "not_chest/limb").write_bytes(b"limb")
    (tmp_path / "not_chest/labels.csv").write_text("file,label,patient\nlimb,limb,one\n")
    row = {"path": "film", "sha256": "a", "mask": "lungs/mask.png", "adult": 0.0, "role": "train"}
    table, made = pd.DataFrame([row]), []
    no_others = np.zeros((0, 1, *[SIZES[-1][0]] * 2), np.uint8)
    monkeypatch.setattr(run_module, "read_lung_table", lambda root: table)
    monkeypatch.setattr(run_module, "load_others", lambda *_: (no_others, None))
    monkeypatch.setattr(run_module, "load_pool", lambda *a: made.append(load_pool(*a)) or made[-1])

    def load_masks(lungs: np.ndarray) -> torch.Tensor:
        Image.fromarray(lungs).save(tmp_path / "lungs/mask.png")
        return run_module.load_training_pool(tmp_path, tmp_path / "out").masks

    lungs = lung_masks().max(0) > 0
    first = load_masks(lungs)
    assert torch.equal(load_masks(lungs), first) and len(made) == 1
    corrected = load_masks(np.roll(lungs, 2, 0))
    assert len(made) == 2 and torch.equal(corrected, made[1].masks)
    assert not torch.equal(corrected, first)
    table["sha256"] = "b"
    load_masks(np.roll(lungs, 2, 0))
    assert len(made) == 3


def test_openings_are_counted_and_what_the_app_refuses_replaces_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    network = ExportedLungs(LungNet(), torch.nn.Linear(WIDTHS[-1], 1)).eval()
    films = torch.randint(0, 256, (6, 1, 128, 128), dtype=torch.uint8)
    pool = Pool(films, *[torch.zeros(0)] * 4)
    monkeypatch.setattr(export_module, "load_validation", lambda *_: (pool, np.ones(6, bool)))
    monkeypatch.setattr(export_module, "measure_lungs", lambda *_, test: {})
    out, run = tmp_path / "weights/lungs.pt", tmp_path / "run"
    run.mkdir()

    def export(*, test: bool) -> int:
        export_module.export_lungs(network, np.zeros(9), tmp_path, out, run, test=test)
        return load_lungs(out).card.training["test openings"]

    assert [export(test=test) for test in (False, True, True)] == [0, 1, 2]
    before = {path.name: path.read_bytes() for path in out.parent.iterdir()}
    assert set(before) == {"lungs.pt", "lungs.json"}

    def refuse(path: Path) -> None:
        assert path != out and load_lungs(path)
        raise InvalidBundle("refused")

    monkeypatch.setattr(export_module, "load_lungs", refuse)
    with pytest.raises(InvalidBundle, match="refused"):
        export(test=True)
    assert {path.name: path.read_bytes() for path in out.parent.iterdir()} == before
    assert read_openings(run) == 3


def test_crops_of_one_photograph_are_one_chance_to_be_right(tmp_path: Path) -> None:
    (tmp_path / "not_chest").mkdir()
    rows = [f"{name},limb,{name}" for name in "abcdefgh"]
    (tmp_path / "not_chest/labels.csv").write_text("\n".join(["file,label,patient", *rows]))
    for name in "abcdefgh":
        (tmp_path / "not_chest" / name).write_bytes(SAMPLES[0].read_bytes())
    limbs = (read_not_chest(tmp_path)["role"] == "apart").sum()
    finder = load_lungs(put_lungs(tmp_path, kind="no chest film"))
    measured = measure_others(finder, finder.card, tmp_path)
    rates = {name: next(iter(rates.values())) for name, rates in measured.items()}
    assert {name: rate["n"] for name, rate in rates.items()} == {
        "no chest film, limb": limbs,
        "no chest film, photograph": 16,
        "no chest film, drawn": 120,
        "no chest film, all": limbs + 136,
    }
    # Of n of n the low end is where half the chance of that is a fortieth: 0.05 of one picture.
    chances = {"limb": limbs, "photograph": 1, "drawn": 120, "all": limbs + 121}
    for name, count in chances.items():
        assert rates[f"no chest film, {name}"]["low"] == pytest.approx(0.05 ** (1 / count))


def test_a_photograph_says_whether_it_is_of_a_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    film = np.full((40, 40), 0.5, np.float32)
    taken = [photograph(film, np.random.default_rng(seed)) for seed in range(8)]
    monkeypatch.setattr(phone, "RASTER", 0.0)  # which screens alone have
    flat = [photograph(film, np.random.default_rng(seed)) for seed in range(8)]
    changed = [one.file != other.file for one, other in zip(taken, flat, strict=True)]
    assert changed == [one.screen for one in taken] and set(changed) == {True, False}
