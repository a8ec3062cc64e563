import json
import shutil
import subprocess
import sys

import pytest

from cxrapp.films.radiograph import Radiograph
from cxrapp.model.bundle import Bundle
from cxrapp.model.predict import predict
from tests.load.measure import TOLERANCE
from tests.places import ROOT, SAMPLE_FOLDER

ALONE = ["unshare", "-rn"]  # a network namespace of its own, without a route


def test_a_film_is_screened_without_a_network(bundle: Bundle, films: list[Radiograph]) -> None:
    if not shutil.which("unshare") or subprocess.run([*ALONE, "true"], check=False).returncode:
        pytest.skip("network namespaces are not permitted here")
    path = SAMPLE_FOLDER / films[0].name
    command = [*ALONE, sys.executable, "-m", "tests.privacy.no_route", str(path)]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    (prediction,) = predict(bundle, [films[0]])
    shown = json.loads(answer.stdout)[path.name]
    # A finding that was not asked has no number in the list.
    expected = list(prediction.probabilities)[: len(shown)]
    assert shown and shown == pytest.approx(expected, abs=TOLERANCE)
