import io
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from queue import LifoQueue

import numpy as np
import pytest

import cxrapp.films.sandbox
from cxrapp.films.decode import read_film
from cxrapp.films.preprocess import Preprocessing
from cxrapp.films.radiograph import Radiograph, Rejection
from cxrapp.films.sandbox import Decoder, read_untrusted
from tests.films.dicom_maker import make
from tests.places import ROOT, SAMPLES

SAMPLE = SAMPLES[0].read_bytes()


@pytest.fixture(scope="module")
def large() -> bytes:
    """A film that takes its time and its memory."""
    return make(np.random.default_rng(0).integers(0, 4096, (5000, 5000), dtype=np.uint16))


@pytest.fixture
def decoder() -> Iterator[Decoder]:
    decoder = Decoder()
    yield decoder
    decoder.close()


def test_a_film_is_the_same_as_decoded_here(decoder: Decoder) -> None:
    pixels = np.arange(90 * 80, dtype=np.uint16).reshape(90, 80)
    named = make(pixels, PatientName="DOE^JANE", PatientAge="031Y", ViewPosition="AP")
    for name, data in (("a.jpeg", SAMPLE), ("b.dcm", named)):
        apart, here = decoder.read(name, data), read_film(name, data)
        np.testing.assert_array_equal(apart.pixels, here.pixels)
        np.testing.assert_array_equal(apart.stored.numbers, here.stored.numbers)
        assert apart.stored.units == here.stored.units
        left_out = {"pixels": 0, "stored": 0}
        assert vars(apart) | left_out == vars(here) | left_out
    assert decoder.read("a.txt", b"words") == read_film("a.txt", b"words")


def test_a_film_may_come_as_the_network_sees_it(decoder: Decoder) -> None:
    whole, seen = decoder.read("a.jpeg", SAMPLE), decoder.read("a.jpeg", SAMPLE, side=224)
    to_input = Preprocessing(224).to_input
    assert seen.pixels.shape == (224, 224)
    assert seen.full_shape == whole.pixels.shape
    np.testing.assert_array_equal(to_input(seen.pixels), to_input(whole.pixels))
    assert decoder.read("a.txt", b"words", side=224) == read_film("a.txt", b"words")


def test_a_file_that_takes_too_long_is_given_up(
    decoder: Decoder, large: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cxrapp.films.sandbox, "MAX_DECODE_SECONDS", 0.01)
    late = decoder.read("late.dcm", large)
    assert isinstance(late, Rejection)
    assert "more than 0.01 s" in late.reason
    monkeypatch.undo()
    assert isinstance(decoder.read("next.jpeg", SAMPLE), Radiograph)


