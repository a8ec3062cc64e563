import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxrapp.films.decode import read_upload
from cxrapp.films.limits import MAX_FILE_BYTES
from cxrapp.films.radiograph import Radiograph, Rejection
from cxrapp.films.sandbox import read_untrusted
from tests.films.dicom_maker import read, reason
from tests.hostile.specimen import encode
from tests.places import SAMPLES
from train.lungs.phone import photograph

SAMPLE = SAMPLES[0]
GREY = Image.open(SAMPLE).convert("L").resize((160, 120))


def read_one(data: bytes, name: str = "film.png") -> Radiograph | Rejection:
    (item,) = read_upload(name, data)
    return item


def pixels(data: bytes) -> np.ndarray:
    return read(data).pixels


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "P"])
def test_every_colour_mode_gives_the_grey_film(mode: str) -> None:
    expected = np.asarray(GREY) / 255
    np.testing.assert_allclose(pixels(encode(GREY.convert(mode))), expected, atol=0.01)


def test_jpeg_and_cmyk_jpeg_are_read() -> None:
    expected = np.asarray(GREY) / 255
    for image in (GREY, GREY.convert("RGB").convert("CMYK")):
        got = pixels(encode(image, "JPEG", quality=95))
        assert np.abs(got - expected).mean() < 0.02


