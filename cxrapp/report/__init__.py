"""Results leave the app: a table of the worklist, and files a hospital can keep.

`FORMATS` holds one writer a kind of file, each from a card and the `Case` of every film. What may
leave at all, without names and without a refused film's numbers, is settled in `release`, in one
place for all of them. No torch, no Streamlit; the libraries that write are loaded when used.
"""

from cxrapp.report.case import Case, HeatMaps
from cxrapp.report.formats import FORMATS, Format
from cxrapp.report.table import film_rows, rejection_rows, table_writer
from cxrapp.words import NOT_A_DIAGNOSIS

__all__ = [
    "FORMATS",
    "NOT_A_DIAGNOSIS",
    "Case",
    "Format",
    "HeatMaps",
    "film_rows",
    "rejection_rows",
    "table_writer",
]
