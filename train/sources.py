"""Published collections of films -> one table: a reader a collection.

Every row has `path` (relative to the data folder), `split` (train | test), `source`, `series` and
`number` (the order in which films were taken or filed, as far as names tell), `patient`, `view` and
`age_years` where they are known, and a column a finding: 1 present, 0 absent, NaN where the
question is not defined or its answer unknown. A source answers `pneumonia` and `viral` only if
it has films of both answers; otherwise knowing the source would be knowing the answer. `covid19`,
COVID-19 against other bacterial or viral pneumonia, breaks that rule in two sources of three, as
published systems do: a recipe that asks it says from where (`where`, `balance`).
"""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from cxrapp.films.dicom import is_dicom
from cxrapp.films.names import is_clutter

# Bacterial and viral cases are numbered separately, and so are the two series of normal films:
# the number alone would join children who have never met.
KERMANY_NAMES = (
    (re.compile(r"person(?P<patient>\d+)_bacteria_"), "bacteria", {"pneumonia": 1, "viral": 0}),
    (re.compile(r"person(?P<patient>\d+)_virus_"), "virus", {"pneumonia": 1, "viral": 1}),
    (re.compile(r"IM-(?P<patient>\d+)-"), "normal", {"pneumonia": 0, "viral": np.nan}),
    (re.compile(r"NORMAL2-IM-(?P<patient>\d+)-"), "normal2", {"pneumonia": 0, "viral": np.nan}),
)
# Told twice, by folder and by name: where they disagree, one of them is wrong.
KERMANY_FOLDERS = {"NORMAL": 0, "PNEUMONIA": 1}

# What covid-chestxray calls a finding -> (pneumonia, viral). The rest is left out.
COVID19_FINDINGS = {
    "No Finding": (0, np.nan),  # which pneumonia is asked of pneumonias alone
    "COVID-19": (1, 1),
    "COVID-19, ARDS": (1, 1),
    "SARS": (1, 1),
    "Influenza": (1, 1),
    "Varicella": (1, 1),
    "Bacterial": (1, 0),
    "Klebsiella": (1, 0),
    "Legionella": (1, 0),
    "Mycoplasma Bacterial Pneumonia": (1, 0),
    "Streptococcus": (1, 0),
    "Pneumonia": (1, np.nan),  # of unknown cause
    "Pneumocystis": (1, np.nan),  # a fungus: neither bacterial nor viral
}
TEST_SHARE = 5  # one patient in so many of a source without an official test

# Films of radiography/COVID that show children, found by eye: the folder is meant to hold adults.
RADIOGRAPHY_CHILDREN = (4, 1148, 1242, 1595, 1601, 1889, 1891)

LEFT_OUT = "left out"  # of a table's attrs: one sentence a file that is no film to learn from
# Of these names without a look inside: there are thousands of them.
SUFFIXES = (".jpeg", ".jpg", ".png", ".dcm", ".dicom")
SNIFFED = 4096  # first bytes of a file with another suffix, or none: enough to know DICOM by

# Two films of one adult correlate by about 0.75: only copies and near-copies are joined by this.
NEAR_COPY = 0.95  # correlation of two films' 32 x 32 thumbnails


def read_kermany(root: Path) -> pd.DataFrame:
    """Kermany et al., 2018, in its published layout: {train,test}/{NORMAL,PNEUMONIA}/<name>.jpeg.

    The layout may stand at `root` itself or in its folder `kermany` or `chest_xray`.

    A file whose name tells no patient or contradicts its folder is left out and named in the
    table's `attrs[LEFT_OUT]`.

    Raises:
        ValueError: It does not.
    """
    # Kaggle's archive unpacks to `chest_xray`.
    for folder in (root, root / "kermany", root / "chest_xray"):
        if all((folder / split / "NORMAL").is_dir() for split in ("train", "test")):
            break
    else:
        raise ValueError(
            f"{root} holds no train/NORMAL and test/NORMAL folders: name the folder of films with "
            "--data or CXR_DATA."
        )
    rows, misnamed = [], []
    # Kaggle's folder `val` is passed over: its 16 films measure nothing, and validation is taken
    # from the training patients.
    for split in ("train", "test"):
        for name, label in KERMANY_FOLDERS.items():
            for path in _pictures(folder / split / name):
                try:
                    said = _read_kermany_name(path, label)
                except ValueError as error:
                    # Named, and the others are read: one odd file must not end a night's training.
                    misnamed.append(str(error))
                    continue
                # Relative, so that a run's tables hold wherever the films are moved.
                place = {"path": path.relative_to(root).as_posix(), "split": split}
                # Taken before there was COVID-19: what is sick is sick of something else.
                covid19 = {"covid19": 0 if label else np.nan}
                rows.append({**place, "source": "kermany", "view": "AP", **said, **covid19})
    table = pd.DataFrame(rows)
    table.attrs[LEFT_OUT] = misnamed
    return table


