"""JPEG and PNG files that are not what they say, or cost more than they weigh."""

import struct
import zlib
from collections.abc import Iterator

import numpy as np
from PIL import Image, PngImagePlugin

from tests.hostile.png import HEIGHT, PNG, WIDTH, bombs, chunk, header, headers, png, zeros
from tests.hostile.specimen import FILM, SAMPLES, Specimen, encode, flip, splice, truncate

JPEG = encode(FILM, "JPEG", quality=90)
DEEP = encode(Image.fromarray(np.asarray(FILM, np.uint16) * 257))


def jpeg_of_size(width: int, height: int) -> bytes:
    """A small JPEG whose header claims another size."""
    at = JPEG.index(b"\xff\xc0")
    return JPEG[: at + 5] + struct.pack(">HH", height, width) + JPEG[at + 9 :]


def pictures() -> Iterator[Specimen]:
    """All of them."""
    real = SAMPLES[-1].read_bytes()
    for stem, suffix, data in (
        ("film", "jpeg", JPEG),
        ("sample", "jpeg", real),
        ("progressive", "jpg", encode(FILM, "JPEG", progressive=True)),
        ("film", "png", PNG),
        ("deep", "png", DEEP),
    ):
        for harm in (truncate, flip, splice):
            yield from harm(f"{stem}-{suffix}", suffix, data)
    yield from _sizes()
    yield from bombs()
    yield from headers()
    yield from _jpeg_headers()
    yield from _modes()
    yield from _misnamed()


