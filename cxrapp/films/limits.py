"""What uploads may cost, stated in one place and enforced before the step they guard."""

from cxrapp.errors import UnreadableUpload

MAX_FILE_BYTES = 50 * 2**20
MAX_PIXELS = 40_000_000  # the largest digital detectors have 4,300 x 4,300 = 18 million
MAX_SIDE = 20_000  # a whole spine, stitched, has 15,000
MIN_SIDE = 64  # pixels; below this there is no lung to read
MAX_DECODE_BYTES = 2 * 2**30  # of a decoder; a film of MAX_PIXELS with 16 bits needs 1.4 GB
MAX_DECODE_SECONDS = 20  # such a film takes 4
MAX_ZIP_ENTRIES = 5_000
MAX_ZIP_BYTES = 4 * 2**30  # unpacked, all entries together; one entry is held at a time
MAX_FILMS = 500  # of a session
MAX_SESSION_BYTES = 2**30  # of a session's films together, packed without loss
MAX_SERVER_BYTES = 4 * 2**30  # of the films of all sessions together


def check_bytes(data: bytes) -> None:
    """Raises UnreadableUpload for a file that is empty or too large."""
    if not data:
        raise UnreadableUpload("The file is empty.")
    if len(data) > MAX_FILE_BYTES:
        raise UnreadableUpload(f"The file is larger than {MAX_FILE_BYTES // 2**20} MB.")


def check_shape(width: int, height: int) -> None:
    """Raises UnreadableUpload for a picture with too many or too few pixels."""
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        raise UnreadableUpload(
            f"The picture is {width:,} x {height:,} pixels; at most {MAX_PIXELS:,} and "
            f"{MAX_SIDE:,} on a side are read."
        )
    if min(width, height) < MIN_SIDE:
        raise UnreadableUpload(
            f"The picture is only {width} x {height} pixels; a film needs at least {MIN_SIDE} "
            "on each side."
        )
