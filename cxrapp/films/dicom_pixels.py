"""Stored pixels of a DICOM film -> grey in [0, 1], bone bright, as PS3.3 C.11 says.

Modality table or rescaling, then the first VOI table or window that can be used, then the range:
that of the window, of the table or of the film's bits, whichever was last. Padding is cut out
before anything is looked at, and an element that is empty or makes no sense counts as not there.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
from pydicom import Dataset
from pydicom.uid import RLELossless

from cxrapp.errors import UnreadableUpload
from cxrapp.films.dicom_tags import read_numbers, read_text
from cxrapp.films.grey import Grey, to_grey
from cxrapp.films.radiograph import Stored, Units

NATURAL = 8  # bits, the fewest a film is taken to have
MOST = 8  # windows of a file that a viewer offers
BEYOND = 0.01  # of a film's pixels may lie beyond a table that is shorter than it says


@dataclass(frozen=True)
class Values:
    """Pixels on their way: (H, W) numbers, and the range they could have."""

    numbers: np.ndarray
    low: float
    high: float


def show_film(dataset: Dataset, stored: np.ndarray, bits: int | None) -> Grey:
    """A film as a reader would see it.

    Args:
        dataset: Its tags, complete enough to decode.
        stored: (H, W) int, as decoded, bits outside the film's own still in it.
        bits: A pixel's; None where the file does not say.

    Raises:
        UnreadableUpload: It is blank, or its numbers cannot be used.
    """
    stored, bits = _own_bits(dataset, stored, bits)
    film = _find_film(dataset, stored, bits)
    signed = stored.dtype.kind == "i"
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    values = _apply_modality(dataset, Values(stored, low, high))
    seen = _first_table(dataset, "VOILUTSequence", values, film) or next(
        _windows(dataset, values.numbers), values
    )
    if not np.isfinite([seen.low, seen.high]).all() or not np.isfinite(seen.numbers).all():
        raise UnreadableUpload("The DICOM file's rescaling or window gives no usable numbers.")
    if seen.low == seen.high:
        raise UnreadableUpload("The picture is blank: every pixel has the same value.")
    # The shape INVERSE belongs to MONOCHROME1; beside MONOCHROME2 it says the same by itself.
    inverse = dataset.PhotometricInterpretation == "MONOCHROME1" or (
        read_text(dataset, "PresentationLUTShape") == "INVERSE"
    )
    grey = to_grey(seen.numbers, seen.low, seen.high, film=film, inverse=inverse)
    return replace(grey, stored=_keep_stored(dataset, stored, film, inverse=inverse))


def _own_bits(dataset: Dataset, stored: np.ndarray, bits: int | None) -> tuple[np.ndarray, int]:
    """Clear the bits that are no part of a pixel: overlays and padding used to be kept there.

    Every decoder leaves them differently, so what comes of all of them is cleared here.
    """
    allocated = 8 * stored.itemsize
    if bits is None:
        top = max(abs(int(stored.min())), abs(int(stored.max())))
        bits = max(NATURAL, top.bit_length() + (stored.dtype.kind == "i"))
        return stored, min(bits, allocated)
    if not 1 <= bits <= allocated:
        return stored, allocated
    syntax = dataset.file_meta.TransferSyntaxUID
    unused = 0  # below the film's own bits; codestreams have none
    if not syntax.is_encapsulated or syntax == RLELossless:
        unused = min(max(int(dataset.HighBit) + 1 - bits, 0), allocated - bits)
    if allocated == bits:
        return stored, bits
    # Up to the top and down again: a signed type brings its sign along.
    return np.right_shift(np.left_shift(stored, allocated - bits - unused), allocated - bits), bits


def _find_film(dataset: Dataset, stored: np.ndarray, bits: int) -> np.ndarray | None:
    """(H, W) bool, where no padding is; None where the file declares none."""
    declared = [
        read_numbers(dataset, keyword)
        for keyword in ("PixelPaddingValue", "PixelPaddingRangeLimit")
    ]
    ends = [int(numbers[0]) for numbers in declared if numbers]
    if not declared[0]:
        return None
    if stored.dtype.kind == "i":
        ends = [end - (1 << bits) if end >= 1 << bits - 1 else end for end in ends]
    else:
        ends = [end & (1 << bits) - 1 for end in ends]  # written as the other kind, or in all bits
    return (stored < min(ends)) | (stored > max(ends))


def _keep_stored(
    dataset: Dataset, stored: np.ndarray, film: np.ndarray | None, *, inverse: bool
) -> Stored | None:
    """The film before its window, counted from zero; padding becomes a number beyond its black."""
    if _items(dataset, "ModalityLUTSequence"):
        return None
    own = stored if film is None else stored[film]
    lowest, highest = int(own.min()), int(own.max())
    start, padding = min(lowest, 0), None
    if film is not None:
        padding = highest + 1 if inverse else lowest - 1
        start = min(start, padding)
        highest = max(highest, padding)
    if highest - start >= 1 << 16:
        return None
    if stored.itemsize == 1:
        stored = stored.astype(np.int16)
    # Differences wrap round in the file's own type, and come out right as the unsigned one.
    shifted = (stored - np.array(start).astype(stored.dtype)).view(f"u{stored.itemsize}")
    numbers = shifted.astype(np.uint8 if highest - start < 1 << 8 else np.uint16, copy=False)
    slope, intercept = _rescaling(dataset)
    if padding is not None:
        padding -= start
        numbers = np.where(film, numbers, numbers.dtype.type(padding))
    unit = read_text(dataset, "RescaleType") or ""
    windows = tuple(_named_windows(dataset))
    units = Units(
        slope,
        intercept + start * slope,
        unit="" if unit in ("US", "UNSPECIFIED") else unit,
        windows=windows,
        step=0.0 if _is_exact(dataset) else 1.0 if windows else abs(slope),
        inverse=inverse,
        padding=padding,
    )
    return Stored(numbers, units)


def _rescaling(dataset: Dataset) -> tuple[float, float]:
    """Slope and intercept."""
    slope, intercept = (
        next(iter(read_numbers(dataset, keyword)), usual)
        for keyword, usual in (("RescaleSlope", 1.0), ("RescaleIntercept", 0.0))
    )
    return slope, intercept


def _apply_modality(dataset: Dataset, values: Values) -> Values:
    if table := _first_table(dataset, "ModalityLUTSequence", values, None):
        return table
    slope, intercept = _rescaling(dataset)
    if (slope, intercept) == (1, 0):
        return values
    # 16 bits fit float32 without loss.
    deep = np.float32 if values.numbers.itemsize <= 2 else np.float64
    with np.errstate(all="ignore"):
        numbers = values.numbers.astype(deep) * deep(slope) + deep(intercept)
    ends = sorted((values.low * slope + intercept, values.high * slope + intercept))
    return Values(numbers, *ends)


def _windows(dataset: Dataset, numbers: np.ndarray) -> Iterator[Values]:
    """The film through each window that makes sense: PS3.3 C.11.2.1.2 and C.11.2.1.3."""
    for middle, width in _read_windows(dataset):
        with np.errstate(all="ignore"):
            # Of float32 from the start: a film of 40 million pixels is copied several times.
            placed = (numbers.astype(np.float32) - np.float32(middle)) / np.float32(width)
            if read_text(dataset, "VOILUTFunction") == "SIGMOID":
                yield Values(1 / (1 + np.exp(-4 * placed)), 0.0, 1.0)
            else:
                yield Values(np.clip(placed + np.float32(0.5), 0, 1), 0.0, 1.0)


def _is_exact(dataset: Dataset) -> bool:
    """Whether a window's width is that from end to end, and not a count of whole values."""
    return read_text(dataset, "VOILUTFunction") in ("SIGMOID", "LINEAR_EXACT")


