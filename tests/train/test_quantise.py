import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from cxrapp.films.radiograph import Radiograph
from cxrapp.model.bundle import DEFAULT, WEIGHTS, Bundle, load_bundle, load_parts
from cxrapp.model.predict import screen
from tests.places import ROOT, SAMPLES
from train.__main__ import main
from train.export import COSTS
from train.model import Exported, ExportedInt8, build_network, with_averages
from train.quantise import quantise

INT8 = WEIGHTS / f"{DEFAULT}-int8.pt"


@pytest.fixture(scope="module")
def small() -> tuple[Exported, nn.Module]:
    """A small network whose statistics fit its films, and its backbone in int8."""
    torch.manual_seed(0)
    network = build_network(findings=2, dropout=0.0, backbone="small_cnn").train()
    with torch.no_grad():
        for _ in range(20):
            network(torch.rand(8, 1, 64, 64))
    network.eval()
    films = np.random.default_rng(0).integers(0, 256, (20, 1, 64, 64), dtype=np.uint8)
    backbone = with_averages(network).eval()
    return Exported(backbone, network.head, nn.Identity()), quantise(backbone, films)


def test_eight_bits_say_nearly_what_floats_say(small: tuple[Exported, nn.Module]) -> None:
    network, quantised = small
    films = torch.rand(4, 1, 64, 64)
    with torch.no_grad():
        pairs = zip(network.features.backbone(films), quantised(films), strict=True)
    for ours, theirs in pairs:
        assert ours.shape == theirs.shape and theirs.dtype == torch.float32
        assert not torch.equal(ours, theirs)
        assert (ours - theirs).abs().max() < 0.05 * ours.abs().max()


def test_the_network_that_was_trained_is_left_as_it_was(small: tuple[Exported, nn.Module]) -> None:
    assert any(isinstance(layer, nn.BatchNorm2d) for layer in small[0].modules())


def test_a_file_holds_both_and_runs_the_one_in_eight_bits(
    small: tuple[Exported, nn.Module],
) -> None:
    network, quantised = small
    buffer, films = io.BytesIO(), torch.rand(1, 1, 64, 64)
    torch.jit.save(torch.jit.script(ExportedInt8(network, quantised)), buffer)
    for frozen, backbone in ((True, quantised), (False, network.features.backbone)):
        buffer.seek(0)
        opened = load_parts(buffer, frozen=frozen)[0]
        with torch.no_grad():
            torch.testing.assert_close(opened(films), backbone(films))


class Undecided(nn.Module):
    def forward(self, films: torch.Tensor) -> torch.Tensor:
        return films if films.mean() > 0 else -films


def test_a_network_whose_steps_depend_on_the_film_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be put in eight bits"):
        quantise(Undecided(), np.zeros((1, 1, 64, 64), np.uint8))


def test_an_export_in_eight_bits_is_a_bundle_of_its_own(
    run: Path, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ["export", str(run), "--data", str(tiny), "--int8", "--out", str(tmp_path / "b.pt")]
    # On so few films, of a network that knows nothing, areas are of any size.
    monkeypatch.setitem(COSTS, "int8", 1.0)
    assert main(command) == 0
    card = load_bundle(tmp_path / "b.pt").card
    assert card.name == "pneumonia-int8"
    assert set(card.training["weights"]) == {"stored as", "AUROC cost of int8"}
    assert "eight bits" in card.limits[-1]


def test_int8_that_costs_too_much_is_not_written(
    run: Path,
    tiny: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    command = ["export", str(run), "--data", str(tiny), "--int8", "--out", str(tmp_path / "b.pt")]
    monkeypatch.setitem(COSTS, "int8", -1.0)
    assert main(command) == 2
    assert "export without --int8" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_the_shipped_one_says_nearly_what_its_origin_says(
    bundle: Bundle, films: list[Radiograph]
) -> None:
    fast = load_bundle(INT8)
    assert fast.card.is_int8 and not bundle.card.is_int8
    for ours, theirs in zip(screen(fast, films), screen(bundle, films), strict=True):
        scores = (one.prediction.probabilities for one in (ours, theirs))
        np.testing.assert_allclose(*scores, atol=0.1)
        assert ours.verdict.level == theirs.verdict.level
    for cohort, findings in fast.card.metrics.items():
        for finding in ("pneumonia", "viral"):
            areas = findings[finding], bundle.card.metrics[cohort][finding]
            first, second = (area["auroc"]["value"] for area in areas)
            assert first > second - 0.005  # what an export allows
            # Whatever an area says, a film's own probability stays about where it was.
            one, other = (b.card.scores(cohort, finding).probabilities for b in (fast, bundle))
            assert np.abs(one - other).mean() < 0.02


@pytest.mark.slow
def test_it_disturbs_no_log() -> None:
    """PyTorch would write to standard error by itself, between the lines of the log."""
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from cxrapp.model.bundle import load_bundle\n"
        "from cxrapp.model.predict import predict\n"
        "from cxrapp.films.decode import read_film\n"
        "film = read_film('', Path(sys.argv[2]).read_bytes())\n"
        "predict(load_bundle(Path(sys.argv[1])), [film])\n"
    )
    command = [sys.executable, "-c", script, str(INT8), str(Path(SAMPLES[0]))]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stderr == done.stdout == ""
