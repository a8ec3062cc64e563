"""What readers who have gone leave behind, by Python's account of its objects and by malloc's.

python -m tests.load.kept --sessions 40 [--by heap]

The memory of a process also grows by what lies free in pieces; this counts what is in use.
"""

import argparse
import itertools
import tempfile
import time
from pathlib import Path

from tests.load import measure
from tests.load.films import add_data_option, make_films, read_films, screen_by_command
from tests.load.measure import Traffic, use
from tests.load.reader import Reader
from tests.load.server import free_port, read_metrics, serve
from tests.places import ROOT

FIRST = 20  # sessions until every cache holds what it will hold
READERS = 4  # in turn, each with films of its own
KEPT = 5  # seconds that the server waits for a reader to come back
SWEPT = 20  # seconds until the server has let go of them
HURRIED = 0.02  # seconds between two moves of the slider


def main() -> None:
    """Print a line of every round of sessions."""
    options = _parse_options()
    measure.THINK = HURRIED
    with tempfile.TemporaryDirectory() as folder:
        make_films(options.data, Path(folder), READERS, each=4)
        expected = screen_by_command(Path(folder))
        films = {name: read_films(Path(folder) / name) for name in expected}
    port = free_port()
    environment = {"CXR_METRICS_PORT": str(port), "PYTHONPATH": str(ROOT)}
    if options.by == "objects":  # not else, as its own notes lie in the heap
        environment["PYTHONTRACEMALLOC"] = "1"
    names, traffic = itertools.cycle(films), Traffic()

    def bytes_after(sessions: int) -> float:
        for name in itertools.islice(names, sessions):
            with Reader(server.address) as reader:
                use(reader, films[name], expected[name], traffic)
        time.sleep(SWEPT)
        with Reader(server.address):
            pass  # Streamlit lets go of sessions that timed out when another reader leaves
        time.sleep(SWEPT)
        return read_metrics(port)[f"held_{options.by}_bytes"]

    script = Path(__file__).with_name("traced_app.py")
    patience = ("--server.disconnectedSessionTTL", str(KEPT))
    with serve(*patience, environment=environment, script=script) as server:
        held = bytes_after(FIRST)
        for _ in range(options.rounds):
            before, held = held, bytes_after(options.sessions)
            gained = (held - before) / options.sessions
            print(f"{options.sessions} sessions: {gained:+.0f} bytes a session", flush=True)
    print(f"{traffic.wrong} sessions with a wrong score, errors: {traffic.errors}")


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.load.kept", description=__doc__)
    parser.add_argument("--sessions", type=int, default=40, help="of a round")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--by", choices=("objects", "heap"), default="objects")
    add_data_option(parser)
    return parser.parse_args()


if __name__ == "__main__":
    main()
