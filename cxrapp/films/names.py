"""Names and texts as other systems write them: clutter, encodings, composed letters."""

import unicodedata
from datetime import datetime

CLUTTER = {"thumbs.db", "ehthumbs.db", "desktop.ini", ".ds_store"}
JAPANESE = 0.6  # of the double characters of a text in it have a second byte that is no ASCII


def is_clutter(path: str) -> bool:
    """Whether a system put this file beside the films: nobody means to screen those.

    macOS adds a shadow file, ._NAME, to every file on a foreign disk and in a ZIP archive.
    """
    parts = path.replace("\\", "/").split("/")
    return "__MACOSX" in parts or parts[-1].startswith("._") or parts[-1].casefold() in CLUTTER


def same_letters(text: str) -> str:
    """Letters composed of two characters, as macOS writes them, as those of one."""
    return unicodedata.normalize("NFC", text)


def read_moment(text: str | None, form: str = "%Y%m%d") -> datetime | None:
    """A day as DICOM writes it, or a time of another form; None where it is none."""
    try:
        return datetime.strptime(text or "", form)
    except ValueError:
        return None


def decode_text(data: bytes, otherwise: str = "cp1252") -> str:
    """Bytes that do not say their encoding: UTF-8, Japanese or Western Windows, else `otherwise`.

    Text of several bytes a character is recognised by its form. Of the two others, a Japanese text
    is mostly of double bytes, and Western letters seldom stand side by side.
    """
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    if _is_japanese(data):
        return data.decode("cp932")
    western = data.decode("cp1252", "replace")
    odd = [letter for letter in western if ord(letter) > 127 and not letter.isalpha()]
    return data.decode(otherwise, "replace") if odd and otherwise != "cp1252" else western


def _is_japanese(data: bytes) -> bool:
    """Whether bytes are whole in Shift-JIS (cp932) and look like it."""
    try:
        text = data.decode("cp932")
    except UnicodeDecodeError:
        return False
    double = [code for letter in text if len(code := letter.encode("cp932")) == 2]
    single = sum("\uff61" <= letter <= "\uff9f" for letter in text)  # half-width katakana
    high = sum(code[1] >= 0x80 for code in double)
    kana = sum(code[0] in (0x82, 0x83) for code in double)
    return len(double) > single and high + kana > JAPANESE * len(double)
