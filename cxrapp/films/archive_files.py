"""ZIP archives of films, opened in the parent: nothing is unpacked that was not counted first."""

import io
import zipfile
from collections.abc import Callable, Iterator

from cxrapp.errors import UnreadableUpload
from cxrapp.films.limits import MAX_FILE_BYTES, MAX_ZIP_BYTES, MAX_ZIP_ENTRIES
from cxrapp.films.radiograph import Radiograph, Rejection

ZIP_ENTRY = b"PK\x01\x02"  # begins each entry of an archive's directory


def is_archive(data: bytes) -> bool:
    """Whether bytes begin as a ZIP archive does, one with entries or an empty one."""
    return data[:4] in (b"PK\x03\x04", b"PK\x05\x06")


def read_archive(
    name: str, data: bytes, read_film: Callable[[str, bytes], Radiograph | Rejection]
) -> Iterator[Radiograph | Rejection]:
    """The films of an archive, one after the other, each named after both.

    Args:
        name, data: Of the archive.
        read_film: What decodes one of its files.
    """
    try:
        archive, entries = _open_zip(data)
    except UnreadableUpload as error:
        yield Rejection(name, str(error))
        return
    for entry in entries:
        path = f"{name}/{entry.filename}"
        try:
            unpacked = _unpack(archive, entry)
        except UnreadableUpload as error:
            yield Rejection(path, str(error))
        else:
            yield read_film(path, unpacked)


def count_entries(data: bytes) -> int:
    """How many files an upload holds: 1, or the entries of a ZIP archive as its directory says."""
    if data[:4] != b"PK\x03\x04":
        return 1
    try:
        return len(_open_zip(data)[1])
    except UnreadableUpload:
        return 1


def _open_zip(data: bytes) -> tuple[zipfile.ZipFile, list[zipfile.ZipInfo]]:
    """An archive and its files, folders and system clutter left out.

    Raises:
        UnreadableUpload: It is damaged, empty or holds too much.
    """
    too_much = (
        f"The ZIP archive holds more than {MAX_ZIP_ENTRIES:,} files or "
        f"{MAX_ZIP_BYTES // 2**30} GB; split it."
    )
    # The directory is read as a whole: a million entries would take half a gigabyte.
    if data.count(ZIP_ENTRY) > 4 * MAX_ZIP_ENTRIES:  # a film may have clutter and a folder
        raise UnreadableUpload(too_much)
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except Exception:  # zipfile lets struct and Unicode errors through
        raise UnreadableUpload("The ZIP archive is damaged.") from None
    # Not by is_dir, which fails on an entry without a name.
    files = [e for e in archive.infolist() if not e.filename.endswith("/")]
    entries = [e for e in files if not _is_clutter(e.filename)]
    if len(entries) > MAX_ZIP_ENTRIES or sum(e.file_size for e in entries) > MAX_ZIP_BYTES:
        raise UnreadableUpload(too_much)
    if not entries:
        raise UnreadableUpload("The ZIP archive is empty.")
    return archive, entries


def _is_clutter(path: str) -> bool:
    """macOS adds a shadow file to every entry of a ZIP; nobody means to screen those."""
    return path.startswith("__MACOSX/") or path.rsplit("/", 1)[-1] in (".DS_Store", "Thumbs.db")


def _unpack(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """The bytes of one file of an archive; of a file that is too large, enough to show it."""
    if entry.flag_bits & 0x1:
        raise UnreadableUpload("The archive is encrypted; unpack it with its password first.")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        # Other methods may ask for gigabytes before the first byte is out.
        raise UnreadableUpload("The archive is packed in an unusual way; zip it anew.")
    try:
        with archive.open(entry) as file:
            # The size in the directory can lie, so the read itself is bounded.
            return file.read(MAX_FILE_BYTES + 1)
    except Exception:  # zipfile lets zlib, struct and key errors through, and quotes names
        raise UnreadableUpload("This entry of the ZIP archive is damaged.") from None
