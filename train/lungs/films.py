"""Lung masks, films and what is no film, with patients apart: the table and the pixels.

Masks: V7 COVID-19 X-ray dataset (CC BY 4.0), human-corrected, the part behind the heart included,
in `lungs/masks.csv` beside the films. The role of a film is decided by its patient's block
(`train.data.number_blocks`): tenths of every series in the order of the patients' numbers.
"""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from cxrapp.films.preprocess import Preprocessing
from train import data

# Masks are of `kermany` and `covid19` alone; what the others add is adults.
SOURCES = ("kermany", "radiography", "covid19", "rsna")
CHILDREN = "kermany"
# Adults of other hospitals still: never shown to the head that tells adults from children.
OTHER_ADULTS = "covid19"
# A twentieth of every series each: 258 of the children's films are apart.
VALIDATION, APART = 9, 8  # blocks of patients
SMALLEST_LUNG = 0.03  # share of the film; a mask with less on a side covers one lung only
# Of what is no chest film, by a hash of the patient: shares for training and validation.
NOT_CHEST_SHARES = (0.5, 0.6)
# Drawn by a seed for each role: nothing has to be stored, and no picture is in two roles.
SYNTHETIC = {"train": 240, "validation": 60, "apart": 120}
# Pictures that come with scikit-image. Those of scikit-learn are kept apart.
PHOTOGRAPHS = (
    "astronaut brick camera cell chelsea clock coffee coins grass gravel hubble_deep_field "
    "immunohistochemistry moon page retina rocket text"
).split()
CROPS = 8  # of each photograph


@dataclass(frozen=True)
class Pool:
    """Films in memory, and what is known of each.

    Args:
        films: (N, 1, S, S) uint8.
        masks: (N, 2, S, S) uint8, 255 inside the lung on the film's left and the one on its right.
        masked: (N,) bool: whether the masks are known.
        chest: (N,) bool: whether it is a frontal chest film.
        adult: (N,) float32: 1, 0, or NaN where it is not known or not to be learned.
    """

    # Bytes, as films are published: with its masks a film of 128 px takes 48 kB, all of training
    # some 0.6 GB.
    films: torch.Tensor
    masks: torch.Tensor
    masked: torch.Tensor
    chest: torch.Tensor
    adult: torch.Tensor


# A run asks for it several times, and each time every byte of every film would be hashed. The table
# is shared: no caller may change it.
@lru_cache(maxsize=1)
def read_lung_table(root: Path) -> pd.DataFrame:
    """The films of all sources, with the columns `mask` (a path, or None), `adult` and `role`.

    Roles: `train`, `validation`, `apart` to measure on, and `official test`.

    Raises:
        ValueError: The masks or a source are not there.
    """
    if not (root / "lungs/masks.csv").exists():
        raise ValueError(
            f"{root}/lungs/masks.csv is missing: name the folder of films with --data."
        )
    # Copies go before blocks are counted, or one film could be learned from and measured on.
    table, _ = data.drop_copies(data.read_table(root, SOURCES), root)
    table = data.number_blocks(table)
    masks = pd.read_csv(root / "lungs/masks.csv").set_index("film_in_shared_data")["mask"]
    # Some films are listed twice: the first mask counts.
    known = masks[~masks.index.duplicated()]
    path = table["path"].map(known)
    # Radiography tells no ages: at least seven of its films are of children and pass for adults'.
    adult = (table["source"] != CHILDREN).astype(float)
    role = table["block"].map({VALIDATION: "validation", APART: "apart"}).fillna("train")
    # Only the children have an official test. What `train.sources` holds back of the others for
    # good is measured on, as block 8 is.
    tests = np.where(table["source"] == CHILDREN, "official test", "apart")
    role = role.mask(table["split"] == "test", pd.Series(tests, table.index))
    return table.assign(
        mask=("lungs/" + path).where(path.notna(), None),
        # No answer rather than 1: a head that had learned from them could not be measured on them.
        adult=adult.mask(table["source"] == OTHER_ADULTS),
        role=role,
    )


def read_not_chest(root: Path) -> pd.DataFrame:
    """What is no frontal chest film: `path`, `label`, `patient` and `role`, patients whole."""
    table = pd.read_csv(root / "not_chest/labels.csv")
    # A picture without a patient is a patient of its own.
    patient = table["patient"].fillna(table["file"]).astype(str)
    # By a hash and not by order: a picture that is added changes the role of no other.
    place = patient.map(lambda p: hashlib.sha256(p.encode()).digest()[0] / 256)
    train, validation = NOT_CHEST_SHARES
    roles = np.select([place < train, place < validation], ["train", "validation"], "apart")
    return pd.DataFrame(
        {
            "path": "not_chest/" + table["file"],
            "label": table["label"],
            "patient": patient,
            "role": roles,
        }
    )


