"""DICOM files made from a sample film, in the ways that machines and archives write them."""

import io
import tempfile
from pathlib import Path

import gdcm
import numpy as np
from PIL import Image
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, JPEG2000Lossless

from cxrapp.films.decode import read_upload
from cxrapp.films.radiograph import Radiograph, Rejection
from tests.places import SAMPLES

FILM = np.asarray(Image.open(SAMPLES[0]).convert("L").resize((160, 120)))
TWELVE = {"BitsStored": 12, "HighBit": 11}
WHOLE = {**TWELVE, "WindowCenter": 2048, "WindowWidth": 4096}  # a window of all 12 bits


def make(
    stored: np.ndarray = FILM, *, syntax: str = ExplicitVRLittleEndian, **tags: object
) -> bytes:
    """A film with these pixels and tags, as a file; a tag that is None is left out."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = syntax
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.1"
    meta.MediaStorageSOPInstanceUID = "1.2.3"
    dataset = FileDataset("film", {}, file_meta=meta, preamble=bytes(128))
    dataset.PatientName = "Not^Shown"
    dataset.Rows, dataset.Columns = stored.shape[:2]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = 8 * stored.itemsize
    dataset.BitsStored, dataset.HighBit = dataset.BitsAllocated, dataset.BitsAllocated - 1
    dataset.PixelRepresentation = int(stored.dtype.kind == "i")
    dataset.PixelData = stored.tobytes() + b"\0" * (stored.nbytes % 2)
    for keyword, value in tags.items():
        if value is None:
            delattr(dataset, keyword)
        else:
            setattr(dataset, keyword, value)
    if dataset.file_meta.TransferSyntaxUID.is_encapsulated:
        dataset["PixelData"].is_undefined_length, dataset["PixelData"].VR = True, "OB"
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def compress(stored: np.ndarray, syntax: str, **tags: object) -> bytes:
    """The film of `make` in another coding, by GDCM, which reads and writes files alone."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.dcm"
        path.write_bytes(make(stored, **tags))
        reader, change = gdcm.ImageReader(), gdcm.ImageChangeTransferSyntax()
        reader.SetFileName(str(path))
        assert reader.Read()
        change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.GetTSType(syntax)))
        change.SetInput(reader.GetImage())
        assert change.Change(), syntax
        writer = gdcm.ImageWriter()
        writer.SetFileName(str(path))
        writer.SetFile(reader.GetFile())
        writer.SetImage(change.GetOutput())
        assert writer.Write()
        return path.read_bytes()


def compress_j2k(stored: np.ndarray, **tags: object) -> bytes:
    """As JPEG 2000, whose codestream holds all bits of a word whatever the tags say."""
    code = io.BytesIO()
    Image.fromarray(stored).save(code, "JPEG2000", irreversible=False, no_jp2=True)
    data = encapsulate([code.getvalue()])
    return make(stored, syntax=JPEG2000Lossless, **{**tags, "PixelData": data})


def table(kind: str, descriptor: list[int], data: bytes) -> dict[str, Sequence]:
    """A lookup table, as a tag."""
    item = Dataset()
    item.add_new(0x00283002, "US", descriptor)
    item.add_new(0x00283006, "OW", data)
    return {kind: Sequence([item])}


def overwrite(data: bytes, tag: bytes, value: bytes) -> bytes:
    """The value of a short element, as some machines write it and pydicom would not.

    Args:
        tag: Of the element, with its representation: 6 bytes.
    """
    at = data.index(tag) + len(tag)
    length = int.from_bytes(data[at : at + 2], "little")
    return data[:at] + len(value).to_bytes(2, "little") + value + data[at + 2 + length :]


def png(pixels: np.ndarray, kind: str = "PNG", **options: object) -> bytes:
    """A picture of the pixels."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


def read(data: bytes) -> Radiograph:
    """The one film that comes of these bytes."""
    (film,) = read_upload("film", data)
    assert isinstance(film, Radiograph), film
    return film


def reason(data: bytes) -> str:
    """Why no film comes of these bytes."""
    (refused,) = read_upload("film", data)
    assert isinstance(refused, Rejection), refused
    return refused.reason
