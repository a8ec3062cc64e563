"""Good films under names, and with tags, that somebody might take for a program."""

from collections.abc import Iterator

from tests.hostile.dicom_bytes import dicom, element
from tests.hostile.pictures import JPEG
from tests.hostile.specimen import Specimen

NAMES = {
    "a script": (
        *("рентген", "胸部エックス線", "胸片", "흉부", "صدر", "חזה", "θώρακας", "छाती", "ทรวงอก"),
        *("კისერი", "կրծքավանդակ", "বুক", "மார்பு", "ደረት", "ṯ̤h̷o̶r̸a̵x̴", "ﬁlm", "𝔣𝔦𝔩𝔪", "🫁"),
        *("é composed", "e\u0301 decomposed", "می‌شود", "ИЙ", "ẞ", "İstanbul", "caf\udce9"),
    ),
    "255 bytes": ("a" * 250, "é" * 125, "胸" * 83 + "x", "🫁" * 62 + "xx"),
    "control characters": (
        *("bell\a", "tab\tin", "line\nbreak", "return\rhere", "\x1b[31mred", "back\b\b\b"),
        *("\x7fdel", "zero\u200bwidth", "\ufefforder mark", "next\u0085line", "\x01"),
        *("line\u2028separator",),
    ),
    "direction": ("\u202egpj.exe", "a\u2066b\u2069", "\u200frtl", "gnp\u202d.abc"),
    "html": (
        *("<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "&lt;b&gt;", "<!--"),
        *("'\"><b>", "![film](http://example.org/x.png)", "[film](javascript:alert(1))"),
        *("**bold**", "`code`", "$\\frac{1}{0}$", ":material_delete:", ":red[film]", "# heading"),
        *("| a | b |", "- item"),
    ),
    "formula": (
        *("=1+1", "+1+1", "-1+1", "@SUM(1)", "\t=1+1", "\r=1+1", "\n=1+1", "=HYPERLINK(1)"),
        *("＝1+1", "＋1", "－1", "＠SUM(1)", ' "=1+1', '",=1+1', "a;=1+1;", "'=2+2", "%3D1"),
        *("=cmd|' /C calc'!A0",),
    ),
    "a program": (
        *("$(touch x)", "`touch x`", "; touch x", "| touch x", "%s%n%d", "{0}", "{film}", "%00"),
        *("'; DROP TABLE films;--", "--csv", "-rf", "~root", "CON", "NUL.png", "film.jpeg.exe"),
        *("a...", "film ", " film", "film.", "*", "?", "C:film", "\\\\host\\film", "..\\film"),
    ),
}
TAGGED = ("PatientName", "PatientID", "Modality", "BodyPartExamined", "ViewPosition")
TAGS = {
    "html": b"<script>alert(1)</script>CHEST",
    "formula": b'=HYPERLINK("http://example.org")CHEST',
    "lines": b'CHEST\r\nsecond,line\n"third',
    "escapes": b"CHEST\x1b[31m\x1b$B\x00\x07",
    "no text": b"\xff\xfe\x80CHEST\xc3\x28",
}
DATES = (b"99999999", b"00000000", b"20250230", b"-1", b"=1+1", b"\xff" * 8)
AGES = (b"999Y", b"-01Y", b"000D", b"1E9Y", b"=1+1", "\u0664\u0662Y".encode())


def names() -> Iterator[Specimen]:
    """All of them: every one is a film."""
    for kind, stems in NAMES.items():
        for stem in stems:
            yield Specimen(f"name: {kind}", f"{stem}.jpeg", JPEG, film=True)
    for what, value in TAGS.items():
        for keyword in TAGGED:
            data = dicom(element(keyword, value))
            yield Specimen("tag text", f"{keyword} of {what}.dcm", data, film=True)
    for number, value in enumerate(DATES):
        dates = [element(keyword, value) for keyword in ("StudyDate", "PatientBirthDate")]
        yield Specimen("tag text", f"date {number}.dcm", dicom(*dates), film=True)
    for number, value in enumerate(AGES):
        data = dicom(element("PatientAge", value))
        yield Specimen("tag text", f"age {number}.dcm", data, film=True)
    for charset in (b"ISO_IR 192", b"ISO_IR 13", b"\\ISO 2022 IR 87", b"ISO_IR 999", b"", b"\xff"):
        tags = [element("SpecificCharacterSet", charset), element("PatientName", b"\x1b$B;3ED\xff")]
        name = f"charset {charset.hex() or 'empty'}.dcm"
        yield Specimen("tag text", name, dicom(*tags), film=True)