def load_pool(table: pd.DataFrame, others: np.ndarray, root: Path, size: int) -> Pool:
    """Films of a table as of `read_lung_table`, and beside them what is no film.

    Args:
        others: (M, 1, S, S) uint8, no frontal chest films.
    """
    preprocessing = Preprocessing(size)
    films = data.load_films(table, root, preprocessing)
    masks = np.zeros((len(table) + len(others), 2, size, size), np.uint8)
    masked = np.zeros(len(masks), bool)
    for i, path in enumerate(table["mask"]):
        # A few masks cover one lung only. They count as unknown: learned from, they would teach to
        # leave out the other.
        sides = read_mask(root / path) if isinstance(path, str) else None
        if sides is not None:
            # Squashed as the film is, so that both lie on the same pixels; greys at an edge are
            # shares.
            masks[i] = [preprocessing.to_input(side.astype(np.float32))[0] * 255 for side in sides]
            masked[i] = True
    # Chest films come first: `fit_adult` finds them by their place.
    chest = np.arange(len(masks)) < len(table)
    masked |= ~chest  # where there is no chest there are no lungs
    # What is no chest film has no age to learn.
    adult = np.concatenate([table["adult"].to_numpy("float32"), np.full(len(others), np.nan, "f4")])
    parts = np.concatenate([films, others]), masks, masked, chest, adult
    return Pool(*(torch.from_numpy(part) for part in parts))


def stamp_pool(rows: pd.DataFrame, root: Path, size: int) -> str:
    """SHA-256 over whatever the pool for training is made from, in order.

    Args:
        rows: The training films of `read_lung_table`.
    """
    others = read_not_chest(root).query("role == 'train'")["path"]
    # By bytes, as films are by theirs: a mask that was corrected keeps its name.
    paths = [root / path for path in (*rows["mask"].dropna(), *others)]
    # In this order and not sorted: films are chosen, and their ages known, by place.
    films = rows[["sha256", "mask", "adult"]].to_csv(index=False)
    # What is made is not stored, so it is named by all that it is made by.
    made = [size, SMALLEST_LUNG, PHOTOGRAPHS, CROPS, SYNTHETIC["train"]]
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]
    return hashlib.sha256("\n".join([films, str(made), *digests]).encode()).hexdigest()


def digest_pool(pool: Pool) -> str:
    """SHA-256 over all films, masks and what is known of them."""
    digest = hashlib.sha256()
    for part in vars(pool).values():
        digest.update(part.numpy().ravel())
    return digest.hexdigest()


def read_mask(path: Path) -> np.ndarray | None:
    """A mask file as (2, H, W) bool, see `split_mask`."""
    with Image.open(path) as image:
        return split_mask(np.asarray(image.convert("L")) > 127)  # stored in one bit: 0 or 255


def split_mask(mask: np.ndarray) -> np.ndarray | None:
    """Cut a mask of both lungs into two: (H, W) bool -> (2, H, W) bool, or None.

    The largest parts are a lung each; where they touch, they are cut along the column in the
    middle that has the least of them. None where there is a lung on one side only.
    """
    parts, count = ndimage.label(mask)
    sizes = ndimage.sum_labels(mask, parts, np.arange(1, count + 1)) / mask.size
    columns = np.arange(mask.shape[1])
    lungs = 1 + np.flatnonzero(sizes >= SMALLEST_LUNG)
    if len(lungs) == 1:
        # Touching lungs are one part. In the middle third alone, as beyond the lungs a column has
        # no mask at all and would be taken for the gap.
        third = mask.shape[1] // 3
        cut = third + int(mask[:, third : 2 * third].sum(0).argmin())
    elif len(lungs) == 2:
        # Half way between the two and not down the middle of the film, where not every chest lies.
        cut = float(np.mean([c[1] for c in ndimage.center_of_mass(mask, parts, lungs)]))
    else:
        return None  # no part large enough, or more than two: which is which is not told
    if len(lungs) == 1:
        sides = np.stack([mask & (columns < cut), mask & (columns >= cut)])
    else:  # smaller parts go with the lung on their side
        centres = ndimage.center_of_mass(mask, parts, np.arange(1, count + 1))
        # False is for part 0, the background.
        left = np.array([False] + [centre[1] < cut for centre in centres])[parts]
        sides = np.stack([mask & left, mask & ~left])
    # A lone lung leaves hardly anything on one side of its cut.
    return sides if (sides.mean((1, 2)) >= SMALLEST_LUNG).all() else None


