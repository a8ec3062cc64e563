from dataclasses import replace

import numpy as np
import pytest

from cxrapp.model.card import Finding
from cxrapp.site.labels import read_labels
from cxrapp.site.sheet import decode_sheet
from tests.site.clinic import CARD

NAMES = ("films.zip/a/x.png", "films.zip/b/x.png", "y.png", "z.dcm")
UNKNOWN = np.nan


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("films.zip/NORMAL/x.png", (0, UNKNOWN)),
        ("PNEUMONIA/y.dcm", (1, UNKNOWN)),
        ("no_pneumonia/y.dcm", (0, UNKNOWN)),
        ("films.zip/train/Viral Pneumonia/y.dcm", (1, 1)),
        ("viral/y.dcm", (1, 1)),
        ("BACTERIAL/y.dcm", (1, 0)),
        ("PNEUMONIA\\bacterial\\y.dcm", (1, 0)),
        ("pneumonia/NORMAL/y.dcm", (0, UNKNOWN)),  # a heading, as some data sets have it
        ("1/y.dcm", (1, UNKNOWN)),
        ("negative/y.dcm", (0, UNKNOWN)),
        ("viral/0/y.dcm", (1, 0)),
        ("1/NORMAL/y.dcm", (0, UNKNOWN)),  # a number that does not hold the film is a batch
    ],
)
def test_folders_are_labels(name: str, expected: tuple[float, float]) -> None:
    labels = read_labels(CARD, [name])
    np.testing.assert_array_equal(labels.labels, [expected])
    assert labels.problems == ()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("x.png", "no folder it lies in names a finding"),
        ("pneumonia.zip/x.png", "no folder"),  # the name of an archive is no diagnosis
        ("other/x.png", "no folder"),
        ("normal/viral/x.png", "two labels"),
        ("normal/1/x.png", "two labels"),
    ],
)
def test_film_without_a_label_in_its_path_is_named(name: str, reason: str) -> None:
    labels = read_labels(CARD, [name, "NORMAL/fine.png"])
    assert len(labels.problems) == 1
    assert name in labels.problems[0] and reason in labels.problems[0]
    np.testing.assert_array_equal(labels.labels[:, 0], [UNKNOWN, 0])


def test_plain_folder_needs_one_question() -> None:
    two = replace(CARD, findings=(Finding("a", "a", "no a"), Finding("b", "b", "no b")))
    labels = read_labels(two, ["1/x.png", "a/1/y.png", "normal/z.png"])
    np.testing.assert_array_equal(labels.labels, [[UNKNOWN] * 2, [1, UNKNOWN], [0, 0]])
    assert "1/x.png" in labels.problems[0] and "which finding" in labels.problems[0]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_table_as_spreadsheets_write_it(delimiter: str, encoding: str) -> None:
    rows = [
        "File|Pneumonia|viral|Patient",
        "ä.png|Yes|0|p 1",
        "B.PNG|negative||p 1",
        "c.png|1.0|1|",
    ]
    data = "\r\n".join(rows).replace("|", delimiter).encode(encoding)
    labels = read_labels(CARD, ["b.png", "c.png", "ä.png"], decode_sheet(data))
    assert labels.problems == ()
    np.testing.assert_array_equal(labels.labels, [[0, UNKNOWN], [1, 1], [1, 0]])
    assert labels.patients[0] == labels.patients[2] != labels.patients[1]


def test_every_row_that_cannot_be_used_is_named() -> None:
    sheet = (
        "file,pneumonia,viral,patient,ward\n"
        "a/x.png,1,,p1,3\n"
        "nowhere.png,1,,p1,3\n"
        "x.png,1,,p1,3\n"
        "y.png,perhaps,,p1,3\n"
        ",1,,p1,3\n"
        "b/x.png,1,,p1,3\n"
        "C:\\export\\b\\x.png,0,,p2,3\n"
        "\n"
        "y.png,,,p1,3\n"
        "z.dcm,1,0,p1,3,left,over\n"
        "z.dcm,0,1,p1,3\n"
    )
    labels = read_labels(CARD, [*NAMES, "rowless.png"], sheet)
    expected = [
        ("'ward'", "not known"),
        ("Row 3 (nowhere.png)", "no film of this name"),
        ("Row 4 (x.png)", "2 films have this name"),
        ("Row 5 (y.png)", "'perhaps' under pneumonia"),
        ("Row 6", "names no file"),
        ("Row 10 (y.png)", "no label"),
        ("Row 11 (z.dcm)", "more cells"),
        ("films.zip/b/x.png, row 7 and 8", "two patients"),
        ("films.zip/b/x.png, row 7 and 8", "two labels for pneumonia"),
        ("z.dcm, row 12", "viral without pneumonia is two labels"),
        ("rowless.png", "no row"),
    ]
    assert len(labels.problems) == len(expected)
    for problem, (where, why) in zip(labels.problems, expected, strict=True):
        assert where in problem and why in problem
    np.testing.assert_array_equal(labels.labels[:, 0], [1, *[UNKNOWN] * 4])