@pytest.mark.parametrize("path", SAMPLES)
def test_a_film_is_not_in_colour_whatever_it_was_saved_as(path: Path) -> None:
    film = Image.open(path)
    for image in (film, film.convert("RGB"), film.convert("RGBA"), film.convert("P")):
        assert not read_one(encode(image)).in_colour
    assert not read_one(encode(film.convert("RGB"), "JPEG", quality=30)).in_colour
    marked = film.convert("RGB")
    width, height = marked.size
    marked.paste((255, 220, 0), (0, 0, width // 3, height // 3))  # a label in colour
    assert not read_one(encode(marked)).in_colour


def test_a_photograph_of_a_film_is_in_colour() -> None:
    generator = np.random.default_rng(0)
    film = np.asarray(GREY, np.float32) / 255
    seen = [read_one(photograph(film, generator).file) for _ in range(40)]
    assert sum(photo.in_colour for photo in seen) >= 36  # a neutral light has no cast
    (sandboxed,) = read_untrusted("photo.jpg", photograph(film, np.random.default_rng(0)).file, 64)
    assert sandboxed.in_colour
    assert not read_one(photograph(film, generator, colour=False).file).in_colour


def test_pixels_are_float32_in_unit_range_with_black_zero() -> None:
    got = pixels(encode(GREY))
    assert got.dtype == np.float32
    assert got.shape == (120, 160)
    assert got.min() >= 0 and got.max() <= 1


@pytest.mark.parametrize("depth", [8, 10, 12, 16])
def test_deep_grey_is_scaled_by_the_depth_in_use(depth: int) -> None:
    ramp = np.linspace(0, 2**depth - 1, 100 * 80).reshape(100, 80).astype(np.uint16)
    got = pixels(encode(Image.fromarray(ramp)))
    np.testing.assert_allclose(got, ramp / (2**depth - 1), atol=1e-6)


def test_transparent_areas_are_black() -> None:
    image = GREY.convert("RGBA")
    image.putalpha(Image.new("L", GREY.size, 0))
    image.putpixel((0, 0), (255, 255, 255, 255))
    got = pixels(encode(image))
    assert got[0, 0] == 1 and got[1:].max() == 0


def test_exif_orientation_turns_the_film_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # stored turned by 90 degrees
    got = pixels(encode(GREY.transpose(Image.Transpose.ROTATE_90), "JPEG", exif=exif, quality=95))
    assert got.shape == (120, 160)
    assert np.abs(got - np.asarray(GREY) / 255).mean() < 0.02


def test_bytes_decide_and_not_the_name() -> None:
    assert isinstance(read_one(encode(GREY), "film.dcm"), Radiograph)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"some text", "not a DICOM, JPEG or PNG"),
        (b"%PDF-1.7 ...", "PDF document"),
        (b"GIF89a" + bytes(50), "GIF picture"),
        (bytes(128) + b"DICM" + bytes(50), "DICOM"),
        (encode(GREY)[:4000], "cut off or damaged"),
        (encode(GREY, "JPEG")[:1500], "cut off or damaged"),
        (encode(Image.new("L", (200, 200), 7)), "blank"),
        (encode(Image.new("L", (1, 1))), "only 1 x 1 pixels"),
        (encode(Image.new("L", (2_000, 30))), "only 2000 x 30 pixels"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_file_that_is_no_film_says_why(data: bytes, words: str) -> None:
    assert words in reason(data)


@pytest.mark.parametrize(
    ("side", "words"), [(7_000, "7,000 x 7,000"), (12_000, "40,000,000"), (20_000, "40,000,000")]
)
def test_a_film_with_too_many_pixels_says_so(side: int, words: str) -> None:
    assert f"{words} pixels" in reason(encode(Image.new("1", (side, side))))


def test_a_file_that_is_too_large_says_so() -> None:
    assert "larger than 50 MB" in reason(bytes(MAX_FILE_BYTES + 1))


def make_zip(**entries: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in entries.items():
            archive.writestr(name.replace("__", "/"), data)
    return buffer.getvalue()


def test_zip_gives_its_films_and_names_its_faults() -> None:
    data = make_zip(good=encode(GREY), bad=b"text", sub__deep=encode(GREY))
    items = list(read_upload("a.zip", data))
    assert [type(item) for item in items] == [Radiograph, Rejection, Radiograph]
    assert [item.name for item in items] == ["a.zip/good", "a.zip/bad", "a.zip/sub/deep"]


def test_damaged_entry_and_empty_and_damaged_archives_say_so() -> None:
    data = bytearray(make_zip(first=encode(GREY), second=encode(GREY)))
    data[200:260] = bytes(60)
    first, second = read_upload("a.zip", bytes(data))
    assert isinstance(first, Rejection) and "damaged" in first.reason
    assert isinstance(second, Radiograph)
    assert "empty" in reason(make_zip())
    assert "ZIP archive is damaged" in reason(b"PK\x03\x04" + bytes(100))


def test_encrypted_entry_says_so() -> None:
    data = bytearray(make_zip(film=encode(GREY)))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    assert "encrypted" in reason(bytes(data))


def test_zip_inside_a_zip_is_not_opened() -> None:
    assert "ZIP archive inside another" in reason(make_zip(inner=make_zip(film=encode(GREY))))


def test_a_strip_is_no_film_however_few_its_pixels() -> None:
    assert "20,000 on a side" in reason(encode(GREY.resize((64, 20_001))))
    assert pixels(encode(GREY.resize((64, 20_000)))).shape == (20_000, 64)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\0\0\0\x18ftypheic" + bytes(50), "a HEIC picture"),
        (b"RIFF\x24\0\0\0WEBPVP8 " + bytes(50), "a WEBP picture"),
        (b"\0\0\0\x18ftypavif" + bytes(50), "an AVIF picture"),
    ],
)
def test_other_pictures_are_named_with_what_to_ask_for(data: bytes, words: str) -> None:
    assert words in reason(data) and "ask for the DICOM file" in reason(data)


def test_a_part_of_a_split_archive_is_named() -> None:
    whole = make_zip(good=encode(GREY))
    assert "split" in reason(b"PK\x07\x08" + whole[:2000])
    end = whole.rindex(b"PK\x05\x06")
    last = whole[1000:end] + whole[end : end + 4] + b"\x02\0\x02\0" + whole[end + 8 :]
    assert "split" in reason(last)
    (film,) = read_upload("a.zip", whole)
    assert isinstance(film, Radiograph)


def test_an_archives_clutter_and_names_of_other_systems() -> None:
    buffer = io.BytesIO()
    clutter = ("a/._x.png", "Thumbs.db", "a/desktop.ini", "__MACOSX/._good", "sub/.DS_Store")
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in (*clutter, "B?r.png", "K?ln/x.png"):
            archive.writestr(name, encode(GREY))
    # An old program writes names in its own letters, and no flag that says so.
    data = buffer.getvalue().replace(b"B?r", b"B\xe4r").replace(b"K?ln", b"K\xf6ln")
    assert [item.name for item in read_upload("a.zip", data)] == [
        "a.zip/Bär.png",
        "a.zip/Köln/x.png",
    ]
    assert all(isinstance(item, Radiograph) for item in read_upload("a.zip", data))
