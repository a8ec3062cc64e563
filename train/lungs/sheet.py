"""The sheet of examples beside the lung network's card: ten films that count, ten that do not.

None is chosen by hand: of every kind the films kept apart are taken at even steps in the order of
their names, whatever becomes of them. All may be passed on, see `SOURCE`.
"""

import hashlib
import io
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from cxrapp.figures.pictures import film_picture, outline_picture
from cxrapp.films.decode import read_film
from cxrapp.films.preprocess import Preprocessing
from cxrapp.films.radiograph import Radiograph
from cxrapp.model.card import ModelCard
from cxrapp.model.gate import judge
from cxrapp.model.lung_finder import LungFinder
from cxrapp.model.lungs import Example, Lungs, Sheet
from train import data
from train.lungs.films import CHILDREN, OTHER_ADULTS, draw_others, read_lung_table, read_not_chest
from train.lungs.phone import photograph

# 100 kB in all: it stands beside the card, and whoever opens the page about the model loads it.
SIDE, ACROSS, QUALITY = 160, 5, 80  # pixels a square, squares a row, of JPEG
FRONTAL = 10  # films that count, as many as do not
SOURCE = (
    "Children's films: Kermany, Zhang, Goldbaum, Mendeley Data 2018, CC BY 4.0. Limbs: "
    "science-research-2022, Roboflow, CC BY 4.0. Adults: COVID-19 Image Repository, Hannover "
    "Medical School, CC BY 3.0. Changed as said, and squashed to squares, as the network sees them."
)
HANNOVER = "ml-workgroup/covid-19-image-repository"  # adults' films whose terms are CC BY 3.0
# What a child's film becomes.
SPOILT: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "turned to the left": np.rot90,  # against the clock, as `TURNS` has it
    "upside down": lambda film: np.rot90(film, 2),
    "mirrored": lambda film: film[:, ::-1],
    "as a negative": lambda film: 1 - film,
    "half of it": lambda film: film[:, : film.shape[1] // 2],
}


def make_sheet(finder: LungFinder, card: ModelCard, root: Path) -> tuple[bytes, Sheet]:
    """Draw the sheet, as a JPEG file, and say what becomes of each film.

    Args:
        finder: Its card with its limits.
        card: Of the bundle that judges them, by their lungs and their file alone.
    """
    pictures, examples = [], []
    for what, film in _choose_films(root):
        # One by one and at its own shape, as films come in a clinic.
        (lungs,) = finder.find([film.pixels])
        # At distance 0 and with nothing to correct, only its lungs and its file can speak against
        # it.
        verdict = judge(card, film, 0.0, {}, lungs)
        pictures.append(_draw(film, lungs))
        # In the gate's own words: the sheet cannot promise what the gate does not do.
        examples.append(Example(what, verdict.level, " ".join(verdict.reasons)))
    rows = -(-len(pictures) // ACROSS)  # rounded up
    sheet = Image.new("RGB", (ACROSS * SIDE, rows * SIDE))
    for number, picture in enumerate(pictures):
        y, x = divmod(number, ACROSS)
        sheet.paste(picture, (x * SIDE, y * SIDE))
    file = io.BytesIO()
    sheet.save(file, "JPEG", quality=QUALITY)
    # Of the file, not of the pixels: the app compares it before it opens the picture.
    digest = hashlib.sha256(file.getvalue()).hexdigest()
    return file.getvalue(), Sheet(digest, ACROSS, tuple(examples), SOURCE)


def _choose_films(root: Path) -> Iterator[tuple[str, Radiograph]]:
    table = read_lung_table(root)
    apart = table[table["role"] == "apart"]
    children = apart.loc[apart["source"] == CHILDREN, "path"]
    # The last is photographed and every third of the others spoilt: `pop` moves up those behind,
    # hence 2 and not 3.
    *frontal, photographed = _at_even_steps(children, FRONTAL + len(SPOILT) + 1)
    spoilt = [frontal.pop(2 * number) for number in range(len(SPOILT))]
    for path in frontal:
        yield "a child's chest", data.read_film(root / path)
    limbs = read_not_chest(root).query("role == 'apart' and label == 'limb'")["path"]
    # Terms go by image in that collection, and only some of them allow it to be passed on.
    known = pd.read_csv(root / "covid19/metadata.csv").set_index("filename")["url"]
    adults = apart.loc[apart["source"] == OTHER_ADULTS, "path"]
    free = adults[adults.map(lambda path: HANNOVER in str(known.get(Path(path).name)))]
    for what, paths, count in (("a limb", limbs, 2), ("an adult's chest", free, 1)):
        for path in _at_even_steps(paths, count):
            yield what, data.read_film(root / path)
    # The first maker draws a page; float32, as films are.
    page = draw_others(1, SIDE, seed=0)[0, 0] / np.float32(255)
    # Without a name or tags: only pixels can speak against it.
    yield "a page of text, drawn", Radiograph("", page)
    for (how, spoil), path in zip(SPOILT.items(), spoilt, strict=True):
        film = data.read_film(root / path)
        yield f"a child's chest, {how}", Radiograph("", np.ascontiguousarray(spoil(film.pixels)))
    film = data.read_film(root / photographed)
    photo = photograph(film.pixels, np.random.default_rng(0))
    # As it was drawn, which may be either: a caption of its own would soon say the wrong one.
    surface = "a screen" if photo.screen else "a light box"
    # By way of a file, where the clinic's reader notices colours.
    shown = read_film("", photo.file)
    yield f"a child's chest, photographed from {surface} (made)", shown


def _at_even_steps(paths: pd.Series, count: int) -> list[str]:
    # From the first name to the last: nobody can have chosen, and each time it is the same films.
    names = sorted(paths)
    return [names[place] for place in np.linspace(0, len(names) - 1, count).astype(int)]


def _draw(film: Radiograph, lungs: Lungs) -> Image.Image:
    """The film with the lungs' outlines."""
    # Squashed to a square as for the network, so that its outline fits.
    picture = film_picture(Preprocessing(SIDE).to_input(film.pixels)[0]).convert("RGB")
    outline = outline_picture(lungs.lay_over((SIDE, SIDE)), width=1)
    picture.paste(outline, mask=outline)
    return picture