@pytest.mark.parametrize(
    ("cells", "expected", "problems"),
    [
        ("0,0", (0, UNKNOWN), 0),  # a table without gaps
        (",1", (1, 1), 0),
        (",0", (UNKNOWN, UNKNOWN), 1),  # bacterial, or normal?
        ("1,", (1, UNKNOWN), 0),
        ("0,1", (UNKNOWN, UNKNOWN), 1),
        ("1,?", (1, UNKNOWN), 1),
    ],
)
def test_viral_is_defined_on_pneumonia_only(
    cells: str, expected: tuple[float, float], problems: int
) -> None:
    labels = read_labels(CARD, ["y.png"], f"file,pneumonia,viral\ny.png,{cells}\n")
    np.testing.assert_array_equal(labels.labels, [expected])
    assert len(labels.problems) == problems


def test_doubt_about_a_finding_is_doubt_about_what_is_asked_of_it() -> None:
    chain = replace(
        CARD, findings=(*CARD.findings, Finding("covid19", "COVID-19", "other virus", "viral"))
    )
    sheet = "file,pneumonia,viral,covid19\ny.png,1,1,1\ny.png,1,0,\nz.dcm,0,1,1\n"
    labels = read_labels(chain, ["y.png", "z.dcm"], sheet)
    np.testing.assert_array_equal(labels.labels, [[1, UNKNOWN, UNKNOWN], [UNKNOWN] * 3])


@pytest.mark.parametrize(
    ("sheet", "reason"),
    [
        ("", "no column is named `file`"),
        ("name,pneumonia\ny.png,1\n", "no column is named `file`"),
        ("file,pneumonai\ny.png,1\n", "no column is named pneumonia or viral"),
        ("file,pneumonia,Pneumonia\ny.png,1,0\n", "two of its columns"),
        ("file,pneumonia\n" + "x" * 200_000 + ",1\n", "cannot be read beyond row 1"),
    ],
)
def test_table_that_cannot_be_used_says_so(sheet: str, reason: str) -> None:
    labels = read_labels(CARD, ["y.png"], sheet)
    assert reason in labels.problems[0]
    assert np.isnan(labels.labels).all()


def test_patients_come_from_the_table_then_from_dicom_then_are_one_a_film() -> None:
    sheet = "file,pneumonia,patient\na/x.png,1,A\nb/x.png,0,\ny.png,0,\nz.dcm,1,A\n"
    tags = {"films.zip/b/x.png": "B", "y.png": " B ", "z.dcm": "C", "not among them": "D"}
    labels = read_labels(CARD, NAMES, sheet, dicom_patients=tags)
    assert labels.patients.tolist() == [0, 1, 1, 0]
    assert "too narrow" not in labels.grouping
    assert "2 films: those of the table; 2 films: those of the DICOM" in labels.grouping

    alone = read_labels(CARD, NAMES, sheet.replace("A", ""))
    assert len(set(alone.patients.tolist())) == 4
    assert "too narrow" in alone.grouping


def test_a_patient_called_like_a_film_is_not_that_film() -> None:
    labels = read_labels(CARD, ["NORMAL/0", "NORMAL/1"], dicom_patients={"NORMAL/1": "0"})
    assert labels.patients[0] != labels.patients[1]


@pytest.mark.parametrize(
    "cell", ["-1", "-1.0", "\u22121", "0.5", "1.5", "2", "?", "nan", "-", "no?"]
)
def test_an_uncertain_cell_is_no_label_and_is_named(cell: str) -> None:
    sheet = f"file,pneumonia\na/x.png,{cell}\nb/x.png,0\ny.png,1"
    labels = read_labels(CARD, NAMES[:3], sheet)
    np.testing.assert_array_equal(labels.labels[:, 0], [UNKNOWN, 0, 1])
    assert len(labels.problems) == 1 and f"Row 2 (a/x.png): {cell!r} under" in labels.problems[0]


def test_a_coding_of_minus_one_and_one_has_positives_only() -> None:
    labels = read_labels(CARD, NAMES[:3], "file,pneumonia\na/x.png,-1\nb/x.png,-1\ny.png,1")
    np.testing.assert_array_equal(labels.labels[:, 0], [UNKNOWN, UNKNOWN, 1])
    assert [problem[:5] for problem in labels.problems] == ["Row 2", "Row 3"]


@pytest.mark.parametrize(("cell", "label"), [("1,0", 1), ("0,0", 0), ("1.00", 1), ("0.0", 0)])
def test_a_spreadsheets_decimals_are_one_and_zero(cell: str, label: float) -> None:
    labels = read_labels(CARD, ["y.png"], f"file;pneumonia\ny.png;{cell}")
    assert labels.labels[0, 0] == label and labels.problems == ()


def test_a_folder_of_minus_one_is_no_label() -> None:
    labels = read_labels(CARD, ["-1/x.png"])
    assert np.isnan(labels.labels[0]).all() and "no folder" in labels.problems[0]
