"""Upload bytes -> films. The only place that opens files from outside.

Bytes decide what a file is, never its name. Limits are those of `limits`. A file that cannot be
used becomes a `Rejection`, never an exception, so that the other films of a batch are screened all
the same.
"""

import io
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from cxrapp.errors import UnreadableUpload
from cxrapp.films.archive_files import is_archive, read_archive
from cxrapp.films.dicom import is_dicom, read_dicom
from cxrapp.films.grey import Grey, to_grey
from cxrapp.films.limits import MAX_PIXELS, check_bytes, check_shape
from cxrapp.films.radiograph import NO_TAGS, Radiograph, Rejection, Stored

KINDS = {  # first bytes -> what a person calls such a file
    b"%PDF": "a PDF document",
    b"GIF8": "a GIF picture",
    b"BM": "a BMP picture",
    b"II*\x00": "a TIFF picture",
    b"MM\x00*": "a TIFF picture",
    b"Rar!": "a RAR archive",
    b"7z\xbc\xaf": "a 7-Zip archive",
    b"\x1f\x8b": "a gzip archive",
    b"\xff\x4f\xff\x51": "a JPEG 2000 picture",
    b"\x00\x00\x00\x0cjP": "a JPEG 2000 picture",
    b"\xff\x0a": "a JPEG XL picture",
    b"<": "an HTML or XML file",
}
# Bytes 4 to 11 of the family of ISO media files.
BRANDS = {b"hei": "a HEIC picture", b"hev": "a HEIC picture", b"mif": "a HEIC picture"}
BRANDS |= {b"msf": "a HEIC picture", b"avi": "an AVIF picture"}
SAMPLES = 256  # pixels a side, at least, that are asked for their colour
COLOURED = 4  # of 255 between the strongest and the weakest of red, green and blue
COLOURED_SHARE = 0.25  # of the pixels
REMEDY = "ask for the DICOM file, or save it as PNG"  # what whoever sent it can do


def read_film(name: str, data: bytes) -> Radiograph | Rejection:
    """The film of one file that is no archive, decoded here and now.

    Args:
        name: The file's name, used only to label results.
        data: The file's bytes.
    """
    try:
        check_bytes(data)
        if is_dicom(data):
            grey, tags = read_dicom(data)
        else:
            grey, tags = _decode(data), NO_TAGS
        return Radiograph(name, tags=tags, **vars(grey))
    except UnreadableUpload as error:
        return Rejection(name, str(error))
    except MemoryError:
        return Rejection(name, "Decoding it takes more memory than a film may need.")


def read_upload(
    name: str, data: bytes, *, read_film: Callable[[str, bytes], Radiograph | Rejection] = read_film
) -> Iterator[Radiograph | Rejection]:
    """Yield what one uploaded file holds: one film, or the films of a ZIP archive.

    A generator, so that an archive of a thousand films is never in memory at once.

    Args:
        name: The file's name, used only to label results.
        data: The file's bytes.
        read_film: What decodes; files from outside want that of `sandbox`.
    """
    if is_archive(data):
        yield from read_archive(name, data, read_film)
    else:
        yield read_film(name, data)


def _decode(data: bytes) -> Grey:
    """Decode one JPEG or PNG, upright by its EXIF orientation."""
    try:
        with (
            # Odd EXIF is common and harmless here.
            warnings.catch_warnings(action="ignore", category=UserWarning),
            Image.open(io.BytesIO(data), formats=["JPEG", "PNG"]) as image,
        ):
            check_shape(*image.size)
            return _to_grey(ImageOps.exif_transpose(image))
    except (UnreadableUpload, MemoryError):
        raise
    except UnidentifiedImageError:
        raise UnreadableUpload(_name_the_kind(data)) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise UnreadableUpload(f"The picture has more than {MAX_PIXELS:,} pixels.") from None
    except Exception:  # decoders fail in many ways: OSError, SyntaxError, struct.error
        raise UnreadableUpload("The picture is cut off or damaged.") from None


def _to_grey(image: Image.Image) -> Grey:
    """Any PIL mode; the range is that of its type. Transparent areas become black."""
    if image.mode.startswith(("I", "F")):
        numbers = np.asarray(image)
        grey = to_grey(numbers.astype(np.float32), 0, 2**16 - 1)
        whole = numbers.dtype.kind in "iu" and numbers.min() >= 0 and numbers.max() < 2**16
        return replace(grey, stored=Stored(numbers.astype(np.uint16)) if whole else None)
    if image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, (0, 0, 0, 255)), image)
    numbers = np.asarray(image.convert("L"))
    grey = to_grey(numbers, 0, 2**8 - 1)
    return replace(grey, stored=Stored(numbers), in_colour=_is_in_colour(image))


def _is_in_colour(image: Image.Image) -> bool:
    """Whether a quarter of a picture is coloured: a film is grey, and so are its copies.

    Pixels are taken one by one and not averaged: what a screen's red, green and blue add up to is
    grey again. A mark that somebody has drawn in colour covers less.
    """
    if image.mode in ("1", "L"):
        return False
    step = max(1, min(image.size) // SAMPLES)
    width, height = image.size
    few = image.resize((width // step, height // step), Image.Resampling.NEAREST)
    colours = np.asarray(few.convert("RGB"))
    return bool(np.mean(np.ptp(colours, axis=2) >= COLOURED) >= COLOURED_SHARE)


def _name_the_kind(data: bytes) -> str:
    if is_archive(data):  # one that is itself in an archive; those outside are opened
        return (
            "The file is a ZIP archive inside another, not a DICOM, JPEG or PNG film; unpack the "
            "inner one, or zip its films."
        )
    kind = next((words for start, words in KINDS.items() if data.startswith(start)), None)
    if data[4:8] == b"ftyp":
        kind = BRANDS.get(data[8:11], "a video or sound recording")
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        kind = "a WEBP picture"
    if kind is None:
        return "The file is not a DICOM, JPEG or PNG film."
    return f"The file is {kind}, not a DICOM, JPEG or PNG film; {REMEDY}."
