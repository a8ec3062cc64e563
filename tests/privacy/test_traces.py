"""What a session leaves behind: nothing of what was uploaded, and no word to anybody outside."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

import pytest

from cxrapp.words import NOT_A_DIAGNOSIS
from tests.load.reader import Reader
from tests.load.server import free_port, serve
from tests.privacy.films import IDENTIFIERS, make_uploads
from tests.privacy.witness import Deed, by_audit, by_strace
from tests.report.cases import everything, squeezed

# What a server may open for writing: nothing here can hold what was uploaded.
ALLOWED = (
    r"/dev/null",
    r"/dev/shm/sem\.\w+",  # a semaphore of multiprocessing: a counter
    r"HOME/\.(cache|config)",
    r"HOME/\.(cache|config)/matplotlib(/fontlist-.*)?",  # the fonts of the machine
    r"TMPDIR/[a-z0-9_]{8}",  # tempfile's trial whether the folder can be written, "blat"
    r"TMPDIR/torchinductor_\w+",  # a folder that torch makes when imported, and leaves empty
    r"AUDIT(\..*)?",  # the audit file, where one is named; read below
    r"WITNESS",  # what a witness writes down itself
)


@dataclass(frozen=True)
class Session:
    """All that is known of a session when it is over."""

    seen: dict[str, set[Deed]]  # by each witness
    folder: Path  # with its home, its temporary files and its audit file
    log: bytes
    exports: dict[str, bytes]
    cut: bool  # whether the page says of a file that it is damaged

    @property
    def deeds(self) -> set[Deed]:
        """What any of them saw."""
        return set().union(*self.seen.values())

    def name(self, path: str) -> str:
        """The path as `ALLOWED` names it."""
        for word in ("HOME", "TMPDIR", "AUDIT", "WITNESS"):
            path = path.replace(str(self.folder / word), word)
        return path


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    folder = tmp_path_factory.mktemp("watched")
    audit, strace = by_audit(folder / "WITNESS"), by_strace(folder / "calls")
    for word in ("HOME", "TMPDIR"):
        (folder / word).mkdir()
    environment = {word: str(folder / word) for word in ("HOME", "TMPDIR")} | {
        "PYTHONDONTWRITEBYTECODE": "1",
        # Torch, imported by an earlier test, has named a folder of its own for children.
        "TORCHINDUCTOR_CACHE_DIR": str(folder / "TMPDIR/torchinductor_cache"),
        "CXR_AUDIT": str(folder / "AUDIT"),
        "CXR_METRICS_PORT": str(free_port()),
    }
    with (
        (folder / "log").open("wb") as log,
        serve(
            under=strace.under if strace else (),
            environment=environment | audit.environment,
            log=log,
        ) as server,
        Reader(server.address) as reader,
    ):
        reader.screen(make_uploads(), results=1)
        reader.tune(0.3)
        cut = any("damaged" in text.body for text in reader.page.elements("markdown"))
        buttons = [button.label for button in reader.page.elements("download_button")]
        exports = {label: reader.download(label) for label in buttons}
        assert reader.page.errors == []
    seen = {"audit": audit.read()} | ({"strace": strace.read()} if strace else {})
    yield Session(seen, folder, (folder / "log").read_bytes(), exports, cut)


@pytest.mark.parametrize("witness", ["audit", "strace"])
def test_a_witness_was_there(session: Session, witness: str) -> None:
    """Without this and the next the tests below could pass because nothing happened."""
    if witness not in session.seen:
        pytest.skip("strace is not installed or not permitted here")
    assert Deed("write", "/dev/null") in session.seen[witness]


def test_the_session_was_a_whole_one(session: Session) -> None:
    assert session.cut
    assert len(session.exports) >= 5
    assert (session.folder / "AUDIT").stat().st_size


def test_no_upload_is_written_to_disk(session: Session) -> None:
    written = {session.name(deed.what) for deed in session.deeds if deed.kind == "write"}
    assert {path for path in written if not any(re.fullmatch(p, path) for p in ALLOWED)} == set()


def test_nothing_is_left_in_home_and_temporary_folders(session: Session) -> None:
    left = [
        path.read_bytes()
        for word in ("HOME", "TMPDIR")
        for path in (session.folder / word).rglob("*")
        if path.is_file()
    ]
    assert not any(word.encode() in data for word in IDENTIFIERS for data in left)
    assert sum(map(len, left)) < 2**20


@pytest.mark.parametrize("word", IDENTIFIERS)
def test_no_identifier_is_logged_or_audited(session: Session, word: str) -> None:
    assert word.encode() not in session.log
    assert word.encode() not in (session.folder / "AUDIT").read_bytes()


def test_no_identifier_is_exported_unasked(session: Session) -> None:
    texts = {label: everything(data) for label, data in session.exports.items()}
    for label, text in texts.items():
        assert not [word for word in IDENTIFIERS if squeezed(word) in text], label
    pages = [texts[label] for label, data in session.exports.items() if data[:4] == b"%PDF"]
    assert pages and all(squeezed(NOT_A_DIAGNOSIS) in page for page in pages)  # they are searched


def test_nobody_is_called_and_no_name_is_looked_up(session: Session) -> None:
    called = {deed.what for deed in session.deeds if deed.kind != "write"}
    assert {name for name in called if not _is_own(name)} == set()


def _is_own(name: str) -> bool:
    """Whether this is the machine itself: an address of the loopback, or a local socket."""
    if name.startswith("unix:") or name in ("None", "localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False
