import json
import logging
import socket

import pytest

from cxrapp.model.bundle import Bundle
from cxrapp.runtime.logs import JsonLines
from cxrapp.runtime.metrics import PORT, serve
from cxrapp.server.startup import start_service
from cxrapp.session.worklist import Worklist
from tests.load.server import free_port, read_metrics
from tests.places import SAMPLES


def test_metrics_count_films_passes_and_files_that_were_none(bundle: Bundle) -> None:
    port = free_port()
    serve(port)
    before = read_metrics(port)
    worklist = Worklist()
    worklist.add(bundle, [(SAMPLES[0].name, SAMPLES[0].read_bytes()), ("words.txt", b"words")])
    worklist.wait()
    after = read_metrics(port)
    gained = {name: after[name] - before.get(name, 0) for name in after}
    gate = worklist.result(next(iter(worklist.films.values())), bundle).verdict.level
    assert gained[f"cxrapp_films_total {gate}"] == 1
    assert gained["cxrapp_files_rejected_total"] == 1
    assert gained["cxrapp_network_pass_seconds_count"] == 1
    assert gained["cxrapp_worklists"] == 1
    assert after["cxrapp_network_queue"] == 0
    del worklist
    assert read_metrics(port)["cxrapp_worklists"] == before["cxrapp_worklists"]


def test_a_port_that_is_taken_is_logged_and_nothing_stops(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        monkeypatch.setenv(PORT, str(taken.getsockname()[1]))
        start_service.clear()
        start_service()
    assert f"{PORT} is no free port" in caplog.text


def test_log_lines_are_json_and_an_exceptions_words_stay_out() -> None:
    logger = logging.getLogger("a.test")
    try:
        raise ValueError("DOE^JANE")
    except ValueError as error:
        record = logger.makeRecord(
            "a.test",
            logging.ERROR,
            "f",
            1,
            "it failed",
            (),
            (type(error), error, error.__traceback__),
            extra={"gate": "warn"},
        )
    entry = json.loads(JsonLines().format(record))
    assert entry["message"] == "it failed"
    assert entry["gate"] == "warn"
    assert entry["exception"] == "ValueError"
    assert "test_startup.py" in entry["at"][0]
    assert "DOE" not in json.dumps(entry)
