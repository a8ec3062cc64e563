"""What the program counts while it runs, for Prometheus. No film, patient or reader is in it."""

from prometheus_client import Counter, Gauge, Histogram, start_http_server

from cxrapp.runtime.network_queue import NETWORK

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


def serve(port: int) -> None:
    """Answer on 127.0.0.1 and nowhere else, at /metrics.

    Raises:
        OSError: The port is taken.
    """
    start_http_server(port, addr="127.0.0.1")
