import unicodedata

import pytest

from cxrapp.errors import UnusableTable
from cxrapp.films.names import decode_text, is_clutter
from cxrapp.site.folders import UnusableLabel
from cxrapp.site.labels import read_labels
from cxrapp.site.names import FilmNames
from cxrapp.site.sheet import check_sheet, decode_sheet
from tests.site.clinic import CARD


def test_composed_and_single_letters_are_the_same_name() -> None:
    mac = unicodedata.normalize("NFD", "Müller/Thoraxé.png")
    assert FilmNames([mac]).find("müller/thoraxé.png") == 0
    assert FilmNames(["Thoraxé.png"]).find(mac.rpartition("/")[2]) == 0
    labels = read_labels(CARD, [unicodedata.normalize("NFD", "Pneumonia/é.png")])
    assert labels.labels[0, 0] == 1


@pytest.mark.parametrize(
    ("film", "path"),
    [
        ("a/IM0001", "IM0001.dcm"),
        ("a/x.png", "x"),
        ("x.dcm", "a/x"),
        ("1.2.840.5.dcm", "1.2.840.5"),
    ],
)
def test_a_suffix_may_be_left_out(film: str, path: str) -> None:
    assert FilmNames([film, "other.png"]).find(path) == 0


def test_a_name_without_suffix_that_two_films_have_is_not_guessed_at() -> None:
    with pytest.raises(UnusableLabel, match="2 films"):
        FilmNames(["x.png", "x.dcm"]).find("x")
    assert FilmNames(["x.png", "x.dcm"]).find("x.dcm") == 1


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("ファイル,肺炎\n胸部.png,1", "cp932"),
        ("患者,胸部\nカルテ.png,1", "shift_jis"),
        ("Bär.png;Müller", "cp1252"),
        ("Ñandú,façade,Ærø", "cp1252"),
        ("Ñandú,胸部", "utf-8"),
    ],
)
def test_encodings_are_recognised(text: str, encoding: str) -> None:
    assert decode_text(text.encode(encoding)) == text
    assert decode_sheet(text.encode(encoding)) == text


def test_names_of_the_first_pcs_are_recognised_where_letters_would_make_no_sense() -> None:
    assert decode_text("Kröger".encode("cp437"), "cp437") == "Kröger"
    assert decode_text("Kröger".encode("cp1252"), "cp437") == "Kröger"


@pytest.mark.parametrize(
    "path", ["._x.png", "a/._x.png", "desktop.ini", "a\\Thumbs.db", "__MACOSX/a/x.png", ".DS_Store"]
)
def test_clutter(path: str) -> None:
    assert is_clutter(path) and not is_clutter("a/x.png") and not is_clutter("thumbs.db.png")


@pytest.mark.parametrize("first", ["sep=;\n", '"sep=;"\r\n', "SEP=;\n", ""])
def test_a_line_that_names_the_delimiter_is_read(first: str) -> None:
    sheet = first + "file;pneumonia;patient\nx.png;1,0;Doe, Jane\ny.png;?;p\n"
    labels = read_labels(CARD, ["x.png", "y.png"], sheet)
    assert labels.labels[0, 0] == 1
    (problem,) = labels.problems
    assert problem.startswith("Row 4" if first else "Row 3")


@pytest.mark.parametrize(
    ("sheet", "words"),
    [
        ("name;pneumonia\nx;1", "no column is named `file` (or filename"),
        ("file,lungs\nx,1", "no column is named pneumonia or viral; it has 'file', 'lungs'"),
        ("", "it has none"),
    ],
)
def test_a_table_that_cannot_be_used_says_what_was_looked_for(sheet: str, words: str) -> None:
    with pytest.raises(UnusableTable) as error:
        check_sheet(CARD.findings, sheet)
    assert words in str(error.value)
    check_sheet(CARD.findings, "file,pneumonia\n")