def _read_kermany_name(path: Path, label: int) -> dict[str, str | float]:
    # `match` holds to the start of a name: IM-0115 must not be found in NORMAL2-IM-0115.
    for pattern, group, findings in KERMANY_NAMES:
        if match := pattern.match(path.name):
            if findings["pneumonia"] != label:
                raise ValueError(f"{path}: the file name contradicts its folder.")
            # With its group: patient 12 of the bacteria is not patient 12 of the viruses.
            number = int(match["patient"])
            return {"series": group, "number": number, "patient": f"{group}-{number}"} | findings
    raise ValueError(f"{path}: the file name tells no patient (person12_virus_3, IM-0115-0001).")


def read_radiography(root: Path) -> pd.DataFrame:
    """COVID-19 Radiography Database (Chowdhury et al., 2020): adults, COVID-19 or normal.

    It has no patient numbers: near-identical films count as one patient. Films of one adult
    correlate less than that (about 0.75), so an interval "by patient" is nearly one by film here.
    All its pneumonia is viral, so it says nothing about that question.

    Raises:
        ValueError: `root` has no radiography/COVID and radiography/NORMAL with films in both.
    """
    folders = {root / "radiography/COVID": 1, root / "radiography/NORMAL": 0}  # 3,095 and 3,915
    _require(*folders)
    children = {f"COVID-{number}" for number in RADIOGRAPHY_CHILDREN}
    paths: dict[Path, int] = {}
    for folder, label in folders.items():
        films = [path for path in _pictures(folder) if path.stem not in children]
        # With one of the two alone, to know the source would be to know the answer.
        if not films:
            raise ValueError(f"{folder} holds no films: name the folder of films with --data.")
        paths |= dict.fromkeys(films, label)
    # Numbered among the films that are here: one more or fewer renames those after it, and so
    # draws this source's test anew.
    patients = [f"radiography-{group}" for group in group_near_copies(list(paths))]
    table = pd.DataFrame(
        {
            "path": [path.relative_to(root).as_posix() for path in paths],
            "split": [_split_by_name(patient) for patient in patients],
            "source": "radiography",
            "series": [path.parent.name for path in paths],
            "number": [_number(path) for path in paths],
            "patient": patients,
            "pneumonia": list(paths.values()),
        }
    )
    # COVID-19 is asked of pneumonias alone: of normal films it stays unknown.
    return table.assign(viral=np.nan, covid19=table["pneumonia"].replace(0, np.nan))


def read_covid19(root: Path) -> pd.DataFrame:
    """covid-chestxray-dataset (Cohen et al., arXiv 2003.11597): mostly adults, with view and age.

    Raises:
        ValueError: `root` has no covid19/metadata.csv.
    """
    _require(root / "covid19/metadata.csv")
    films = pd.read_csv(root / "covid19/metadata.csv")
    # 399 of 405: ARDS without a cause and lipoid pneumonia answer none of the questions.
    films = films[films["finding"].isin(COVID19_FINDINGS.keys())]
    patients = "covid19-" + films["patient"].astype(str)
    return pd.DataFrame(
        {
            "path": "covid19/images/" + films["filename"],
            "split": patients.map(_split_by_name),
            "source": "covid19",
            "series": "covid19",
            # No dates and no numbers that tell of time: the order of the table stands in for it.
            "number": films["patient"].factorize(sort=False)[0],
            "patient": patients,
            "view": films["view"],
            "age_years": films["age"],
            "pneumonia": films["finding"].map(lambda finding: COVID19_FINDINGS[finding][0]),
            "viral": films["finding"].map(lambda finding: COVID19_FINDINGS[finding][1]),
            "covid19": films["finding"].map(_read_covid19_finding),
        }
    ).reset_index(drop=True)


