import gc
import io
import os
import sys
import threading
import time
import weakref
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxrapp.films.decode import read_upload
from cxrapp.films.radiograph import Radiograph
from cxrapp.model.bundle import Bundle, load_bundle
from cxrapp.model.predict import predict, screen
from cxrapp.runtime.network_queue import NETWORK
from cxrapp.session import quota, scoring
from cxrapp.session.worklist import Worklist
from tests.model.small_bundle import put, script, stored
from tests.places import SAMPLES


@cache
def shrunk(path: Path) -> bytes:
    """A sample small enough to be packed in a moment."""
    buffer = io.BytesIO()
    Image.open(path).resize((240, 200)).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def uploads(*paths: Path) -> list[tuple[str, bytes]]:
    return [(path.name, shrunk(path)) for path in paths]


@pytest.fixture(scope="module")
def films() -> list[Radiograph]:
    return [film for name, data in uploads(*SAMPLES) for film in read_upload(name, data)]


@pytest.fixture(scope="module")
def bundle(light: Bundle) -> Bundle:
    return light


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return load_bundle(put(tmp_path_factory.mktemp("other"), stored(script(seed=1))))


@pytest.fixture
def scored(bundle: Bundle) -> Worklist:
    worklist = Worklist()
    worklist.add(bundle, uploads(*SAMPLES[:2]))
    worklist.wait()
    return worklist


def test_films_score_as_from_the_file(
    scored: Worklist, bundle: Bundle, films: list[Radiograph]
) -> None:
    for film, expected in zip(scored.films.values(), predict(bundle, films[:2]), strict=True):
        result = scored.result(film, bundle)
        np.testing.assert_allclose(result.prediction.logits, expected.logits, atol=1e-4)
    assert scored.progress is None


def test_an_archive_counts_its_files_and_a_broken_one_is_named(bundle: Bundle) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("ward/one.jpeg", shrunk(SAMPLES[0]))
        archive.writestr("ward/notes.txt", "no film")
    worklist = Worklist()
    worklist.add(bundle, [("night.zip", buffer.getvalue())])
    assert worklist.progress.total == 2
    worklist.wait()
    assert [film.name for film in worklist.films.values()] == ["night.zip/ward/one.jpeg"]
    assert [rejection.name for rejection in worklist.rejections] == ["night.zip/ward/notes.txt"]


def test_another_bundle_is_asked_about_the_same_films(
    scored: Worklist, bundle: Bundle, other: Bundle
) -> None:
    assert scored.scored(other) == []
    scored.request(other)
    scored.wait()
    assert len(scored.scored(other)) == len(scored.scored(bundle)) == 2
    film = next(iter(scored.films.values()))
    assert scored.result(film, other) is not scored.result(film, bundle)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Every film waits until the test lets it pass."""
    gate = threading.Event()
    real = scoring.screen

    def screen(bundle: Bundle, items: object) -> object:
        for item in items:
            gate.wait(20)
            yield from real(bundle, [item])

    monkeypatch.setattr(scoring, "screen", screen)
    return gate


def test_stop_gives_up_what_is_left(slow: threading.Event, bundle: Bundle) -> None:
    worklist = Worklist()
    worklist.add(bundle, uploads(*SAMPLES))
    assert worklist.progress.seconds_left is None
    worklist.stop()
    worklist.stop()  # as an impatient reader does
    slow.set()
    worklist.wait()
    assert not worklist.films
    assert worklist.progress is None
    assert worklist.given_up == len(SAMPLES)
    worklist.clear()
    assert worklist.given_up == 0


def test_a_film_is_asked_about_once_and_again_only_on_demand(
    slow: threading.Event, bundle: Bundle, other: Bundle
) -> None:
    worklist = Worklist()
    slow.set()
    worklist.add(bundle, uploads(*SAMPLES[:2]))
    worklist.wait()
    slow.clear()
    worklist.request(other)
    worklist.request(other)  # as every drawing of the page does
    assert worklist.progress.total == 2
    worklist.stop()
    slow.set()
    worklist.wait()
    worklist.request(other)
    assert worklist.progress is None
    worklist.request(other, again=True)
    worklist.wait()
    assert len(worklist.scored(other)) == 2


def test_a_cleared_worklist_has_forgotten_everything(scored: Worklist, bundle: Bundle) -> None:
    scored.clear()
    assert not scored.films
    assert scored.scored(bundle) == []


def test_more_films_than_fit_are_named(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quota, "MAX_FILMS", 1)
    worklist = Worklist()
    worklist.add(bundle, uploads(*SAMPLES[:2]))
    worklist.wait()
    assert len(worklist.films) == 1
    assert worklist.rejections[0].name == SAMPLES[1].name
    assert "holds 1 films" in worklist.rejections[0].reason


def test_all_readers_together_have_a_limit(
    bundle: Bundle, scored: Worklist, monkeypatch: pytest.MonkeyPatch
) -> None:
    gc.collect()  # worklists of other tests
    held = sum(room.bytes for room in quota._all)
    assert held >= scored._room.bytes > 0
    monkeypatch.setattr(quota, "MAX_SERVER_BYTES", held)
    other = Worklist()
    other.add(bundle, uploads(SAMPLES[2]))
    other.wait()
    assert "taken by other readers" in other.rejections[0].reason
    scored.clear()
    other.add(bundle, uploads(SAMPLES[2]))
    other.wait()
    assert len(other.films) == 1


def test_a_worklist_let_go_ends_its_work(slow: threading.Event, bundle: Bundle) -> None:
    worklist = Worklist()
    worklist.add(bundle, uploads(*SAMPLES))
    reference, worker = weakref.ref(worklist), worklist.scoring._worker
    time.sleep(0.2)
    del worklist
    gc.collect()
    assert reference() is None
    slow.set()
    worker.join(20)
    assert not worker.is_alive()


def test_a_fault_while_scoring_names_the_films_and_spares_the_next(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(bundle: Bundle, items: object) -> None:
        raise MemoryError

    worklist = Worklist()
    with monkeypatch.context() as patch:
        patch.setattr(scoring, "screen", fail)
        worklist.add(bundle, [*uploads(SAMPLES[0]), ("words.txt", b"words")])
        worklist.wait()
    assert {rejection.name for rejection in worklist.rejections} == {SAMPLES[0].name, "words.txt"}
    assert "MemoryError" in caplog.text
    assert SAMPLES[0].name not in caplog.text
    worklist.add(bundle, uploads(SAMPLES[0]))
    worklist.wait()
    assert len(worklist.films) == 1


def test_progress_tells_the_place_in_the_queue(bundle: Bundle) -> None:
    worklist = Worklist()
    with NETWORK.turn():
        worklist.add(bundle, uploads(SAMPLES[0]))
        while not worklist.progress.ahead:
            time.sleep(0.01)
        assert worklist.progress.ahead == 1
    worklist.wait()
    assert len(worklist.films) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="only on Linux has a thread its own niceness")
def test_who_scores_steps_back_for_who_draws(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def look(*arguments: object) -> Iterator[object]:
        seen.append(os.getpriority(os.PRIO_PROCESS, 0))  # 0 is the thread that asks
        return screen(*arguments)

    monkeypatch.setattr(scoring, "screen", look)
    before, worklist = os.getpriority(os.PRIO_PROCESS, 0), Worklist()
    worklist.add(bundle, uploads(SAMPLES[0]))
    worklist.wait()
    assert seen == [min(before + scoring.NICENESS, 19)]
    assert os.getpriority(os.PRIO_PROCESS, 0) == before
