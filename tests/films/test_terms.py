import numpy as np
import pytest

from cxrapp.films.radiograph import Radiograph, Tags
from cxrapp.films.terms import DEFINED, read_body_part, read_modality, read_view
from cxrapp.model.bundle import WEIGHTS
from cxrapp.model.card_file import load_card
from cxrapp.model.gate import judge

CARD = load_card(WEIGHTS / "pneumonia.json")  # of children, AP


def level(**tags: object) -> str:
    film = Radiograph("film", np.zeros((500, 500), np.float32), Tags(**tags))
    return judge(CARD, film, 0.0, {}).level


@pytest.mark.parametrize(
    "part",
    ["CHEST", "THORAX", "TORAX", "TÓRAX", "LUNG", "RIBCAGE", "RIB CAGE", "PECHO", "THORAX AP"]
    + ["BRUSTKORB", "Cage thoracique", "CHEST/ABDOMEN", "N/A", "", "THORACIC", "UNKNOWN"],
)
def test_a_chest_by_any_name_and_no_name_are_accepted(part: str) -> None:
    assert level(body_part=part) == "accept"


@pytest.mark.parametrize("part", ["HIP", "THORACIC SPINE", "TSPINE", "Mão", "ABDOMEN", "CALCANEUS"])
def test_another_part_is_refused(part: str) -> None:
    assert level(body_part=part) == "refuse"


@pytest.mark.parametrize(
    "view",
    ["AP", "ANTEROPOSTERIOR", "antero-posterior", "PORTABLE AP", "FRONTAL", "AP SUPINE", "A.P."]
    + ["AP PORT", "APSUPINE", "DE FACE", "AP DECÚBITO SUPINO", "PORTABLE", "UNKNOWN", ""],
)
def test_a_frontal_view_by_any_name_is_accepted(view: str) -> None:
    assert level(view=view) == "accept"


@pytest.mark.parametrize("view", ["PA", "POSTEROANTERIOR", "PA ERECT", "P-A"])
def test_a_view_from_behind_is_warned_of(view: str) -> None:
    assert level(view=view) == "warn"


@pytest.mark.parametrize(
    "view",
    ["LL", "LATERAL", "AP LATERAL", "AP LLD", "PARTIAL", "L LAT", "PA OBLIQUE", "Profil", "PERFIL"]
    + ["LEFT LATERAL", "DECUBITUS", "RAO", "AP LORDOTIC", "CROSS-TABLE"],
)
def test_a_view_that_is_not_frontal_is_refused_whatever_else_it_says(view: str) -> None:
    assert level(view=view) == "refuse"


@pytest.mark.parametrize(
    ("modality", "expected"),
    [("CR", "accept"), ("RG", "accept"), ("DX", "accept"), ("OT", "accept"), ("", "accept")]
    + [("CT", "refuse"), ("MR", "refuse"), ("MG", "refuse"), ("ZZ", "warn")],
)
def test_modalities(modality: str, expected: str) -> None:
    assert level(modality=modality) == expected


def test_what_is_not_in_the_table_is_in_doubt_and_says_so() -> None:
    film = Radiograph("film", np.zeros((500, 500), np.float32), Tags(view="QX", body_part="ZZZ"))
    told = judge(CARD, film, 0.0, {})
    assert told.level == "warn"
    assert "not known (ZZZ)" in told.reasons[0] and "not known (QX)" in told.reasons[1]


def test_codes_say_what_their_meanings_do() -> None:
    assert read_view(None, "R-10206") == read_view(None, "399348003") == "AP"
    assert read_view(None, "272479007") == "PA"
    assert read_view("anything", "399067008") == "other"
    assert read_body_part(None, "T-D3000") == read_body_part(None, "51185008") == "yes"


def test_every_defined_term_is_in_a_table() -> None:
    for term in DEFINED:
        said = {read_view(term), read_body_part(term), read_modality(term)}
        assert said - {"unknown", "silent"} or term in ("OT", "SC", "RIB"), term
