"""ZIP archives of films, opened in the parent: nothing is unpacked that was not counted first."""

import io
import struct
import zipfile
from collections.abc import Callable, Iterator

from cxrapp.errors import UnreadableUpload
from cxrapp.films.limits import MAX_FILE_BYTES, MAX_ZIP_BYTES, MAX_ZIP_ENTRIES
from cxrapp.films.names import decode_text, is_clutter
from cxrapp.films.radiograph import Radiograph, Rejection

ZIP_ENTRY = b"PK\x01\x02"  # begins each entry of an archive's directory
ZIP_END = b"PK\x05\x06"  # begins what stands behind the directory
ZIP_SPLIT = (b"PK\x07\x08", b"PK00")  # one that is, or might have been, split in several
UTF8_NAME = 0x800  # flag of an entry
END_BYTES = 22 + 2**16  # at most: the end with its comment
SPLIT = "This is one part of a ZIP archive that was split; zip the films in one piece."


def is_archive(data: bytes) -> bool:
    """Whether bytes begin as a ZIP archive does, or end as the last part of a split one."""
    begins = data[4:8] if data[:4] in ZIP_SPLIT else data[:4]
    return begins in (b"PK\x03\x04", ZIP_END) or _is_part(data)


def _is_part(data: bytes) -> bool:
    """Whether an archive's end says that it began in another file."""
    end = data.rfind(ZIP_END, max(0, len(data) - END_BYTES))
    if end < 0 or len(data) < end + 22:
        return data[:4] in ZIP_SPLIT and data[4:8] == b"PK\x03\x04"
    disk, *_ = struct.unpack("<HHHHIIH", data[end + 4 : end + 22])
    comment = int.from_bytes(data[end + 20 : end + 22], "little")
    return 0 < disk < 0xFFFF and end + 22 + comment == len(data)


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


def entry_names(name: str, data: bytes) -> list[str]:
    """What the files of an upload will be called: its own name, or those of a ZIP archive's."""
    if not is_archive(data):
        return [name]
    try:
        return [f"{name}/{entry.filename}" for entry in _open_zip(data)[1]]
    except UnreadableUpload:
        return [name]


def _open_zip(data: bytes) -> tuple[zipfile.ZipFile, list[zipfile.ZipInfo]]:
    """An archive and its files, folders and system clutter left out.

    Raises:
        UnreadableUpload: It is damaged, empty or holds too much.
    """
    too_much = (
        f"The ZIP archive holds more than {MAX_ZIP_ENTRIES:,} files or "
        f"{MAX_ZIP_BYTES // 2**30} GB; split it."
    )
    if _is_part(data):
        raise UnreadableUpload(SPLIT)
    # The directory is read as a whole: a million entries would take half a gigabyte.
    if data.count(ZIP_ENTRY) > 4 * MAX_ZIP_ENTRIES:  # a film may have clutter and a folder
        raise UnreadableUpload(too_much)
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except Exception:  # zipfile lets struct and Unicode errors through
        raise UnreadableUpload("The ZIP archive is damaged.") from None
    # Not by is_dir, which fails on an entry without a name.
    files = [e for e in archive.infolist() if not e.filename.endswith("/")]
    _decode_names(files)
    entries = [e for e in files if not is_clutter(e.filename)]
    if len(entries) > MAX_ZIP_ENTRIES or sum(e.file_size for e in entries) > MAX_ZIP_BYTES:
        raise UnreadableUpload(too_much)
    if not entries:
        raise UnreadableUpload("The ZIP archive is empty.")
    return archive, entries


def _decode_names(entries: list[zipfile.ZipInfo]) -> None:
    """Names that do not say their encoding, for which zipfile takes that of the first PC.

    What is read by is the name as it stands in the file, `orig_filename`.
    """
    old = [entry for entry in entries if not entry.flag_bits & UTF8_NAME]
    names = "\n".join(entry.filename for entry in old)
    if names.isascii():
        return
    for entry, name in zip(
        old, decode_text(names.encode("cp437"), "cp437").split("\n"), strict=True
    ):
        entry.filename = name


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
