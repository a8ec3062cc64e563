"""Measure a real server under many readers at once; see docs/reliability.md.

python -m tests.load --clients 20 --minutes 30 --json out.json
"""

import argparse
import json
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from streamlit import config

from tests.load.films import add_data_option, make_films, read_films, screen_by_command
from tests.load.measure import (
    STORM,
    TIMES,
    Traffic,
    growth,
    leave_work_behind,
    run_traffic,
    storm,
    summarise,
    use,
    watch_memory,
)
from tests.load.reader import Reader
from tests.load.replicas import balance
from tests.load.server import Servers, serve

ABANDONED = 100  # films of the reader who leaves
SWEEP = 10  # seconds more than a session is kept, until it is gone
PARTS = ("one", "many")


def main() -> int:
    """Print the figures as a table; 1 if a session saw a wrong score or an error."""
    options = _parse_options()
    with tempfile.TemporaryDirectory() as folder:
        make_films(options.data, Path(folder), options.clients, options.films)
        expected = screen_by_command(Path(folder))
        films = {name: read_films(Path(folder) / name) for name in expected}
    with ExitStack() as stack:
        kept = ("--server.disconnectedSessionTTL", str(options.ttl))
        each = tuple(stack.enter_context(serve(*kept)) for _ in range(options.servers))
        addresses = [server.address for server in each]
        address = addresses[0]
        if options.servers > 1:
            address = stack.enter_context(balance(*addresses, sticky=True))
        figures = _measure(Servers(address, each), options, films, expected)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")
    print(to_markdown(figures))
    return 1 if any(figures[part]["wrong"] or figures[part]["errors"] for part in PARTS) else 0


def _measure(
    server: Servers, options: argparse.Namespace, films: dict[str, Any], expected: dict[str, Any]
) -> dict[str, Any]:
    memory = {"started": server.memory()}
    name, one = next(iter(films)), Traffic()
    # Each by its own address: what a server holds from its first reader on is not what many leave.
    for each in server.each:
        with Reader(each.address) as reader:
            use(reader, films[name], expected[name], one)
            stormed = storm(reader)
            memory["one session"] = server.memory()
    time.sleep(options.ttl + SWEEP)
    memory["before"] = server.memory()
    with watch_memory(server) as samples:
        many = run_traffic(server.address, films, expected, 60 * options.minutes)
    memory["largest"] = max(value for _, value in samples)
    memory["at the end"] = server.memory()
    time.sleep(options.ttl + SWEEP)
    memory["after"] = server.memory()
    with Reader(server.address):
        pass  # Streamlit lets go of sessions that timed out when another reader leaves
    time.sleep(SWEEP)
    memory["after, and another reader has left"] = server.memory()
    copies = -(-ABANDONED // len(films[name]))
    return {
        "clients": options.clients,
        "servers": options.servers,
        "minutes": options.minutes,
        "one": summarise(one),
        "many": summarise(many),
        "storm": stormed,
        "memory": memory,
        "growth": growth(samples),
        "samples": samples,
        "left": leave_work_behind(server, films[name], copies, options.ttl + 300),
    }


def to_markdown(figures: dict[str, Any]) -> str:
    """The figures as the table of a report."""
    one, many, left, grown = (figures[part] for part in ("one", "many", "left", "growth"))
    lines = [("figure", "1 reader a server", f"{figures['clients']} readers")]
    lines += [
        (f"{words}, {which}, s", f"{one[key][which]:.2f}", f"{many[key][which]:.2f}")
        for key, words in TIMES.items()
        for which in ("p50", "p95", "max")
    ]
    lines += [
        ("sessions", one["sessions"], many["sessions"]),
        ("sessions with a wrong score", one["wrong"], many["wrong"]),
        ("errors", len(one["errors"]), len(many["errors"])),
        ("connections closed unanswered, and opened again", one["unanswered"], many["unanswered"]),
    ]
    lines += [(f"memory, {when}, MB", "", f"{mb:.0f}") for when, mb in figures["memory"].items()]
    interval = f"{grown['slope']:+.2f} ({grown['low']:+.2f} to {grown['high']:+.2f})"
    lines += [("growth, MB a minute", "", interval)]
    dragged = figures["storm"]
    lines += [(f"{STORM} slider messages at once, runs", dragged["runs"], "")]
    lines += [(f"{STORM} slider messages at once, s", f"{dragged['seconds']:.2f}", "")]
    stopped = left["stopped_after"]
    shown = "not stopped" if stopped is None else f"{stopped:.1f}"
    lines += [(f"tab closed at {left['scored']} of {left['films']} films, s of work", shown, "")]
    head, *body = [f"| {' | '.join(map(str, line))} |" for line in lines]
    return "\n".join([head, "|---|--:|--:|", *body])


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.load", description=__doc__)
    parser.add_argument("--clients", type=int, default=20, help="readers at once")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--servers", type=int, default=1, help="behind the proxy, if more than one")
    parser.add_argument("--films", type=int, default=4, help="of each reader")
    parser.add_argument("--json", type=Path, help="file for all figures")
    add_data_option(parser)
    parser.add_argument(
        "--ttl",
        type=int,
        default=config.get_option("server.disconnectedSessionTTL"),
        help="seconds that the server keeps a session whose reader has left",
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
