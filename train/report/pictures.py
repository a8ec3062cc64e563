"""Films for a report, as pictures inside the page."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from cxrapp.explain import grad_cams
from cxrapp.figures.pictures import data_url, film_picture, overlay_picture
from cxrapp.model.chain import class_names, read_classes
from cxrapp.model.predict import encode
from train import data
from train.evaluate import Run
from train.measure import Evaluation

SAMPLES = 4  # films of each class
WORST = 6  # films of each finding
SIDE = 190  # pixels, as template.html draws them
OPACITY = 0.55  # of the heat where it is strongest


@dataclass(frozen=True)
class Picture:
    """A film in a report: a data URL and the lines under it."""

    url: str
    lines: tuple[str, ...]


def sample_films(run: Run, root: Path) -> dict[str, list[Picture]]:
    """Class -> training films of it, chosen at random by the run's seed."""
    # Of training: what the network was taught, and not what it is measured by.
    train = run.table[run.table["split"] == "train"]
    classes = read_classes(train[[f.name for f in run.recipe.findings]].to_numpy(float))
    names = class_names(run.recipe.findings)
    by_class = {name: train[classes == k] for k, name in enumerate(names)}
    return {
        name: [
            # The same films whenever this run is reported on.
            Picture(_draw(data.read_film(root / path).pixels), (Path(path).name,))
            for path in rows.sample(min(SAMPLES, len(rows)), random_state=run.recipe.seed)["path"]
        ]
        for name, rows in by_class.items()
    }


def worst_films(run: Run, evaluation: Evaluation, root: Path) -> dict[str, list[Picture]]:
    """Finding -> films of the last cohort with the highest loss, with that finding's heat on them.

    The heat shows why a film was called ill; on one that was missed there is little.
    """
    # The test where it is open; evaluation puts it last.
    name, cohort = list(evaluation.cohorts.items())[-1]
    # Row by row the cohort's own, which was scored in the table's order.
    paths = run.table.loc[run.table["split"] == name, "path"].to_list()
    pictures = {}
    for k, finding in enumerate(run.recipe.findings):
        said = evaluation.calibrations[k].probability(cohort.logits[:, k])
        losses = _losses(cohort.labels[:, k], said)
        # By loss: first those that the network was surest of, and wrong. Labels that are wrong come
        # up here as well.
        worst = [i for i in np.argsort(-losses)[:WORST] if losses[i] > 0]  # 0: not asked
        truths = [finding.positive if cohort.labels[i, k] == 1 else finding.negative for i in worst]
        pictures[finding.name] = [
            _draw_worst(run, k, root / paths[i], f"{truth}; {finding.positive} {said[i]:.3f}")
            for i, truth in zip(worst, truths, strict=True)
        ]
    return pictures


def _losses(labels: np.ndarray, said: np.ndarray) -> np.ndarray:
    """Cross-entropy (N,) of labels 1, 0 and NaN, for which it is 0."""
    # Away from log 0: a film that is wrong beyond doubt has a loss of 27.6.
    right = np.clip(np.where(labels == 1, said, 1 - said), 1e-12, 1)
    return np.where(np.isnan(labels), 0.0, -np.log(right))


def _draw_worst(run: Run, k: int, path: Path, line: str) -> Picture:
    film = data.read_film(path).pixels
    # Films one by one, as there are a dozen: six of each finding.
    (feature_map,) = encode(run, run.preprocessing.to_input(film)[None]).feature_maps
    cam = grad_cams(run, feature_map)[k]
    # Over the film's own shape, though the network has seen it as a square.
    picture = _draw(film, run.preprocessing.to_image(cam, film.shape))
    # Each is drawn up to its own maximum, so the number under it says how strong the heat is.
    # With its name, so that whoever doubts a label can look the film up.
    return Picture(picture, (line, f"heat up to {cam.max():.2f} a cell", path.name))


def _draw(pixels: np.ndarray, heat: np.ndarray | None = None) -> str:
    picture = film_picture(pixels)
    if heat is not None:
        picture = overlay_picture(picture, heat, float(heat.max()), OPACITY)
    # No larger than it is shown, and JPEG: the page carries all of them as text.
    picture.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    return data_url(picture, "JPEG", quality=85)
