"""DICOM files whose tags overflow, nest without end or make numbers that are none."""

import struct

from pydicom.datadict import tag_for_keyword

from tests.hostile.dicom_bytes import (
    FILM_ELEMENTS,
    ITEM,
    ITEM_END,
    SEQUENCE_END,
    UNDEFINED,
    dicom,
    element,
    short,
)


def structures() -> dict[str, bytes]:
    """Sequences in sequences, lying lengths, wrong representations."""
    tag = 0x00081140

    def nested(depth: int) -> bytes:
        opened = element(tag, b"", "SQ", UNDEFINED)[1] + ITEM + struct.pack("<I", UNDEFINED)
        closed = ITEM_END + bytes(4) + SEQUENCE_END + bytes(4)
        return depth * opened + depth * closed

    items = 100_000 * (ITEM + bytes(4))
    private = [element(0x00091000 + n, b"x", "LO") for n in range(0x1000)]
    return {
        "400 sequences deep": dicom((tag, nested(400))),
        "20000 sequences deep": dicom((tag, nested(20_000))),
        "sequences without end": dicom((tag, nested(500)[:5000])),
        "sequence of many items": dicom(element(tag, items + SEQUENCE_END + bytes(4), "SQ")),
        "endless sequence of many items": dicom(
            element(tag, items + SEQUENCE_END + bytes(4), "SQ", UNDEFINED)
        ),
        "sequence longer than the file": dicom(element(tag, b"abcd", "SQ", 2**31)),
        "item longer than its sequence": dicom(
            element(tag, ITEM + struct.pack("<I", 2**31) + bytes(8), "SQ")
        ),
        "many private elements": dicom(*private),
        "element longer than the file": dicom(element("StudyDate", b"2020", "UN", 2**31)),
        "unknown representation": dicom(element("StudyDate", b"2020", "ZZ")),
        "representation of zeros": dicom(element("StudyDate", b"2020", "\0\0")),
        "a name of 40 MB": dicom(element("PatientName", b"A" * 40 * 2**20, "UT")),
        "a body part of 1 MB": dicom(element("BodyPartExamined", b"CHEST" * 200_000, "UT")),
        "modality as numbers": dicom(short("Modality", 1, 2, 3, vr="US")),
        "modality as a sequence": dicom(element("Modality", b"", "SQ")),
        "name as a number": dicom(element("PatientName", b"DOE^JOHN", "DS")),
        "meta longer than the file": dicom()[:140] + b"\xff" * 4 + dicom()[144:],
        "without preamble": dicom()[132:],
        "preamble is a program": b"MZ" + dicom()[2:],
        "preamble is a page": b"<script>alert(1)</script>".ljust(128) + dicom()[128:],
        "twice": dicom() + dicom(),
        "descending tags": dicom()[:-8000] + FILM_ELEMENTS[tag_for_keyword("Rows")],
        "elements of the end": dicom() + ITEM_END + bytes(4),
        "only its meta": dicom()[:170],
        "nothing after the mark": dicom()[:132],
    }


def values() -> dict[str, bytes]:
    """Numbers that make infinities, and tables that lie."""
    changes: dict[str, list[tuple[str, bytes]]] = {
        f"{keyword} {value.decode() or 'empty'}": [(keyword, value)]
        for keyword, values in {
            "RescaleSlope": (b"0", b"-1", b"2", b"1e308", b"nan", b"inf", b"1e999", b"x", b"1\\2"),
            "RescaleIntercept": (b"1e308", b"nan", b"-300", b"-inf"),
            "WindowCenter": (b"40", b"nan", b"inf", b"1e999", b"", b"1\\2\\3", b"x"),
            "NumberOfFrames": (b"", b"0", b"1.5", b"x", b"1\\2"),
        }.items()
        for value in values
    }
    changes = {
        name: [("RescaleSlope", b"1"), ("RescaleIntercept", b"0"), *change]
        if "Rescale" in name
        else change
        for name, change in changes.items()
    } | {
        f"WindowWidth {width.decode()}": [("WindowCenter", b"99"), ("WindowWidth", width)]
        for width in (b"0", b"1", b"-1", b"1e-300", b"nan", b"inf", b"1\\2", b"", b"x")
    }
    sigmoid = [element("WindowCenter", b"9"), element("WindowWidth", b"1e-300")]
    kinds = {
        f"window {kind}": dicom(*sigmoid, element("VOILUTFunction", kind.encode()))
        for kind in ("SIGMOID", "LINEAR_EXACT", "NONE", "<b>")
    }
    tables = {
        f"{keyword[:3]} table {name}": dicom(_table(keyword, *descriptor))
        for keyword in ("VOILUTSequence", "ModalityLUTSequence")
        for name, descriptor in {
            "of none": (0, 0, 16),
            "of too few": (4000, 0, 16),
            "of no depth": (3, 0, 0),
            "of 99 bits": (3, 0, 99),
            "far off": (3, 60_000, 16),
        }.items()
    }
    return (
        {
            name: dicom(*(element(keyword, value) for keyword, value in change))
            for name, change in changes.items()
        }
        | kinds
        | tables
        | {"VOI table empty": dicom(element("VOILUTSequence", b"", "SQ"))}
        | {"slope without intercept": dicom(element("RescaleSlope", b"3"))}
    )


def _table(keyword: str, *descriptor: int) -> tuple[int, bytes]:
    """A lookup table of three entries that says it has others."""
    inside = short("LUTDescriptor", *descriptor, vr="US")[1] + short("LUTData", 9, 0, 7, vr="US")[1]
    return element(keyword, ITEM + struct.pack("<I", len(inside)) + inside, "SQ")
