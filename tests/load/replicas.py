"""Two servers behind a proxy: does every reader's work stay with the server that has the films?

python -m tests.load.replicas --clients 6
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import requests

from tests.load.films import (
    Films,
    Scores,
    largest_difference,
    make_films,
    only_shown,
    read_films,
    screen_by_command,
)
from tests.load.measure import TOLERANCE
from tests.load.reader import Reader
from tests.load.server import ROOT, free_port, serve, wait_for_answer
from tests.places import SAMPLE_FOLDER

COOKIE = "cxr_replica"
PROXY = ROOT / "deploy/Caddyfile"


@contextmanager
def balance(*replicas: str, sticky: bool) -> Iterator[str]:
    """The proxy of deploy/ before some servers: its address. This process trusts it from now on."""
    port, text = free_port(), PROXY.read_text()
    if not sticky:
        text = text.replace("lb_policy cookie " + COOKIE, "lb_policy round_robin")
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder) / "Caddyfile"
        settings.write_text(text.replace(":8443", f":{port}"))
        names = " ".join(replica.removeprefix("http://") for replica in replicas)
        authority = Path(folder) / "caddy/pki/authorities/local/root.crt"
        process = subprocess.Popen(
            ["caddy", "run", "--adapter", "caddyfile", "--config", settings],
            env=os.environ | {"CXR_APPS": names, "XDG_DATA_HOME": folder},
            stderr=subprocess.DEVNULL,
        )
        try:
            for trust in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
                os.environ[trust] = str(authority)
            wait_for_answer(f"https://localhost:{port}/_stcore/health", process)
            yield f"https://localhost:{port}"
        finally:
            process.terminate()
            process.wait(60)


def read_once(address: str, films: Films, expected: Scores) -> str:
    """Which replica a reader's session was on, and whether its scores were right."""
    try:
        with Reader(address) as reader:
            reader.screen(films)
            shown = reader.exported()
            wrong = largest_difference(shown, only_shown(expected, shown)) > TOLERANCE
            return "wrong scores" if wrong else f"replica {reader.cookies[COOKIE]}"
    except requests.HTTPError as error:
        return f"refused: {error.response.status_code} at the upload"


def main() -> int:
    """Print where the sessions went; 1 if stickiness did not hold or proved nothing."""
    parser = argparse.ArgumentParser(prog="python -m tests.load.replicas", description=__doc__)
    parser.add_argument("--clients", type=int, default=6, help="readers at once")
    options = parser.parse_args()
    if not shutil.which("caddy"):
        parser.error("caddy is not installed")
    with tempfile.TemporaryDirectory() as folder:
        make_films(SAMPLE_FOLDER, Path(folder), options.clients, each=2)
        expected = screen_by_command(Path(folder))
        films = {name: read_films(Path(folder) / name) for name in expected}
    counts = {}
    with serve() as one, serve() as two, ThreadPoolExecutor(options.clients) as readers:
        for sticky in (True, False):
            with balance(one.address, two.address, sticky=sticky) as address:
                ends = readers.map(
                    lambda name, to=address: read_once(to, films[name], expected[name]), films
                )
                counts[sticky] = Counter(ends)
    print("| | sessions |\n|---|--:|")
    for sticky, words in ((True, "with the cookie"), (False, "without it")):
        for end, count in sorted(counts[sticky].items()):
            print(f"| {words}, {end} | {count} |")
    held = len(counts[True]) == 2 and all(end.startswith("replica") for end in counts[True])
    proved = any(end.startswith("refused") for end in counts[False])
    return 0 if held and proved else 1


if __name__ == "__main__":
    sys.exit(main())
