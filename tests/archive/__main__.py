"""How long a full archive takes to drain: python -m tests.archive --films 1000 [--study 300]

Starts an Orthanc of its own, sends it all films at once, and watches it as `python -m cxrapp watch`
does. Prints seconds, whether the oldest request came first, and what is there in the end.
"""

import argparse
import hashlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import psutil

from tests.archive.films import ROOT, film
from tests.archive.orthanc import running

BATCH = 100  # films sent by one storescu


def main() -> None:
    """Print one line a figure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--films", type=int, default=1000)
    parser.add_argument("--study", type=int, default=0, help="more films, all of one study")
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--bundle", default="weights/pneumonia.pt")
    options = parser.parse_args()
    ages = random.Random(0).sample(range(1, options.films + 1), options.films)
    single = [film(age, hours=age / 60, sample=age % 6, side=options.side) for age in ages]
    together = [film(n, study=99999, sample=n % 6, side=options.side) for n in range(options.study)]
    films = single + together
    uids = [f"{ROOT}.{age}.1.{age}" for age in sorted(ages, reverse=True)]
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as orthanc:
        start = time.monotonic()
        for first in range(0, len(films), BATCH):
            orthanc.receive(*films[first : first + BATCH])
        print(f"received: {len(films)} films in {time.monotonic() - start:.0f} s", flush=True)
        start, sent, peak = time.monotonic(), [], 0
        command = ["watch", "--pacs", orthanc.url, "--since", "2d", "--bundle", options.bundle]
        with subprocess.Popen(
            [sys.executable, "-m", "cxrapp", *command],
            stderr=subprocess.PIPE,
            env=os.environ,
            text=True,
        ) as process:
            while len(sent) < len(films):
                entry = json.loads(process.stderr.readline())
                if entry["message"] == "report sent":
                    sent.append(entry["film"])
                    peak = max(peak, psutil.Process(process.pid).memory_info().rss)
                    if len(sent) == 1:
                        print(f"first report: after {time.monotonic() - start:.0f} s", flush=True)
                else:
                    print(entry, flush=True)
            process.kill()
        seconds = time.monotonic() - start
        print(f"drained: {seconds:.0f} s, {seconds / len(films):.2f} s a film")
        print(f"memory of the watcher: {peak / 2**20:.0f} MiB")
        marks = [hashlib.sha256(uid.encode()).hexdigest()[:12] for uid in uids]
        singles = [mark for mark in sent if mark in set(marks)]
        print(f"oldest request first: {singles == marks}")
        there = Counter()
        for series in orthanc.rest("series?expand"):
            there[series["MainDicomTags"]["Modality"]] += len(series["Instances"])
        print(f"in the archive: {dict(there)}")


if __name__ == "__main__":
    main()