def _read_covid19_finding(finding: str) -> float:
    if finding.startswith("COVID-19"):
        return 1
    # Absent only where another germ is known: a pneumonia of unknown cause may be COVID-19.
    return 0 if COVID19_FINDINGS[finding] in ((1, 0), (1, 1)) else np.nan


def read_rsna(root: Path) -> pd.DataFrame:
    """Films of the RSNA challenge (Shih et al., 2019): adults, lung opacity or normal.

    Radiologists read them; frontal, AP and PA mixed. It has no patient numbers, so every film
    counts as a patient of its own.

    Raises:
        ValueError: `root` has no rsna/labels.csv.
    """
    _require(root / "rsna/labels.csv")
    films = pd.read_csv(root / "rsna/labels.csv")  # 1,097 with lung opacity, 602 normal
    patients = "rsna-" + films["file"].map(lambda name: Path(name).with_suffix("").as_posix())
    return pd.DataFrame(
        {
            "path": "rsna/" + films["file"],
            "split": patients.map(_split_by_name),
            "source": "rsna",
            "series": films["label"],
            "number": films["file"].map(lambda name: _number(Path(name))),
            "patient": patients,
            # Radiologists saw an opacity, which is taken for pneumonia; nobody says of what cause.
            "pneumonia": (films["label"] == "lung_opacity").astype(int),
            "viral": np.nan,
            "covid19": np.nan,
        }
    )


SOURCES = {
    "kermany": read_kermany,
    "radiography": read_radiography,
    "covid19": read_covid19,
    "rsna": read_rsna,
}


def _number(path: Path) -> int:
    """The number a file name ends with; 0 where it has none."""
    match = re.search(r"(\d+)$", path.stem)
    return int(match[1]) if match else 0


def group_near_copies(paths: list[Path]) -> np.ndarray:
    """Number groups of near-identical films: (N,) int, the same number for one group."""
    thumbnails = np.stack([_thumbnail(path) for path in paths])
    # All pairs at once: 200 MB for the 7,003 films of radiography.
    alike = csr_matrix(thumbnails @ thumbnails.T > NEAR_COPY)
    # A chain of copies is one group, however little its ends are alike.
    return connected_components(alike, directed=False)[1]


def _thumbnail(path: Path) -> np.ndarray:
    """(1024,) float32 of mean 0 and length 1: a product of two is their correlation."""
    try:
        with Image.open(path) as image:
            # So small that a copy which was scaled or saved anew is still one, and two adults are
            # two.
            small = image.convert("L").resize((32, 32), Image.Resampling.BOX)
    except OSError:  # damaged, or DICOM: like no other here, and told apart where films are read
        small = Image.new("L", (32, 32))
    pixels = np.asarray(small, np.float32)
    # A copy that is brighter or has more contrast is a copy still.
    pixels = (pixels - pixels.mean()).ravel()
    # A film of one grey has no length, and is like no other.
    return pixels / max(np.linalg.norm(pixels), 1e-6)


def _split_by_name(patient: str) -> str:
    """Where the patient of this name goes, whatever other films come and go."""
    # By the name and not by a draw, which a patient more would change for all that follow. Of the
    # 256 values of a byte 52 are multiples of 5: 20.3 % of patients.
    return "test" if hashlib.sha256(patient.encode()).digest()[0] % TEST_SHARE == 0 else "train"


def _pictures(folder: Path) -> Iterator[Path]:
    return (
        path
        # Sorted: of two copies the first stays, and folders list files in any order.
        for path in sorted(folder.glob("*"))
        if not is_clutter(path.name) and (path.suffix.lower() in SUFFIXES or _is_dicom(path))
    )


def _is_dicom(path: Path) -> bool:
    """Whether it is a DICOM file by its bytes: archives seldom give one a suffix."""
    # Folders may lie among the films.
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return is_dicom(file.read(SNIFFED))


def _require(*paths: Path) -> None:
    for path in paths:
        if not path.exists():
            raise ValueError(f"{path} is missing: name the folder of films with --data.")
