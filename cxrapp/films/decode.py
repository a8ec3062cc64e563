"""Upload bytes -> films. The only place that opens files from outside.

Bytes decide what a file is, never its name. Limits are those of `limits`. A file that cannot be
used becomes a `Rejection`, never an exception, so that the other films of a batch are screened all
the same.
"""

import io
import warnings
from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from cxrapp.errors import UnreadableUpload
from cxrapp.films.archive_files import is_archive, read_archive
from cxrapp.films.dicom import is_dicom, read_dicom
from cxrapp.films.limits import MAX_PIXELS, check_bytes, check_shape
from cxrapp.films.radiograph import Radiograph, Rejection

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
    if is_archive(data):
        yield from read_archive(name, data, read_film)
    else:
        yield read_film(name, data)


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
