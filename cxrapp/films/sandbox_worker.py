"""The child process of `sandbox`: python -m cxrapp.films.sandbox_worker MAX_BYTES

Reads files from standard input and writes films to standard output, in plain bytes and JSON: what
comes out of a decoder that a file has taken over must not be able to run anything.

A file is a side in pixels, its length and its bytes; where the side is not 0, the film is answered
as a network of that side sees it. The answer is the length of a JSON object and the object: either
{"reason": why there is no film} or the fields of the film with {"shape": [height, width]}, followed
by height * width float32. With {"depth": 8 or 16, "units": ...} as many numbers of so many bits
come after them: the film as stored.
"""

import json
import struct
import sys
from dataclasses import asdict, replace
from typing import BinaryIO

import numpy as np

from cxrapp.films.decode import read_film
from cxrapp.films.preprocess import Preprocessing
from cxrapp.films.radiograph import Radiograph, Rejection

ASKED = struct.Struct("<IQ")  # side, length
LENGTH = struct.Struct("<Q")


def main(max_bytes: int) -> None:
    """Decode until the input ends.

    Args:
        max_bytes: Of address space, this program itself included.
    """
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # a library that prints must not garble the answer
    _limit(max_bytes)
    while head := source.read(ASKED.size):
        side, length = ASKED.unpack(head)
        _answer(sink, source.read(length), side)


def _limit(max_bytes: int) -> None:
    """Bound memory, and take away files, processes and crash dumps, which may hold a film."""
    try:
        import resource
    except ImportError:  # Windows: the time limit alone holds there
        return
    import gdcm  # noqa: F401  loaded while files can still be mapped

    bounds = {"AS": max_bytes, "CORE": 0, "FSIZE": 0, "NPROC": 0}
    for name, bound in bounds.items():
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (bound, bound))


def _answer(sink: BinaryIO, data: bytes, side: int) -> None:
    film = read_film("", data)
    if side and isinstance(film, Radiograph):
        seen = Preprocessing(side).to_input(film.pixels)[0]
        film = replace(film, pixels=seen, full_shape=film.pixels.shape, stored=None)
    if isinstance(film, Rejection):
        answer, arrays = {"reason": film.reason}, []
    else:
        arrays = [np.ascontiguousarray(film.pixels, np.float32)]
        answer = {"tags": asdict(film.tags), "shape": film.pixels.shape}
        answer |= {"full_shape": film.full_shape, "stretched_from": film.stretched_from}
        answer["in_colour"] = film.in_colour
        if film.stored:
            arrays.append(np.ascontiguousarray(film.stored.numbers))
            answer |= {"depth": 8 * arrays[1].itemsize, "units": asdict(film.stored.units)}
    head = json.dumps(answer).encode()
    sink.write(LENGTH.pack(len(head)) + head)
    for array in arrays:
        sink.write(array)
    sink.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]))
