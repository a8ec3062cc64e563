"""DICOM bytes -> one film: its pixels as a reader would see them, and what its tags say.

Decoding by pydicom, with python-gdcm for the compressed transfer syntaxes. What a machine left out
or wrote its own way is put right where there is one way to read it (`_complete`).
"""

import io
import re
import struct
import warnings

import numpy as np
import pydicom
from pydicom.datadict import dictionary_has_tag
from pydicom.encaps import generate_fragments
from pydicom.filereader import _read_file_meta_info, read_preamble
from pydicom.pixels import get_decoder
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGExtended12Bit,
    RLELossless,
)
from pydicom.valuerep import VR

from cxrapp.errors import UnreadableUpload
from cxrapp.films.dicom_pixels import show_film
from cxrapp.films.dicom_tags import read_numbers, read_tags, read_text
from cxrapp.films.grey import Grey
from cxrapp.films.limits import check_shape
from cxrapp.films.radiograph import Tags

EXPORT_ANEW = "ask whoever runs the archive or the machine to export it uncompressed"
GE_PRIVATE = "1.2.840.113619.5.2"  # little-endian tags before big-endian pixels
CODESTREAM_SIZE = re.compile(  # JPEG 2000: width and height; JPEG, JPEG-LS: height and width
    rb"\xff\x4f\xff\x51.{4}(.{4})(.{4})|\xff[\xc0-\xc3\xc5-\xc7\xc9-\xcb\xcd-\xcf\xf7].{3}(..)(..)",
    re.DOTALL,
)
SEQUENCE_END = b"\xfe\xff\xdd\xe0" + bytes(4)
VRS = {str(vr).encode() for vr in VR if len(vr) == 2}


def is_dicom(data: bytes) -> bool:
    """Whether bytes look like DICOM: by its mark, or by a first element where the mark is missing.

    Without a mark, a file begins with group 2 or 8, whose elements are known, and with a
    representation or a length that fits.
    """
    if data[128:132] == b"DICM":
        return True
    if len(data) < 8:
        return False
    group, element, length = struct.unpack("<HHI", data[:8])
    if group not in (2, 8) or not (element == 0 or dictionary_has_tag(group << 16 | element)):
        return False
    return data[4:6] in VRS or length <= len(data) - 8


def read_dicom(data: bytes) -> tuple[Grey, Tags]:
    """Read one film.

    Raises:
        UnreadableUpload: It holds no single grey picture, is damaged or larger than the limits.
    """
    try:
        with warnings.catch_warnings(action="ignore"):  # odd tags are common and harmless here
            dataset = _read(data)
            bits = _complete(dataset)
            _check(dataset)
            return show_film(dataset, _decode(dataset), bits), read_tags(dataset)
    except (UnreadableUpload, MemoryError):
        raise
    except Exception:  # pydicom and its decoders fail in many ways, and quote the patient's tags
        raise UnreadableUpload("The DICOM file is damaged.") from None


def _read(data: bytes) -> pydicom.Dataset:
    # pydicom inflates such files while it reads them, a thousandfold if they were made to.
    start = io.BytesIO(data)
    read_preamble(start, True)
    syntax = _read_file_meta_info(start).get("TransferSyntaxUID")
    if syntax == DeflatedExplicitVRLittleEndian:
        raise UnreadableUpload(f"Deflated DICOM files are not read; {EXPORT_ANEW}.")
    if syntax == GE_PRIVATE:
        raise UnreadableUpload(
            f"The DICOM file is in GE's private byte order, which is not read; {EXPORT_ANEW}."
        )
    dataset = pydicom.dcmread(io.BytesIO(data), force=True)
    if "PixelData" not in dataset and syntax and syntax.is_compressed:
        # Some machines leave out the delimiter that ends compressed pixels, and with it the file.
        dataset = pydicom.dcmread(io.BytesIO(data + SEQUENCE_END), force=True)
        if "PixelData" in dataset:
            _check_fragments(dataset.PixelData)
    if "TransferSyntaxUID" not in dataset.file_meta:
        implicit, little = dataset.original_encoding
        written = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
        dataset.file_meta.TransferSyntaxUID = written if little else ExplicitVRBigEndian
    return dataset


