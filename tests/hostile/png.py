"""PNG files that are not what they say, or cost more than they weigh; how to build them."""

import struct
import zlib
from collections.abc import Iterator
from functools import cache

import numpy as np

from tests.hostile.specimen import FILM, Specimen, encode

WIDTH, HEIGHT = FILM.size
SIGNATURE = b"\x89PNG\r\n\x1a\n"
PNG = encode(FILM)
LARGEST = 6_320  # pixels a side; its square is just within the limit


def chunk(kind: bytes, data: bytes, *, length: int | None = None, crc: int | None = None) -> bytes:
    """One chunk of a PNG, whose length and checksum may lie."""
    length = len(data) if length is None else length
    crc = zlib.crc32(kind + data) if crc is None else crc
    return struct.pack(">I", length) + kind + data + struct.pack(">I", crc)


def header(
    width: int = WIDTH, height: int = HEIGHT, depth: int = 8, colour: int = 0, interlace: int = 0
) -> bytes:
    """The first chunk of a PNG."""
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace))


@cache
def zeros(count: int) -> bytes:
    """That many zero bytes, deflated a thousandfold without ever being in memory."""
    packer = zlib.compressobj(9)
    parts = [packer.compress(bytes(min(2**20, count - at))) for at in range(0, count, 2**20)]
    return b"".join([*parts, packer.flush()])


ROWS = zlib.compress(b"".join(b"\0" + row.tobytes() for row in np.asarray(FILM)))
IDAT, END = chunk(b"IDAT", ROWS), chunk(b"IEND", b"")


def png(*chunks: bytes, head: bytes | None = None, data: bytes = IDAT, tail: bytes = END) -> bytes:
    """The film as a PNG with more or other chunks."""
    return SIGNATURE + (head or header()) + b"".join(chunks) + data + tail


def bombs() -> Iterator[Specimen]:
    """Small files that unpack to hundreds of megabytes."""
    text = zeros(200 * 2**20)
    for name, bomb in (
        ("zTXt", chunk(b"zTXt", b"Comment\0\0" + text)),
        ("iTXt", chunk(b"iTXt", b"Comment\0\1\0\0\0" + text)),
        ("iCCP", chunk(b"iCCP", b"icc\0\0" + text)),
        ("many zTXt", 200 * chunk(b"zTXt", b"Comment\0\0" + zeros(2**20 - 9))),
        ("long tEXt", chunk(b"tEXt", b"Comment\0" + bytes(20 * 2**20))),
        ("long eXIf", chunk(b"eXIf", b"MM\0*" + bytes(20 * 2**20))),
        ("long unknown", chunk(b"xxXx", bytes(20 * 2**20))),
        ("many chunks", 50_000 * chunk(b"tEXt", b"a\0b")),
    ):
        yield Specimen("picture bomb", f"{name}.png", png(bomb))
    more = chunk(b"IDAT", zeros(200 * 2**20))
    yield Specimen("picture bomb", "IDAT of 200 MB.png", png(data=more))
    for name, depth, colour, bits in (("black and white", 1, 0, 1), ("deep RGBA", 16, 6, 64)):
        rows = zeros(LARGEST * (LARGEST * bits // 8 + 1))
        data = png(head=header(LARGEST, LARGEST, depth, colour), data=chunk(b"IDAT", rows))
        yield Specimen("picture bomb", f"the largest {name}.png", data, "blank")


def headers() -> Iterator[Specimen]:
    """Parts that are missing, lie, or stand in the wrong place."""
    control = chunk(b"acTL", struct.pack(">II", 1000, 0))
    frame = struct.pack(">IIIIIHHBB", 0, 30_000, 30_000, 9, 9, 1, 1, 0, 0)
    palette = chunk(b"PLTE", bytes(range(9)))
    for name, data in {
        "wrong checksum of header": png(head=header()[:-1] + b"x"),
        "wrong checksum of data": png(data=chunk(b"IDAT", ROWS, crc=1)),
        "no data": png(data=b""),
        "no end": png(tail=b""),
        "two headers": png(header(64, 64)),
        "header last": SIGNATURE + IDAT + header() + END,
        "data not deflated": png(data=chunk(b"IDAT", bytes(5000))),
        "data in bytes": png(data=b"".join(chunk(b"IDAT", ROWS[i : i + 1]) for i in range(9000))),
        "lying length": png(data=chunk(b"IDAT", ROWS, length=2**31 - 1)),
        "negative length": png(data=chunk(b"IDAT", ROWS, length=2**32 - 1)),
        "chunk without letters": png(chunk(b"\0\1\2\3", b"x")),
        "unknown critical chunk": png(chunk(b"EVIL", b"x")),
        "colour type 7": png(head=header(colour=7)),
        "depth 3": png(head=header(depth=3)),
        "depth 16 with data of 8": png(head=header(depth=16)),
        "interlaced head only": png(head=header(interlace=1)),
        "interlace 9": png(head=header(interlace=9)),
        "palette missing": png(head=header(colour=3)),
        "palette too short": png(palette, head=header(colour=3)),
        "palette of odd length": png(chunk(b"PLTE", b"ab"), head=header(colour=3)),
        "empty transparency": png(chunk(b"tRNS", b"")),
        "long transparency": png(palette, chunk(b"tRNS", bytes(999)), head=header(colour=3)),
        "short gamma": png(chunk(b"gAMA", b"\1")),
        "short physical size": png(chunk(b"pHYs", b"\1")),
        "no resolution": png(chunk(b"pHYs", struct.pack(">IIB", 0, 0, 1))),
        "broken profile": png(chunk(b"iCCP", b"icc\0\0broken")),
        "broken exif": png(chunk(b"eXIf", b"MM\0*\0\0\0\x08\xff\xff")),
        "animation without frames": png(control),
        "animation of huge frames": png(control, chunk(b"fcTL", frame)),
        "animation data first": png(control, chunk(b"fdAT", struct.pack(">I", 0) + ROWS)),
        "text after the end": png(tail=END + b"<script>alert(1)</script>"),
    }.items():
        yield Specimen("picture header", f"{name}.png", data)