def test_a_file_that_takes_too_much_memory_is_given_up(
    decoder: Decoder, large: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("resource", reason="this system has no memory limits")
    monkeypatch.setattr(cxrapp.films.sandbox, "MAX_DECODE_BYTES", 300 * 2**20)
    refused = decoder.read("large.dcm", large)
    assert isinstance(refused, Rejection)
    assert "memory" in refused.reason
    assert isinstance(decoder.read("next.jpeg", SAMPLE), Radiograph)


def test_decoders_may_start_before_they_are_asked() -> None:
    cxrapp.films.sandbox.start_decoders()
    free = list(cxrapp.films.sandbox._free.queue)
    assert len(free) == len(cxrapp.films.sandbox._decoders)
    assert all(decoder._process and decoder._process.poll() is None for decoder in free)


def test_a_program_that_only_reads_may_have_a_decoder_a_core(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cxrapp.films.sandbox, "_decoders", [Decoder()])
    monkeypatch.setattr(cxrapp.films.sandbox, "_free", LifoQueue())
    cxrapp.films.sandbox.provide_decoders(3)
    cxrapp.films.sandbox.provide_decoders(2)  # never fewer than there are
    assert cxrapp.films.sandbox._free.qsize() == 2


def test_decoders_that_cannot_start_yet_stop_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise OSError("no more processes")

    monkeypatch.setattr(cxrapp.films.sandbox, "_start", fail)
    for decoder in cxrapp.films.sandbox._free.queue:
        decoder.close()
    cxrapp.films.sandbox.start_decoders()
    assert cxrapp.films.sandbox._free.qsize() == len(cxrapp.films.sandbox._decoders)
    monkeypatch.undo()
    assert isinstance(next(read_untrusted("a.jpeg", SAMPLE)), Radiograph)


def test_a_decoder_that_died_costs_one_file_at_most(decoder: Decoder) -> None:
    decoder.read("a.jpeg", SAMPLE)
    decoder._process.kill()
    decoder._process.wait()
    assert isinstance(decoder.read("b.jpeg", SAMPLE), Radiograph)


LIES = [
    (b"{", b""),
    (b"[" * 9_000, b""),
    (b"\xff", b""),
    (b"[1]", b""),
    (b'{"reason": 3}', b""),
    (b'{"shape": [-1, 2]}', b""),
    (b'{"shape": "ab"}', b""),
    (b"{}", b""),
    (b'{"shape": [1, 1], "pixels": 3, "tags": {"age_years": "old"}}', bytes(4)),
    (b'{"shape": [1, 1], "tags": {"age": 3}}', bytes(4)),
    (b'{"shape": [1, 1], "tags": {"study": {"uid": 3}}}', bytes(4)),
    (b'{"shape": [1, 1], "tags": {"spacing_mm": [1]}}', bytes(4)),
    (b'{"shape": [1, 1], "stretched_from": "little"}', bytes(4)),
    (b'{"shape": [1, 1], "size": 3}', bytes(4)),
    (b'{"shape": [1, 1], "tags": {"patient": "DOE"}}', bytes(4)),
    (b'{"shape": [1, 1], "full_shape": [1]}', bytes(4)),
    (b'{"shape": [1, 1]}', np.float32(np.nan).tobytes()),
]


def test_a_decoder_that_lies_costs_one_file(
    decoder: Decoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = (
        "import sys, struct; source, sink = sys.stdin.buffer, sys.stdout.buffer;"
        "source.read(12); answer, pixels = map(bytes.fromhex, sys.argv[1:]);"
        "sink.write(struct.pack('<Q', len(answer)) + answer + pixels); sink.flush(); source.read()"
    )
    for answer, pixels in LIES:
        command = [sys.executable, "-c", program, answer.hex(), pixels.hex()]
        liar = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        monkeypatch.setattr(cxrapp.films.sandbox, "_start", [liar].pop)
        refused = decoder.read("a.jpeg", SAMPLE)
        assert isinstance(refused, Rejection), answer
        assert "damaged" in refused.reason, answer
        assert liar.returncode is not None, answer  # the next file has another decoder
    monkeypatch.undo()
    assert isinstance(decoder.read("b.jpeg", SAMPLE), Radiograph)


def test_a_decoder_can_write_no_file(tmp_path: Path) -> None:
    pytest.importorskip("resource", reason="this system has no such limits")
    program = (
        "import sys; from cxrapp.films.sandbox_worker import _limit; _limit(2**31);"
        "open(sys.argv[1], 'w', buffering=1).write('film\\n')"
    )
    path = tmp_path / "film"
    done = subprocess.run([sys.executable, "-c", program, str(path)], cwd=ROOT)
    assert done.returncode != 0
    assert not path.exists() or path.stat().st_size == 0


def test_archives_are_opened_here_and_their_films_apart() -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("film.jpeg", SAMPLE)
        file.writestr("words.txt", b"words")
    film, words = read_untrusted("a.zip", archive.getvalue())
    assert isinstance(film, Radiograph)
    assert isinstance(words, Rejection)
    assert cxrapp.films.sandbox._free.qsize() == len(cxrapp.films.sandbox._decoders)
