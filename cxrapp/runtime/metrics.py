"""What the program counts while it runs, for Prometheus. No film, patient or reader is in it."""

import json
import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

from prometheus_client import Counter, Gauge, Histogram, make_wsgi_app
from prometheus_client.exposition import ThreadingWSGIServer

from cxrapp.runtime.network_queue import NETWORK

PORT = "CXR_METRICS_PORT"  # of the environment

FILMS = Counter("cxrapp_films", "Films scored, by what the gate said of them", ["gate"])
FILES_REJECTED = Counter("cxrapp_files_rejected", "Files that could not be screened")
PASS_SECONDS = Histogram(
    "cxrapp_network_pass_seconds",
    "One pass of the network, without the wait before it",
    buckets=(0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10),
)
WORKLISTS = Gauge("cxrapp_worklists", "Worklists in memory: one or two a session")
Gauge("cxrapp_network_queue", "Sessions that wait for the network or use it").set_function(
    lambda: len(NETWORK)
)
ARCHIVE_FILMS = Counter(
    "cxrapp_archive_films",
    "Films of the archive: seen, and then screened, refused or failed",
    ["what"],
)
ARCHIVE_WAITING = Gauge("cxrapp_archive_waiting", "Studies of the archive not done yet")
ARCHIVE_SECONDS = Histogram(
    "cxrapp_archive_report_seconds",
    "From when the watcher first saw a film to its report in the archive",
    buckets=(1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 10800),
)
ARCHIVE_AWAY = Gauge("cxrapp_archive_away", "1 while the archive does not answer us, else 0")

_archive = {"archive": "not asked"}


def note_archive(reason: str = "") -> None:
    """Whether the archive answered when it was last asked.

    Args:
        reason: Why not.
    """
    global _archive
    ARCHIVE_AWAY.set(bool(reason))
    if not reason:
        _archive = {"archive": "here"}
    elif _archive["archive"] != "away":
        since = datetime.now(UTC).isoformat(timespec="seconds")
        _archive = {"archive": "away", "since": since, "reason": reason}


def serve(port: int) -> None:
    """Answer on 127.0.0.1 and nowhere else: /metrics, and /health with status 503 in need.

    Raises:
        OSError: The port is taken.
    """
    server = make_server("127.0.0.1", port, _answer, ThreadingWSGIServer, _Quiet)
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()


_metrics = make_wsgi_app()


def _answer(environment: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    if environment["PATH_INFO"] != "/health":
        return _metrics(environment, start)
    away = _archive["archive"] == "away"
    status = "503 Service Unavailable" if away else "200 OK"
    start(status, [("Content-Type", "application/json")])
    return [json.dumps(_archive).encode()]


class _Quiet(WSGIRequestHandler):
    def log_message(self, *words: object) -> None:
        """Nobody needs a line for every scrape."""
