"""Pictures for the archive: DICOM Secondary Capture, PS3.3 A.8.1, by highdicom."""

import numpy as np
from highdicom.sc import SCImage
from pydicom import Dataset

from cxrapp.model.card import ModelCard
from cxrapp.report.burned import MAX_SIDE, burn_in
from cxrapp.report.dicom_tags import SERIES_DESCRIPTION, Uids, maker_tags, new_uid, source_image
from cxrapp.report.pictures import HeatPanel, heat_panels
from cxrapp.report.release import Release
from cxrapp.words import NOT_A_DIAGNOSIS

SERIES = 9901  # far from the numbers an X-ray machine gives


def capture_images(card: ModelCard, release: Release, uids: Uids = new_uid) -> list[SCImage]:
    """One capture a finding that was asked, of one series; one of the film where none can be.

    RGB, uncompressed: every archive reads that. They belong to nobody until `sign`.
    """
    panels: list[HeatPanel | None] = [*heat_panels(card, release, MAX_SIDE)] or [None]
    study, series = release.tags.study.uid or new_uid(), uids("captures")
    return [
        _capture(card, release, panel, (study, series, uids(f"capture {number}"), number))
        for number, panel in enumerate(panels, start=1)
    ]


def _capture(
    card: ModelCard, release: Release, panel: HeatPanel | None, place: tuple[str, str, str, int]
) -> SCImage:
    study, series, instance, number = place
    image = SCImage(
        np.asarray(burn_in(card, release, panel)),
        photometric_interpretation="RGB",
        bits_allocated=8,
        coordinate_system="PATIENT",
        patient_orientation=("L", "F"),
        study_instance_uid=study,
        series_instance_uid=series,
        series_number=SERIES,
        sop_instance_uid=instance,
        instance_number=number,
        series_description=SERIES_DESCRIPTION,
        **maker_tags(card, release),
    )
    # highdicom asks which way the film lies; pixels alone cannot tell, and empty means unknown.
    image.PatientOrientation = None
    image.ConversionType = "WSD"  # made on a workstation
    image.BodyPartExamined = "CHEST"
    # Words are burned in, and nobody looked for others in the film's own pixels: whoever passes
    # the picture on has to look, which is what YES makes software ask for.
    image.BurnedInAnnotation = "YES"
    image.DerivationDescription = _derivation(release, panel)
    if source := source_image(release, study, series):
        item = Dataset()
        item.ReferencedSOPClassUID = source.SOPClassUID
        item.ReferencedSOPInstanceUID = source.SOPInstanceUID
        image.SourceImageSequence = [item]
    image.ImageComments = NOT_A_DIAGNOSIS
    return image


def _derivation(release: Release, panel: HeatPanel | None) -> str:
    if panel is None or release.heat_maps is None:
        return "The film with the words of the screening burned in below."
    return (
        f"The film with the {release.heat_maps.method} heat map for "
        f"{panel.result.finding.positive} laid over it and the result burned in below."
    )
