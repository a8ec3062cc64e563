"""An experiment: the shipped backbone in int8 by OpenVINO, its time and its cost in AUROC.

python -m tests.benchmarks.int8 [--data FOLDER] [--rounds 15]

Needs `pip install openvino nncf`, which nothing else here does. Scales are set by post-training
quantisation (nncf) on training films; both engines then score the official test films.
"""

import argparse
import sys
from collections.abc import Callable

import numpy as np
import torch
from sklearn.metrics import roc_auc_score
from tqdm import tqdm

from cxrapp.bootstrap import number_patients, resamples
from cxrapp.bundle import Bundle
from cxrapp.engine import ONNX_RUNTIME, TORCHSCRIPT
from cxrapp.predict import BATCH
from tests.benchmarks.network import shipped
from tests.benchmarks.pairs import Comparison, time_in_turn
from train.data import find_data, load_films, read_table

CALIBRATION = 300  # films, which is nncf's own default
DRAWS = 500

Backbone = Callable[[np.ndarray], np.ndarray]  # (N, 1, S, S) float32 -> (N, C, h, w)


def main() -> int:
    """Print the ratio of times and, for every finding, both areas and their difference."""
    options = _parse_options()
    bundle, root = shipped(TORCHSCRIPT), find_data(options.data)
    table = read_table(root, ("kermany",))
    prepare = bundle.card.preprocessing
    train = table[table["split"] == "train"].sample(CALIBRATION, random_state=0)
    test = table[table["split"] == "test"]
    quantised = quantise(bundle, load_films(train, root, prepare))
    scripted = _runner(TORCHSCRIPT)
    films = load_films(test, root, prepare)
    batch = films[:BATCH].astype(np.float32) / 255
    for engine in (TORCHSCRIPT, ONNX_RUNTIME):
        run = _runner(engine)
        print(
            _compare(lambda: quantised(batch), lambda run=run: run(batch), options.rounds, engine)
        )
    before, after = score(bundle, scripted, films), score(bundle, quantised, films)
    for k, finding in enumerate(bundle.card.findings):
        known = test[finding.name].notna().to_numpy()
        labels = test[finding.name][known].to_numpy() == 1
        patients = test["patient"][known].to_numpy()
        print(finding.name, _areas(labels, before[known, k], after[known, k], patients))
    return 0


def quantise(bundle: Bundle, films: np.ndarray) -> Backbone:
    """The backbone in int8, its scales set on these films (N, 1, S, S) uint8."""
    import nncf
    import openvino

    side = films.shape[-1]
    example = torch.zeros(1, 1, side, side)
    model = openvino.convert_model(
        bundle.backbone, example_input=example, input=[-1, *example.shape[1:]]
    )
    inputs = [film[None].astype(np.float32) / 255 for film in films]
    smaller = nncf.quantize(model, nncf.Dataset(inputs), subset_size=len(films))
    compiled = openvino.Core().compile_model(smaller, "CPU", {"PERFORMANCE_HINT": "LATENCY"})
    return lambda batch: compiled(batch)[0]


def score(bundle: Bundle, backbone: Backbone, films: np.ndarray) -> np.ndarray:
    """(N, K) logits."""
    logits = []
    for start in tqdm(range(0, len(films), BATCH), disable=None):
        maps = backbone(films[start : start + BATCH].astype(np.float32) / 255)
        logits.append(bundle.head(torch.from_numpy(maps)).numpy())
    return np.concatenate(logits)


def _runner(engine: str) -> Backbone:
    """As the app runs it."""
    backbone = shipped(engine).backbone

    @torch.no_grad()
    def run(batch: np.ndarray) -> np.ndarray:
        films = torch.from_numpy(batch).contiguous(memory_format=torch.channels_last)
        return backbone(films)[0].numpy()

    return run


def _compare(
    ours: Callable[[], object], theirs: Callable[[], object], rounds: int, engine: str
) -> str:
    pairs = time_in_turn(ours, theirs, rounds)
    one = Comparison(f"{BATCH} films, OpenVINO int8", f"{engine} float32", pairs, 1.0)
    return (
        f"{one.what} by {one.against}: {one.ratio:.2f} ({one.spread[0]:.2f} to {one.spread[1]:.2f})"
    )


def _areas(labels: np.ndarray, before: np.ndarray, after: np.ndarray, patients: np.ndarray) -> str:
    """Both areas, and the interval of their difference by patient."""
    index = number_patients(patients)
    differences = [
        roc_auc_score(labels, after, sample_weight=weights[index])
        - roc_auc_score(labels, before, sample_weight=weights[index])
        for weights in resamples(int(index.max()) + 1)[:DRAWS]
    ]
    low, high = np.percentile(differences, [2.5, 97.5])
    areas = roc_auc_score(labels, before), roc_auc_score(labels, after)
    return (
        f"AUROC {areas[0]:.4f} in float32, {areas[1]:.4f} in int8, "
        f"difference {areas[1] - areas[0]:+.4f} ({low:+.4f} to {high:+.4f})"
    )


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.int8",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", help="the folder of films, else CXR_DATA")
    parser.add_argument("--rounds", type=int, default=15)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
