"""A real server on a free port of this machine, as `make app` starts it."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil
from prometheus_client.parser import text_string_to_metric_families

from tests.places import ROOT


@dataclass(frozen=True)
class Server:
    """A running server.

    Args:
        process: That was started; the server is it or its descendant.
    """

    address: str
    process: subprocess.Popen[bytes]

    def memory(self) -> float:
        """MB held by the server and its children; pages they share are counted once (PSS)."""
        return sum(self._of_each(lambda process: process.memory_full_info().pss)) / 2**20

    def cpu_seconds(self) -> float:
        """Seconds of work of the server and of its living children so far."""
        return sum(self._of_each(lambda process: sum(process.cpu_times()[:2])))

    def processes(self) -> list[psutil.Process]:
        """The server and all its descendants."""
        parent = psutil.Process(self.process.pid)
        return [parent, *parent.children(recursive=True)]

    def _of_each(self, measure: Callable[[psutil.Process], float]) -> Iterator[float]:
        for process in self.processes():
            with suppress(psutil.NoSuchProcess):  # a decoder that has ended since
                yield measure(process)


@dataclass(frozen=True)
class Servers:
    """Several behind one address."""

    address: str
    each: tuple[Server, ...]

    def memory(self) -> float:
        """MB of all; pages that they share are counted once."""
        return sum(server.memory() for server in self.each)

    def cpu_seconds(self) -> float:
        """Seconds of work of all."""
        return sum(server.cpu_seconds() for server in self.each)


@contextmanager
def serve(
    *options: str,
    under: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    log: IO[bytes] | None = None,
    script: Path | None = None,
) -> Iterator[Server]:
    """Start the app, wait until it answers, and stop it in the end.

    Args:
        options: More of them for `streamlit run`.
        under: A command that starts the server's, such as strace.
        environment: Variables on top of this process's own.
        log: Where its standard output and error go; nowhere if not given.
        script: What it serves at the app's settings, in place of the app.
    """
    port = str(free_port())
    command = [sys.executable, "run_app.py"]
    if script:
        command = [sys.executable, "-m", "streamlit", "run", str(script)]
    process = subprocess.Popen(
        [*under, *command, "--server.port", port, *options],
        cwd=ROOT,  # the settings are read from there
        env=os.environ | dict(environment or {}),
        stdout=log or subprocess.DEVNULL,
        stderr=subprocess.STDOUT if log else subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        wait_for_answer(f"{address}/_stcore/health", process)
        yield Server(address, process)
    finally:
        process.terminate()
        process.wait(60)


def free_port() -> int:
    """A port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def read_metrics(port: int) -> dict[str, float]:
    """What a server that was given CXR_METRICS_PORT has counted, by name and labels."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        families = text_string_to_metric_families(answer.read().decode())
        return {
            " ".join([sample.name, *sample.labels.values()]): sample.value
            for family in families
            for sample in family.samples
        }


def wait_for_answer(url: str, process: subprocess.Popen[bytes]) -> None:
    """Until the process that was started answers there.

    Raises:
        ChildProcessError: It has ended.
        TimeoutError: It does not answer in two minutes.
    """
    for _ in range(1200):
        try:
            with urllib.request.urlopen(url):
                return
        except OSError:
            if process.poll() is not None:
                raise ChildProcessError(f"the server ended with {process.returncode}") from None
            time.sleep(0.1)
    raise TimeoutError(f"{url} does not answer")
