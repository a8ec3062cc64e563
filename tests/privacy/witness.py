"""What a server and its children do to files and to the network.

Two witnesses tell the same story. Python's own audit events are there on every machine; strace,
where it is installed, sees below Python, into libraries written in C.
"""

import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

AUDITED = Path(__file__).parent / "audited"


@dataclass(frozen=True)
class Deed:
    """One thing that was done.

    Args:
        kind: "write" (a file opened for writing, made or renamed), "connect" or "look up".
        what: The file, the address or the name.
    """

    kind: str
    what: str


@dataclass(frozen=True)
class Witness:
    """How to start a server so that it is watched, and how to read what was seen.

    Args:
        under: Command that starts the server's.
        environment: Variables for the server.
    """

    read: Callable[[], set[Deed]]
    under: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)


def by_audit(log: Path) -> Witness:
    """Python's audit events of the process and of its Python children."""
    log.touch()

    def read() -> set[Deed]:
        return {Deed(*line.split("\t", 1)) for line in log.read_text().splitlines()}

    return Witness(read, environment={"PYTHONPATH": str(AUDITED), "WITNESS": str(log)})


def by_strace(log: Path) -> Witness | None:
    """System calls of the process and of all its children; None where strace cannot trace."""
    strace = ["strace", "-f", "-o", str(log)]
    if not shutil.which("strace") or subprocess.run([*strace, "true"], check=False).returncode:
        return None
    # The tracer is a grandchild (-D), so that the server itself gets the signals meant for it.
    calls = "trace=open,openat,openat2,creat,connect,sendto,mkdir,rename,renameat,renameat2"
    traced = (*strace, "-D", "-s", "4096", "-e", calls, "--seccomp-bpf")
    return Witness(lambda: _parse(log.read_text(errors="replace")), under=traced)


_PATH = r'"((?:[^"\\]|\\.)*)"'
_WRITE = re.compile(rf" open(?:at2?)?\((?:\w+, )?{_PATH}, [^)]*O_(?:WRONLY|RDWR|CREAT|TMPFILE)")
_MAKE = re.compile(rf" (?:creat|mkdir|rename(?:at2?)?)\(.*{_PATH}")
_CONNECT = re.compile(r"sa_family=AF_INET6?,.*?(?:inet_addr\(|AF_INET6, )\"([^\"]+)\"")


def _parse(log: str) -> set[Deed]:
    deeds = set()
    for line in log.splitlines():
        if " = -1 E" in line and "connect(" not in line and "sendto(" not in line:
            continue  # a file that could not be opened was not written
        if found := _WRITE.search(line) or _MAKE.search(line):
            deeds.add(Deed("write", found[1]))
        elif found := _CONNECT.search(line):
            deeds.add(Deed("connect", found[1]))
            if "htons(53)" in line:
                deeds.add(Deed("look up", found[1]))
    return deeds
