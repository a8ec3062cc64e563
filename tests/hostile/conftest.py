import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import settings

from tests.hostile.corpus import corpus
from tests.hostile.specimen import SAMPLES, Specimen
from tests.places import ROOT

# The same examples at every call, so that a change is to blame for a failure and not the dice;
# HYPOTHESIS_PROFILE=search looks for others.
settings.register_profile("same", max_examples=100, deadline=None, derandomize=True)
settings.register_profile("search", deadline=None, max_examples=5_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))


@pytest.fixture(scope="session")
def answers() -> dict[str, dict]:
    """What `survey.py` says about each specimen, by its name."""
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("memory is measured with Linux's /proc")
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    survey = [sys.executable, "-m", "tests.hostile.survey"]
    told = subprocess.run(survey, env=environment, stdout=subprocess.PIPE, check=True).stdout
    return {answer["name"]: answer for answer in map(json.loads, told.splitlines())}


@pytest.fixture(scope="session")
def batch(answers: dict[str, dict]) -> list[Specimen]:
    """Good films among hostile files: of those harmed at many offsets, and of those that are films
    all the same and take the network's time, every tenth; names that might run, all."""
    bad = [one for one in corpus() if one.kind in ("name: formula", "name: html")]
    rest = [one for one in corpus() if one not in bad]
    costly = [
        one
        for one in rest
        if one.kind in ("truncated", "flipped bit", "spliced")
        or any("shape" in item for item in answers[one.name]["items"])
    ]
    bad += [*costly[::10], *(one for one in rest if one not in costly)]
    good = [Specimen("good", path.name, path.read_bytes(), film=True) for path in SAMPLES]
    return [*good[:2], *bad[::2], good[2], *bad[1::2], *good[3:]]
