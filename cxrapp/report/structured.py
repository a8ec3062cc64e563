"""Results as numbers for the archive: a DICOM structured report by highdicom.

A Comprehensive SR, PS3.3 A.35.3, after template TID 1500 "Measurement Report": one group for what
the gate said of the film, and one a finding, each with the algorithm it came from. It refers to
the film's own instance, which is what was measured; where that is not known or must not be named,
to the captures made beside it.
"""

import math
from collections.abc import Sequence

from highdicom import coding_schemes as schemes
from highdicom.sr import (
    ComprehensiveSR,
    DeviceObserverIdentifyingAttributes,
    MeasurementReport,
    MeasurementsAndQualitativeEvaluations,
    ObservationContext,
    ObserverContext,
    QualitativeEvaluation,
    SourceImageForMeasurementGroup,
    TrackingIdentifier,
)
from pydicom import Dataset
from pydicom.sr.codedict import codes as standard

from cxrapp import __version__
from cxrapp.model.card import ModelCard
from cxrapp.model.gate import UNCHECKED
from cxrapp.report import codes
from cxrapp.report.codes import film_numbers, finding_concept, performance_rates
from cxrapp.report.dicom_tags import (
    REPORT,
    SERIES_DESCRIPTION,
    Uids,
    device_uid,
    maker_tags,
    new_uid,
    sign,
    source_image,
)
from cxrapp.report.release import Release
from cxrapp.report.sr_items import algorithm, code_item, coded, number_item, text_item
from cxrapp.report.summary import agreement_line, performance_line, summary_lines
from cxrapp.words import NOT_A_DIAGNOSIS, PROGRAM

SERIES = 9902


def structured_report(
    card: ModelCard, release: Release, captures: Sequence[Dataset], uids: Uids = new_uid
) -> ComprehensiveSR:
    """The report of one film; complete, preliminary and verified by nobody. See also `sign`.

    Args:
        captures: From `capture_images`; the report joins their study. None where they stay behind:
            then the film must be one that may be named, and is known with study and series.
    """
    first = captures[0] if captures else Dataset()
    source = source_image(
        release, first.get("StudyInstanceUID", ""), first.get("SeriesInstanceUID", "")
    )
    if source and not captures:  # highdicom takes the patient over from it
        sign(source, release)
        source.StudyID = None
    return ComprehensiveSR(
        evidence=[*captures, *([source] if source else [])],
        content=_content(card, release, [source] if source else captures),
        series_instance_uid=uids("report's series"),
        series_number=SERIES,
        sop_instance_uid=uids(REPORT),
        instance_number=1,
        is_complete=True,
        series_description=SERIES_DESCRIPTION,
        coding_schemes=[schemes.CodingSchemeIdentificationItem(codes.PRIVATE, name=PROGRAM)],
        **maker_tags(card, release),
    )


def _content(card: ModelCard, release: Release, images: Sequence[Dataset]) -> MeasurementReport:
    report = MeasurementReport(
        observation_context=_observer(card),
        procedure_reported=coded(codes.CHEST_FILM),
        imaging_measurements=[
            _film_group(card, release, images),
            *(_finding_group(card, release, k) for k in range(len(release.results))),
        ],
    )
    # TID 1500 may be extended: words for people stand beside the numbers.
    content = report[0].ContentSequence
    content.append(text_item(standard.DCM.Conclusion, "\n".join(summary_lines(release))))
    content.extend(
        text_item(standard.DCM.Comment, limit)
        for limit in (NOT_A_DIAGNOSIS, *card.limits, UNCHECKED)
    )
    if release.reader_call:
        content.append(code_item(codes.READER, codes.CALLS[release.reader_call]))
    return report


def _observer(card: ModelCard) -> ObservationContext:
    device = DeviceObserverIdentifyingAttributes(
        uid=device_uid(card),
        name=f"{PROGRAM} {__version__}",
        manufacturer_name=PROGRAM,
        model_name=card.name,
        serial_number=card.sha256,
    )
    return ObservationContext(observer_device_context=ObserverContext(standard.DCM.Device, device))


def _film_group(
    card: ModelCard, release: Release, images: Sequence[Dataset]
) -> MeasurementsAndQualitativeEvaluations:
    """What the gate said, why, and the images to look at."""
    lungs = release.lungs
    said = codes.OVERRULED if release.overruled else codes.VERDICTS[release.verdict.level]
    group = MeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(new_uid(), identifier="film check"),
        algorithm_id=algorithm(card),
        measurements=list(map(number_item, codes.LUNG_AREAS, lungs.areas)) if lungs else None,
        qualitative_evaluations=[QualitativeEvaluation(coded(codes.FILM_CHECK), coded(said))],
        source_images=[
            SourceImageForMeasurementGroup(image.SOPClassUID, image.SOPInstanceUID)
            for image in images
        ],
    )
    words = (release.gate_words, *release.verdict.reasons)
    content = group[0].ContentSequence
    content.extend(text_item(standard.DCM.Comment, text) for text in words)
    if lungs:
        content.append(text_item(coded(codes.FILM_KIND), lungs.kind))
        content.append(text_item(coded(codes.LOOKS_ADULT), "yes" if lungs.looks_adult else "no"))
    return group


def _finding_group(
    card: ModelCard, release: Release, k: int
) -> MeasurementsAndQualitativeEvaluations:
    """Finding k of the card."""
    result = release.results[k]
    numbers = {codes.THRESHOLD: result.threshold}
    numbers |= {concept: rate.value for concept, rate in performance_rates(result)}
    numbers |= film_numbers(release, k)
    outcome = codes.OUTCOMES[result.outcome]
    group = MeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(new_uid(), identifier=result.finding.name),
        algorithm_id=algorithm(card),
        finding_type=coded(finding_concept(result.finding)),
        measurements=[
            number_item(concept, value)
            for concept, value in numbers.items()
            if not math.isnan(value)
        ],
        qualitative_evaluations=[QualitativeEvaluation(coded(codes.DECISION), coded(outcome))],
    )
    words = [performance_line(result, performance) for performance in result.performance]
    words += filter(None, [agreement_line(release, k)])
    group[0].ContentSequence.extend(text_item(standard.DCM.Comment, line) for line in words)
    return group
