"""Results as DICOM: a secondary capture a heat map and one structured report a film, zipped.

With identity they go to the patient and the study of the film, so that an archive files them
there; without, every film gets a new study and a name made of its pixels, PS3.15 annex E.
"""

import io
import zipfile
from collections.abc import Sequence

from pydicom import Dataset

from cxrapp.model.card import ModelCard
from cxrapp.report.capture import capture_images
from cxrapp.report.dicom_tags import Uids, new_uid, sign
from cxrapp.report.release import Release
from cxrapp.report.structured import structured_report


def dicom_objects(
    card: ModelCard, release: Release, uids: Uids = new_uid, *, captured: bool = True
) -> tuple[list[Dataset], Dataset]:
    """The captures and the report of one film, complete.

    Args:
        captured: False leaves the captures out; see `structured_report` for when that can be.
    """
    captures = capture_images(card, release, uids) if captured else []
    report = structured_report(card, release, captures, uids)
    # Last, as highdicom writes dates and a report takes over its captures' patient.
    for dataset in (*captures, report):
        sign(dataset, release)
    return captures, report


def write(card: ModelCard, releases: Sequence[Release]) -> bytes:
    """A ZIP archive with a folder a film, NUMBER-FINGERPRINT, of SC-1.dcm, ... and SR.dcm."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, release in enumerate(releases, start=1):
            captures, report = dicom_objects(card, release)
            folder = f"{number:03}-{release.fingerprint}"
            for k, capture in enumerate(captures, start=1):
                _add(archive, f"{folder}/SC-{k}.dcm", capture)
            _add(archive, f"{folder}/SR.dcm", report)
    return buffer.getvalue()


def _add(archive: zipfile.ZipFile, name: str, dataset: Dataset) -> None:
    data = io.BytesIO()
    dataset.save_as(data, enforce_file_format=True)
    # An entry made this way bears no date of its own, which would be the day of the visit.
    entry = zipfile.ZipInfo(name)
    entry.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(entry, data.getvalue())