def _read_windows(dataset: Dataset) -> Iterator[tuple[float, float]]:
    """Middle and width of each window that makes sense, in the film's own values."""
    exact = _is_exact(dataset)
    centres, widths = (read_numbers(dataset, f"Window{end}") for end in ("Center", "Width"))
    for centre, width in zip(centres, widths, strict=False):
        if exact and width > 0:
            yield centre, max(width, 1e-6)
        elif not exact and width >= 1:
            yield centre - 0.5, max(width - 1, 1e-6)


def _named_windows(dataset: Dataset) -> Iterator[tuple[str, float, float]]:
    """As `Units.windows`."""
    names = (read_text(dataset, "WindowCenterWidthExplanation") or "").split("\\")
    for place, (middle, width) in enumerate(islice(_read_windows(dataset), MOST)):
        name = names[place].strip() if place < len(names) else ""
        yield name, middle - width / 2, middle + width / 2


def _first_table(
    dataset: Dataset, keyword: str, values: Values, film: np.ndarray | None
) -> Values | None:
    """The film through the first lookup table of a sequence; None where there is no usable one."""
    little = dataset.file_meta.TransferSyntaxUID.is_little_endian
    for item in _items(dataset, keyword):
        if table := _read_table(item, signed=values.low < 0, little=little):
            return table(values.numbers, film)
    return None


def _items(dataset: Dataset, keyword: str) -> list[Dataset]:
    try:
        return list(dataset[keyword].value or ())
    except (KeyError, TypeError, ValueError):
        return []


def _read_table(
    item: Dataset, *, signed: bool, little: bool
) -> Callable[[np.ndarray, np.ndarray | None], Values] | None:
    """A lookup table, PS3.3 C.11.1.1: what maps numbers by it.

    Its data may be shorter than its descriptor says, and entries of 8 bits may lie two in a word,
    as the standard has it, or one in each.
    """
    descriptor = read_numbers(item, "LUTDescriptor")
    if len(descriptor) != 3:
        return None
    count, first, bits = (int(number) for number in descriptor)
    count = count % (1 << 16) or 1 << 16
    first = first - (1 << 16) if signed and first >= 1 << 15 else first
    entries = _entries(item.get("LUTData"), count, packed=bits <= 8, little=little)
    if not 1 <= bits <= 16 or len(entries) == 0:
        return None
    top = max((1 << bits) - 1, int(entries.max()))

    def look_up(numbers: np.ndarray, film: np.ndarray | None) -> Values:
        places = np.rint(numbers).astype(np.int32) - first
        if len(entries) < count:
            beyond = (places >= len(entries)) & (True if film is None else film)
            if beyond.mean() > BEYOND:
                raise UnreadableUpload(
                    "The DICOM file's table of greys is cut off; send or export it again."
                )
        np.clip(places, 0, len(entries) - 1, out=places)
        return Values(entries[places], 0.0, float(top))

    return look_up


def _entries(data: object, count: int, *, packed: bool, little: bool) -> np.ndarray:
    """LUT data, bytes or numbers -> at most `count` uint16."""
    order = "<u2" if little else ">u2"
    if data is None or data == b"":
        return np.empty(0, np.uint16)
    if not isinstance(data, bytes):
        numbers = np.atleast_1d(np.asarray(data)).astype(np.int64) & 0xFFFF
        data = numbers.astype(order).tobytes()
    if packed and len(data) <= count + 1:
        return np.frombuffer(data, np.uint8)[:count].astype(np.uint16)
    return np.frombuffer(data[: len(data) // 2 * 2], order)[:count].astype(np.uint16)