def _sizes() -> Iterator[Specimen]:
    for name, data, reason in (
        ("empty.png", b"", "empty"),
        ("one byte.jpeg", b"\xff", "not a DICOM"),
        ("1x1.png", encode(Image.new("L", (1, 1))), "only 1 x 1"),
        ("1x1.jpeg", encode(Image.new("L", (1, 1)), "JPEG"), "only 1 x 1"),
        ("a line.png", encode(Image.new("1", (60_000, 1))), "on a side"),
        ("constant.png", encode(Image.new("L", (99, 99), 7)), "blank"),
        ("constant deep.png", encode(Image.new("I;16", (99, 99), 700)), "blank"),
        ("constant.jpeg", encode(Image.new("L", (99, 99), 7), "JPEG"), "blank"),
        ("30000x30000.jpeg", jpeg_of_size(30_000, 30_000), "more than 40,000,000"),
        ("65535x65535.jpeg", jpeg_of_size(65_535, 65_535), "more than 40,000,000"),
        ("7000x7000.jpeg", jpeg_of_size(7_000, 7_000), "7,000 x 7,000"),
        ("6000x6000.jpeg", jpeg_of_size(6_000, 6_000), ""),
        ("no height.jpeg", jpeg_of_size(214, 0), "not a DICOM"),
        ("no width.jpeg", jpeg_of_size(0, 157), "not a DICOM"),
        ("long side.jpeg", jpeg_of_size(65_000, 600), ""),
        ("over 50 MB.png", PNG + bytes(50 * 2**20), "larger than 50 MB"),
    ):
        yield Specimen("size", name, data, reason)
    for side in (8_000, 9_000, 12_000, 20_000, 30_000):
        data = png(head=header(side, side, 1), data=chunk(b"IDAT", zeros(side * (side // 8 + 1))))
        yield Specimen("size", f"{side}x{side}.png", data, "pixels")
    for side in (0, 2**31 - 1, 2**31, 2**32 - 1):
        yield Specimen("size", f"{side} wide.png", png(head=header(side, 157)))
        yield Specimen("size", f"{side} high.png", png(head=header(214, side)))


def _jpeg_headers() -> Iterator[Specimen]:
    segment = b"%b" + struct.pack(">H", 65_535) + bytes(65_533)
    exif = Image.Exif()
    for name, data in {
        "profile of 16 MB": JPEG[:2] + 255 * (segment % b"\xff\xe2") + JPEG[2:],
        "exif of 16 MB": JPEG[:2] + 255 * (segment % b"\xff\xe1") + JPEG[2:],
        "comments of 16 MB": JPEG[:2] + 255 * (segment % b"\xff\xfe") + JPEG[2:],
        "fill bytes of 1 MB": JPEG[:2] + b"\xff" * 2**20 + JPEG[2:],
        "two starts": JPEG[:2] + JPEG,
        "no tables": JPEG.replace(b"\xff\xdb", b"\xff\xfe"),
        "no codes": JPEG.replace(b"\xff\xc4", b"\xff\xfe"),
        "no scan": JPEG[: JPEG.index(b"\xff\xda")],
        "no end": JPEG[:-2],
        "arithmetic": JPEG.replace(b"\xff\xc0", b"\xff\xc9"),
        "lossless": JPEG.replace(b"\xff\xc0", b"\xff\xc3"),
        "hierarchical": JPEG.replace(b"\xff\xc0", b"\xff\xc5"),
        "12 bit": JPEG.replace(b"\xff\xc0\x00\x0b\x08", b"\xff\xc0\x00\x0b\x0c"),
        "no components": JPEG.replace(b"\xff\xc0\x00\x0b", b"\xff\xc0\x00\x08"),
        "scan repeated": _repeat_scan(encode(FILM, "JPEG", progressive=True), 200),
        "several pictures": encode(FILM, "MPO", save_all=True, append_images=[FILM, FILM]),
    }.items():
        yield Specimen("picture header", f"{name}.jpeg", data)
    for turn in (0, 5, 8, 9, 255, 65_535):
        exif[0x0112] = turn
        data = encode(FILM, "JPEG", exif=exif)
        yield Specimen("picture header", f"turned {turn}.jpeg", data, film=True)
    loop = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x87\x69\0\x04\0\0\0\x01\0\0\0\x08\0\0\0\x08"
    yield Specimen(
        "picture header", "exif that ends in itself.jpeg", encode(FILM, "JPEG", exif=loop)
    )


def _repeat_scan(data: bytes, count: int) -> bytes:
    """Refine the same coefficients again and again: every scan costs a pass over the picture."""
    start = data.index(b"\xff\xda")
    following = data.index(b"\xff\xda", start + 2)
    return data[:following] + count * data[start:following] + data[following:]


def _modes() -> Iterator[Specimen]:
    """Unusual, and films all the same."""
    colour = FILM.convert("RGB")
    info = PngImagePlugin.PngInfo()
    info.add_text("Patient", "<script>alert(1)</script>")
    frames = {"save_all": True, "append_images": [FILM.rotate(90)], "default_image": True}
    for name, data in {
        "cmyk.jpeg": encode(colour.convert("CMYK"), "JPEG"),
        "ycbcr.jpeg": encode(colour.convert("YCbCr"), "JPEG"),
        "progressive colour.jpeg": encode(colour, "JPEG", progressive=True),
        "restarts.jpeg": encode(FILM, "JPEG", restart_marker_blocks=1),
        "quality 1.jpeg": encode(FILM, "JPEG", quality=1),
        "two levels.png": encode(FILM.convert("1")),
        "palette.png": encode(colour.quantize(17)),
        "palette of two.png": encode(colour.quantize(2)),
        "grey with alpha.png": encode(FILM.convert("LA")),
        "colour with alpha.png": encode(colour.convert("RGBA")),
        "transparent palette.png": encode(colour.quantize(9), transparency=3),
        "transparent grey.png": encode(FILM, transparency=0),
        "transparent deep grey.png": png(chunk(b"tRNS", b"\0\7")),
        "16 bit.png": DEEP,
        "animated.png": encode(FILM, **frames),
        "commented.png": encode(FILM, pnginfo=info),
        "two colours short of blank.png": png(data=chunk(b"IDAT", _almost_blank())),
        "trailing bytes.jpeg": JPEG + b"\0" * 9999,
        "followed by an archive.jpeg": JPEG + b"PK\x05\x06" + bytes(18),
    }.items():
        yield Specimen("picture mode", name, data, film=True)


def _almost_blank() -> bytes:
    return zlib.compress(bytes((WIDTH + 1) * HEIGHT - 1) + b"\1")


def _misnamed() -> Iterator[Specimen]:
    for name, data in {
        "a jpeg.dcm": JPEG,
        "a jpeg.png": JPEG,
        "a jpeg.zip": JPEG,
        "a jpeg": JPEG,
        "a png.jpeg": PNG,
        "a png.exe": PNG,
        "a png.csv": PNG,
        "a png.html": PNG,
    }.items():
        yield Specimen("wrong extension", name, data, film=True)
    for name, data, reason in (
        ("a text.dcm", b"no film", "not a DICOM"),
        ("a text.zip", b"no film", "not a DICOM"),
        ("a page.jpeg", b"<html><script>alert(1)</script></html>", "HTML"),
        ("a drawing.png", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "HTML"),
        ("a document.dcm", b"%PDF-1.7\n" + bytes(200), "PDF"),
        ("a program.jpeg", b"MZ" + bytes(500), "not a DICOM"),
        ("a script.png", b"#!/bin/sh\nrm -rf /\n", "not a DICOM"),
        ("a pickle.dcm", b"\x80\x04\x95\x1b\0\0\0\0\0\0\0cos\nsystem\n", "not a DICOM"),
        ("zeros.dcm", bytes(5000), "not a DICOM"),
        ("a gzip.dcm", b"\x1f\x8b\x08" + bytes(99), "gzip"),
        *((f"a {kind}.jpeg", encode(FILM, kind), kind) for kind in ("GIF", "BMP", "TIFF")),
        *((f"a {kind}.jpeg", encode(FILM, kind), "") for kind in ("WEBP", "PPM", "ICO")),
        *((f"a {kind}.png", encode(FILM, kind), "not a DICOM") for kind in ("TGA", "JPEG2000")),
    ):
        yield Specimen("wrong extension", name, data, reason)
