"""Files from outside -> films, each decoded in a process of its own kind: `sandbox_worker`.

A decoder fed a hostile file may ask for gigabytes, run for minutes or crash. There it is ended, at
the limits of `limits`, and takes nothing with it but the one file.
"""

import contextlib
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import PositiveInt, TypeAdapter

from cxrapp.errors import UnreadableUpload
from cxrapp.films.decode import read_upload
from cxrapp.films.limits import MAX_DECODE_BYTES, MAX_DECODE_SECONDS, MAX_PIXELS, check_bytes
from cxrapp.films.radiograph import Radiograph, Rejection
from cxrapp.films.sandbox_worker import ASKED, LENGTH

DECODERS = 2  # at once; the network is slower than one of them

ROOT = Path(__file__).parents[2]
_ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS")}


def read_untrusted(name: str, data: bytes, side: int = 0) -> Iterator[Radiograph | Rejection]:
    """As `radiograph.read_upload`, with memory and time bounded whatever the bytes are.

    Args:
        name, data: See there.
        side: Of the network's input, for those who need no more of a film: its pixels are then
            (side, side), as `Preprocessing.to_input` shapes them. 0 is the whole film.
    """
    return read_upload(name, data, read_film=partial(_read_film, side=side))


def provide_decoders(count: int) -> None:
    """Have at least so many at once, for a program that reads many films and does nothing else."""
    for _ in range(len(_decoders), count):
        _decoders.append(Decoder())
        _free.put(_decoders[-1])


def start_decoders() -> None:
    """Begin the processes, so that the first films need not wait half a second for theirs."""
    # One that cannot be begun now is tried again when there is a film for it.
    with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
        for _ in _decoders:
            stack.enter_context(_decoder()).start()


def _read_film(name: str, data: bytes, side: int) -> Radiograph | Rejection:
    try:
        check_bytes(data)  # so that no more than this is ever sent
    except UnreadableUpload as error:
        return Rejection(name, str(error))
    with _decoder() as decoder:
        return decoder.read(name, data, side)


class Decoder:
    """One child process, begun when it is first needed and again after it was ended."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> subprocess.Popen[bytes]:
        """Begin the process unless there is one, and do not wait for it."""
        self._process = self._process or _start()
        return self._process

    def read(self, name: str, data: bytes, side: int = 0) -> Radiograph | Rejection:
        """The film of one file, or why there is none; see `read_untrusted`."""
        if self._process and self._process.poll() is not None:
            self.close()
        process = self.start()
        late = threading.Event()

        def end() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(MAX_DECODE_SECONDS, end)
        timer.start()
        try:
            _send(process, data, side)
            return _receive(process, name)
        except (OSError, EOFError, ValueError):
            self.close()
            if late.is_set():
                reason = f"Decoding it took more than {MAX_DECODE_SECONDS} s and was stopped."
            else:
                reason = "Decoding it failed beyond repair: the file is damaged."
            return Rejection(name, reason)
        finally:
            timer.cancel()

    def close(self) -> None:
        """End the process."""
        if self._process:
            self._process.kill()
            self._process.communicate()  # closes the pipes and waits
            self._process = None


_ANSWER, _SHAPE = TypeAdapter(dict[str, Any]), TypeAdapter(tuple[PositiveInt, PositiveInt])
_FILM, _REJECTION = TypeAdapter(Radiograph), TypeAdapter(Rejection)
_decoders: list[Decoder] = []
_free: queue.LifoQueue[Decoder] = queue.LifoQueue()  # the last used is warm
provide_decoders(DECODERS)


@contextlib.contextmanager
def _decoder() -> Iterator[Decoder]:
    decoder = _free.get()
    try:
        yield decoder
    finally:
        _free.put(decoder)


def _start() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "cxrapp.films.sandbox_worker", str(MAX_DECODE_BYTES)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # decoders quote tags, and no name may reach a log
        process_group=0,  # Ctrl-C is for this program: a film at work is no damaged film
        cwd=ROOT,
        env=os.environ | _ONE_THREAD,
    )


def _send(process: subprocess.Popen[bytes], data: bytes, side: int) -> None:
    process.stdin.write(ASKED.pack(side, len(data)))
    process.stdin.write(data)
    process.stdin.flush()


def _receive(process: subprocess.Popen[bytes], name: str) -> Radiograph | Rejection:
    # What a decoder claims is as untrusted as the file it reads: ValueError if it cannot be so.
    head = _read(process, LENGTH.unpack(_read(process, LENGTH.size))[0])
    answer = _ANSWER.validate_json(head) | {"name": name}
    if "reason" in answer:
        return _REJECTION.validate_python(answer)
    height, width = _SHAPE.validate_python(answer.pop("shape", None))
    pixels = _read_array(process, (height, width), np.float32)
    if not np.isfinite(pixels).all():
        raise ValueError("pixels that are no numbers")
    if depth := answer.pop("depth", None):
        numbers = _read_array(process, (height, width), np.uint8 if depth == 8 else np.uint16)
        answer["stored"] = {"numbers": numbers, "units": answer.pop("units", None)}
    return _FILM.validate_python(answer | {"pixels": pixels})


def _read_array(process: subprocess.Popen[bytes], shape: tuple[int, int], kind: type) -> np.ndarray:
    count = shape[0] * shape[1] * np.dtype(kind).itemsize
    return np.frombuffer(_read(process, count), kind).reshape(shape)


def _read(process: subprocess.Popen[bytes], count: int) -> bytes:
    data = process.stdout.read(min(count, 4 * MAX_PIXELS))
    if len(data) < count:
        raise EOFError
    return data
