"""The kinds of file a result can leave as: one entry a kind, all called the same way."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cxrapp.model.card import ModelCard
from cxrapp.report.case import Case
from cxrapp.report.dicom_files import write_dicom
from cxrapp.report.fhir import write_fhir
from cxrapp.report.json_file import write_json
from cxrapp.report.pdf import write_pdf
from cxrapp.report.release import Release, release_cases


@dataclass(frozen=True)
class Format:
    """A kind of file.

    Args:
        label: What a button says.
        suffix: With its dot.
        encode: Card and released films -> the file's bytes.
    """

    label: str
    mime: str
    suffix: str
    encode: Callable[[ModelCard, Sequence[Release]], bytes]

    def write(self, card: ModelCard, cases: Sequence[Case], *, identified: bool = False) -> bytes:
        """All films in one file.

        Args:
            card: Of the bundle that scored them.
            cases: At least one, in the order of the file.
            identified: Whether names, numbers and dates of the patient leave too.

        Raises:
            ValueError: There is no film.
        """
        if not cases:
            raise ValueError("There is no film to write about.")
        return self.encode(card, release_cases(card, cases, identified=identified))


FORMATS = {
    "pdf": Format("PDF report", "application/pdf", ".pdf", write_pdf),
    "json": Format("JSON", "application/json", ".json", write_json),
    "dicom": Format("DICOM, zipped", "application/zip", ".zip", write_dicom),
    "fhir": Format("FHIR R4B", "application/fhir+json", ".fhir.json", write_fhir),
}
