"""The quick part of the load measurement: a few readers on a real server, nothing timed."""

from contextlib import AbstractContextManager
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from websockets.exceptions import InvalidMessage

from tests.load import client, measure
from tests.load.films import (
    Films,
    Scores,
    largest_difference,
    make_films,
    read_films,
    screen_by_command,
)
from tests.load.measure import (
    MOVES,
    SAMPLE,
    STORM,
    TOLERANCE,
    growth,
    run_traffic,
    storm,
    watch_memory,
)
from tests.load.reader import Reader
from tests.load.server import Server
from tests.load.websocket import WebSocket
from tests.places import SAMPLE_FOLDER

READERS = ("reader-1", "reader-2", "reader-3")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("readers")
    make_films(SAMPLE_FOLDER, folder, len(READERS), each=2)
    return folder


@pytest.fixture(scope="module")
def expected(folder: Path) -> dict[str, Scores]:
    return screen_by_command(folder)


@pytest.fixture(scope="module")
def films(folder: Path) -> dict[str, Films]:
    return {name: read_films(folder / name) for name in READERS}


def test_every_reader_has_other_scores(expected: dict[str, Scores]) -> None:
    """Without this a mixed-up result could not be told from the right one."""
    for one, other in combinations(READERS, 2):
        assert largest_difference(expected[one], expected[other]) > 10 * TOLERANCE


def test_every_reader_sees_and_exports_the_scores_of_the_command_line(
    live_server: Server,
    films: dict[str, Films],
    expected: dict[str, Scores],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(measure, "THINK", 0.1)  # readers in a hurry, ten times those of the report
    with watch_memory(live_server) as samples:
        traffic = run_traffic(live_server.address, films, expected, seconds=0)
    assert traffic.errors == []
    assert traffic.sessions == len(traffic.differences) == len(READERS)
    assert max(traffic.differences) <= TOLERANCE
    assert len(traffic.slider) == MOVES * len(READERS)
    assert max(memory for _, memory in samples) > 0


@pytest.mark.parametrize("closed", [1, client.KNOCKS])
def test_a_connection_closed_unanswered_is_opened_again_and_counted(
    closed: int, live_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers, really = iter(range(closed)), client.open_socket

    def open_socket(*arguments: Any) -> AbstractContextManager[WebSocket]:
        if next(answers, None) is not None:
            raise InvalidMessage("did not receive a valid HTTP response")
        return really(*arguments)

    monkeypatch.setattr(client, "open_socket", open_socket)
    reader = Reader(live_server.address)
    if closed == client.KNOCKS:
        with pytest.raises(InvalidMessage), reader:
            pass
    else:
        with reader:
            assert reader.page.elements("file_uploader")
    assert reader.unanswered == closed


def test_a_dragged_slider_does_not_queue_up(live_server: Server, films: dict[str, Films]) -> None:
    with Reader(live_server.address) as reader:
        reader.screen(films[READERS[0]])
        figures = storm(reader)
    assert 1 <= figures["runs"] < STORM / 2
    assert reader.page.errors == []


@pytest.mark.parametrize("slope", [0.0, 1.5])
def test_the_interval_of_growth_holds_it_although_memory_follows_itself(slope: float) -> None:
    """A hundred half hours of a memory that forgets in half a minute.

    An interval that took samples for independent would miss 75 of them.
    """
    rng = np.random.default_rng(0)
    minutes = np.arange(0, 30, SAMPLE / 60)
    kept = np.exp(-SAMPLE / 30)
    held = 0
    for _ in range(100):
        memory = [20 * rng.normal()]
        for shock in 20 * np.sqrt(1 - kept**2) * rng.normal(size=len(minutes) - 1):
            memory.append(kept * memory[-1] + shock)
        found = growth(list(zip(minutes, slope * minutes + memory, strict=True)))
        held += found["low"] <= slope <= found["high"]
    assert held >= 85
