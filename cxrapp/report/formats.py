"""The kinds of file a result can leave as: one entry a kind, all called the same way."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module

from cxrapp.model.card import ModelCard
from cxrapp.report.case import Case
from cxrapp.report.release import release_cases


@dataclass(frozen=True)
class Format:
    """A kind of file.

    Args:
        label: What a button says.
        suffix: With its dot.
        writer: The module of this room whose `write` makes the file: card and released films ->
            its bytes. Loaded with the libraries it takes when a file is first asked for, which the
            first film on a page need not wait for.
    """

    label: str
    mime: str
    suffix: str
    writer: str

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
        module = import_module(f"cxrapp.report.{self.writer}")
        return module.write(card, release_cases(card, cases, identified=identified))


FORMATS = {
    "pdf": Format("PDF report", "application/pdf", ".pdf", "pdf"),
    "json": Format("JSON", "application/json", ".json", "json_file"),
    "dicom": Format("DICOM, zipped", "application/zip", ".zip", "dicom_files"),
    "fhir": Format("FHIR R4B", "application/fhir+json", ".fhir.json", "fhir"),
}
