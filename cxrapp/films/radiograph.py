"""Upload bytes -> films. The only place that opens files from outside.

Bytes decide what a file is, never its name. Limits are those of `limits`. A file that
cannot be used becomes a `Rejection`, never an exception, so that the other films of a batch are
screened all the same.
"""

import io
import warnings
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from cxrapp.errors import UnreadableUpload
from cxrapp.films.dicom import Patient, is_dicom, read_dicom
from cxrapp.films.limits import (
    MAX_FILE_BYTES,
    MAX_PIXELS,
    MAX_ZIP_BYTES,
    MAX_ZIP_ENTRIES,
    check_bytes,
    check_shape,
)

ZIP_ENTRY = b"PK\x01\x02"  # begins each entry of an archive's directory
KINDS = {  # first bytes -> what a person calls such a file
    b"%PDF": "a PDF document",
    b"GIF8": "a GIF picture",
    b"BM": "a BMP picture",
    b"II*\x00": "a TIFF picture",
    b"MM\x00*": "a TIFF picture",
    b"Rar!": "a RAR archive",
    b"7z\xbc\xaf": "a 7-Zip archive",
    b"\x1f\x8b": "a gzip archive",
    b"<": "an HTML or XML file",
}


@dataclass(frozen=True)
class Radiograph:
    """One film, and what its file says about it where it says anything.

    Args:
        name: The file's name.
        pixels: (H, W) float32 in [0, 1]; 0 is black, bone is bright.
        full_shape: (H, W) of the film, where `pixels` are only what a network sees of it.
        modality, view, body_part, sex: As DICOM writes them: CR, AP, CHEST, F.
        age_years: Of the patient.
        study_uid: Films of one visit share it.
        study_date: YYYYMMDD.
        patient: Who it is; see there.
    """

    # For the sandbox, which checks what a decoder says; no import, which would cost each one.
    __pydantic_config__ = {"arbitrary_types_allowed": True, "extra": "forbid"}

    name: str
    pixels: np.ndarray
    full_shape: tuple[int, int] | None = None
    modality: str | None = None
    view: str | None = None
    body_part: str | None = None
    age_years: float | None = None
    sex: str | None = None
    study_uid: str | None = None
    study_date: str | None = None
    patient: Patient | None = None


@dataclass(frozen=True)
class Rejection:
    """A file that is not a film, and the reason in words."""

    name: str
    reason: str


def read_film(name: str, data: bytes) -> Radiograph | Rejection:
    """The film of one file that is no archive, decoded here and now.

    Args:
        name: The file's name, used only to label results.
        data: The file's bytes.
    """
    try:
        check_bytes(data)
        if is_dicom(data):
            return Radiograph(name, **vars(read_dicom(data)))
        return Radiograph(name, _decode(data))
    except UnreadableUpload as error:
        return Rejection(name, str(error))
    except MemoryError:
        return Rejection(name, "Decoding it takes more memory than a film may need.")