def _check_fragments(encapsulated: bytes) -> None:
    """That only a delimiter was missing: a film that was cut off ends within a fragment."""
    at = 0
    while at + 8 <= len(encapsulated):
        at += 8 + int.from_bytes(encapsulated[at + 4 : at + 8], "little")
    if at != len(encapsulated):
        raise UnreadableUpload("The DICOM file is cut off; send or export it again.")


def _complete(dataset: pydicom.Dataset) -> int | None:
    """Put right what is needed to decode, where the file leaves it out or spells it its own way.

    Returns:
        How many bits a pixel has; None where the file does not say, and the pixels must.
    """
    for keyword, usual in {"SamplesPerPixel": 1, "PixelRepresentation": 0}.items():
        if dataset.get(keyword) is None:
            setattr(dataset, keyword, usual)
    photometric = read_text(dataset, "PhotometricInterpretation")
    if photometric is None and dataset.SamplesPerPixel == 1:
        photometric = "MONOCHROME2"
    dataset.PhotometricInterpretation = photometric or ""
    frames = read_numbers(dataset, "NumberOfFrames")
    dataset.NumberOfFrames = int(frames[0]) or 1 if frames else 1
    bits, high = dataset.get("BitsStored"), dataset.get("HighBit")
    if bits is None and high is not None:
        bits = high + 1
    if dataset.get("BitsAllocated") is None:
        dataset.BitsAllocated = 8 if bits is not None and bits <= 8 else 16
    dataset.BitsStored = dataset.BitsAllocated if bits is None else bits
    if high is None:
        dataset.HighBit = dataset.BitsStored - 1
    return bits


def _check(dataset: pydicom.Dataset) -> None:
    if "PixelData" not in dataset:
        raise UnreadableUpload("The DICOM file holds no picture.")
    syntax = dataset.file_meta.TransferSyntaxUID
    try:
        known = get_decoder(syntax).is_available
    except NotImplementedError:  # what pydicom raises for one it has no decoder for
        known = False
    if syntax == JPEGExtended12Bit and dataset.BitsStored > 8:
        raise UnreadableUpload(f"JPEG with 12 bits is not read; {EXPORT_ANEW}.")
    if not known:
        raise UnreadableUpload(
            f"The DICOM file is compressed in a way that is not read; {EXPORT_ANEW}."
        )
    if dataset.NumberOfFrames != 1:
        raise UnreadableUpload("The DICOM file holds several pictures; a film is one.")
    grey = dataset.PhotometricInterpretation in ("MONOCHROME1", "MONOCHROME2")  # and no palette
    if dataset.SamplesPerPixel != 1 or not grey:
        raise UnreadableUpload("The DICOM file holds a colour picture; a film is grey.")
    check_shape(dataset.Columns, dataset.Rows)
    if syntax.is_encapsulated and syntax != RLELossless:
        _check_codestream(b"".join(generate_fragments(dataset.PixelData)))


def _check_codestream(codestream: bytes) -> None:
    """The decoder believes the codestream, not the tags: a few bytes can claim a gigabyte."""
    for j2k_width, j2k_height, height, width in CODESTREAM_SIZE.findall(codestream):
        check_shape(*(int.from_bytes(side) for side in (j2k_width or width, j2k_height or height)))


def _decode(dataset: pydicom.Dataset) -> np.ndarray:
    """(H, W) as stored, the bits outside the film's own still as they are."""
    decoder = get_decoder(dataset.file_meta.TransferSyntaxUID)
    stored, _ = decoder.as_array(dataset, correct_unused_bits=False)
    if stored.ndim != 2:
        raise UnreadableUpload("The DICOM file holds more pixels than its tags say.")
    return stored