def load_others(root: Path, role: str, size: int) -> tuple[np.ndarray, pd.DataFrame]:
    """Everything of a role that is no frontal chest film.

    Returns:
        (M, 1, S, S) uint8, and row by row the columns `label` and `patient`: what of it is one
        chance to be right and not several.
    """
    table = read_not_chest(root)
    table = table[table["role"] == role]
    found = data.load_films(table, root, Preprocessing(size))
    photographs, pictures = take_photographs(role, size)
    # A seed a role: 0 for apart, 1 for training, 2 for validation.
    drawn = draw_others(SYNTHETIC[role], size, seed=sorted(SYNTHETIC).index(role))
    parts = [
        table[["label", "patient"]],
        # Crops of a picture are as much alike as slices of a patient.
        pd.DataFrame({"label": "photograph", "patient": pictures}),
        # Each from random numbers of its own.
        pd.DataFrame({"label": "drawn", "patient": [f"drawn {n}" for n in range(len(drawn))]}),
    ]
    return np.concatenate([found, photographs, drawn]), pd.concat(parts, ignore_index=True)


def take_photographs(role: str, size: int) -> tuple[np.ndarray, list[str]]:
    """Random crops of photographs, scikit-image's for training, scikit-learn's for the other roles.

    Returns:
        (M, 1, S, S) uint8, and the picture that each was taken from.
    """
    if role == "train":
        from skimage import data as pictures

        whole = [(name, getattr(pictures, name)()) for name in PHOTOGRAPHS]
    else:
        from sklearn.datasets import load_sample_images

        # Two pictures, 640 pixels wide: one for validation and one apart, two halves of each.
        one = load_sample_images().images[role == "apart"]
        whole = [(role, one[:, :320]), (role, one[:, 320:])]
    generator, crops = np.random.default_rng(0), []
    for _, picture in whole:
        image = Image.fromarray(picture).convert("L")
        for _ in range(CROPS):
            side = int(min(image.size) * generator.uniform(0.5, 1))
            x, y = (int(generator.uniform(0, length - side + 1)) for length in image.size)
            crop = image.crop((x, y, x + side, y + side)).resize((size, size))
            crops.append(np.asarray(crop))
    names = [f"photograph, {name}" for name, _ in whole for _ in range(CROPS)]
    return np.stack(crops)[:, None], names


def draw_others(count: int, size: int, seed: int) -> np.ndarray:
    """Pages of text, clouds, ellipses and plain fields: (count, 1, S, S) uint8."""
    generator = np.random.default_rng(seed)
    makers = (_draw_page, _draw_cloud, _draw_ellipses, _draw_field)
    # In turn, so that every role has as many of each kind.
    films = [makers[i % len(makers)](generator, size) for i in range(count)]
    return np.stack(films)[:, None]


def _draw_page(generator: np.random.Generator, size: int) -> np.ndarray:
    image = Image.new("L", (size, size), int(generator.uniform(180, 256)))
    # Pillow's own font: none has to be installed.
    font = ImageFont.load_default(int(generator.uniform(6, 20)))
    draw, letters = ImageDraw.Draw(image), "abcdefghijklmnopqrstuvwxyz 0123456789   "
    for y in range(int(generator.uniform(2, 20)), size, int(generator.uniform(9, 28))):
        # Four of the forty letters are spaces: words of nine letters on average.
        text = "".join(generator.choice(list(letters), 40))
        draw.text((int(generator.uniform(2, 20)), y), text, fill=30, font=font)
    # The others are light on dark, as letters on a film are.
    return np.asarray(image) if generator.random() < 0.7 else 255 - np.asarray(image)


def _draw_cloud(generator: np.random.Generator, size: int) -> np.ndarray:
    smooth = generator.uniform(0.5, size / 6)  # from grain to a few large patches, in pixels
    cloud = ndimage.gaussian_filter(generator.standard_normal((size, size)), smooth)
    return _stretch(cloud)


def _draw_ellipses(generator: np.random.Generator, size: int) -> np.ndarray:
    image = Image.new("L", (size, size), int(generator.uniform(0, 256)))
    draw = ImageDraw.Draw(image)
    for _ in range(int(generator.integers(1, 6))):
        x, y = generator.uniform(0, size, 2)
        w, h = generator.uniform(size / 20, size / 2, 2)  # half their axes, in pixels
        draw.ellipse((x - w, y - h, x + w, y + h), fill=int(generator.uniform(0, 256)))
    blurred = ndimage.gaussian_filter(np.asarray(image, float), generator.uniform(0, 4))
    return np.clip(blurred + generator.standard_normal((size, size)) * 5, 0, 255).astype(np.uint8)


def _draw_field(generator: np.random.Generator, size: int) -> np.ndarray:
    y, x = np.mgrid[:size, :size]
    across, down, grain = generator.uniform(-1, 1, 3)
    return _stretch(across * x + down * y + grain * generator.standard_normal((size, size)) * 20)


def _stretch(values: np.ndarray) -> np.ndarray:
    low, high = values.min(), values.max()
    # A field may be plain, and then there is nothing to stretch.
    return ((values - low) / max(high - low, 1e-6) * 255).astype(np.uint8)