def read_upload(
    name: str,
    data: bytes,
    *,
    read_film: Callable[[str, bytes], Radiograph | Rejection] = read_film,
) -> Iterator[Radiograph | Rejection]:
    """Yield what one uploaded file holds: one film, or the films of a ZIP archive.

    A generator, so that an archive of a thousand films is never in memory at once.

    Args:
        name: The file's name, used only to label results.
        data: The file's bytes.
        read_film: What decodes; files from outside want that of `sandbox`.
    """
    if data[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        yield from _read_zip(name, data, read_film)
    else:
        yield read_film(name, data)


def count_entries(data: bytes) -> int:
    """How many files an upload holds: 1, or the entries of a ZIP archive as its directory says."""
    if data[:4] != b"PK\x03\x04":
        return 1
    try:
        return len(_open_zip(data)[1])
    except UnreadableUpload:
        return 1


def _read_zip(
    name: str, data: bytes, read_film: Callable[[str, bytes], Radiograph | Rejection]
) -> Iterator[Radiograph | Rejection]:
    try:
        archive, entries = _open_zip(data)
    except UnreadableUpload as error:
        yield Rejection(name, str(error))
        return
    for entry in entries:
        path = f"{name}/{entry.filename}"
        try:
            unpacked = _unpack(archive, entry)
        except UnreadableUpload as error:
            yield Rejection(path, str(error))
        else:
            yield read_film(path, unpacked)


def _open_zip(data: bytes) -> tuple[zipfile.ZipFile, list[zipfile.ZipInfo]]:
    """An archive and its files, folders and system clutter left out.

    Raises:
        UnreadableUpload: It is damaged, empty or holds too much.
    """
    too_much = (
        f"The ZIP archive holds more than {MAX_ZIP_ENTRIES:,} files or "
        f"{MAX_ZIP_BYTES // 2**30} GB; split it."
    )
    # The directory is read as a whole: a million entries would take half a gigabyte.
    if data.count(ZIP_ENTRY) > 4 * MAX_ZIP_ENTRIES:  # a film may have clutter and a folder
        raise UnreadableUpload(too_much)
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except Exception:  # zipfile lets struct and Unicode errors through
        raise UnreadableUpload("The ZIP archive is damaged.") from None
    # Not by is_dir, which fails on an entry without a name.
    files = [e for e in archive.infolist() if not e.filename.endswith("/")]
    entries = [e for e in files if not _is_clutter(e.filename)]
    if len(entries) > MAX_ZIP_ENTRIES or sum(e.file_size for e in entries) > MAX_ZIP_BYTES:
        raise UnreadableUpload(too_much)
    if not entries:
        raise UnreadableUpload("The ZIP archive is empty.")
    return archive, entries


def _is_clutter(path: str) -> bool:
    """macOS adds a shadow file to every entry of a ZIP; nobody means to screen those."""
    return path.startswith("__MACOSX/") or path.rsplit("/", 1)[-1] in (".DS_Store", "Thumbs.db")


def _unpack(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """The bytes of one file of an archive; of a file that is too large, enough to show it."""
    if entry.flag_bits & 0x1:
        raise UnreadableUpload("The archive is encrypted; unpack it with its password first.")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        # Other methods may ask for gigabytes before the first byte is out.
        raise UnreadableUpload("The archive is packed in an unusual way; zip it anew.")
    try:
        with archive.open(entry) as file:
            # The size in the directory can lie, so the read itself is bounded.
            return file.read(MAX_FILE_BYTES + 1)
    except Exception:  # zipfile lets zlib, struct and key errors through, and quotes names
        raise UnreadableUpload("This entry of the ZIP archive is damaged.") from None


def _decode(data: bytes) -> np.ndarray:
    """Decode one JPEG or PNG to (H, W) float32 in [0, 1], upright by its EXIF orientation."""
    try:
        with (
            # Odd EXIF is common and harmless here.
            warnings.catch_warnings(action="ignore", category=UserWarning),
            Image.open(io.BytesIO(data), formats=["JPEG", "PNG"]) as image,
        ):
            check_shape(*image.size)
            pixels = _to_grey(ImageOps.exif_transpose(image))
    except (UnreadableUpload, MemoryError):
        raise
    except UnidentifiedImageError:
        raise UnreadableUpload(_name_the_kind(data)) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise UnreadableUpload(f"The picture has more than {MAX_PIXELS:,} pixels.") from None
    except Exception:  # decoders fail in many ways: OSError, SyntaxError, struct.error
        raise UnreadableUpload("The picture is cut off or damaged.") from None
    if pixels.min() == pixels.max():
        raise UnreadableUpload("The picture is blank: every pixel has the same value.")
    return pixels


def _to_grey(image: Image.Image) -> np.ndarray:
    """Any PIL mode to (H, W) float32 in [0, 1]. Transparent areas become black."""
    if image.mode.startswith(("I", "F")):
        return _scale_deep(np.asarray(image, dtype=np.float32))
    if image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, (0, 0, 0, 255)), image)
    return np.asarray(image.convert("L"), dtype=np.float32) / 255


def _scale_deep(values: np.ndarray) -> np.ndarray:
    """Scale 9 to 16 bit grey by the smallest bit depth that holds it.

    A 12 bit film saved in a 16 bit PNG uses a sixteenth of the range; divided by 65,535 it
    would reach the network nearly black.
    """
    depth = max(8, int(values.max()).bit_length())
    return np.clip(values, 0, None) / np.float32(2**depth - 1)


def _name_the_kind(data: bytes) -> str:
    kind = next((words for start, words in KINDS.items() if data.startswith(start)), None)
    if kind is None:
        return "The file is not a DICOM, JPEG or PNG film."
    return f"The file is {kind}, not a DICOM, JPEG or PNG film."
