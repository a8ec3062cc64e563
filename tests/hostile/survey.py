"""Reads every specimen, one JSON line each: what came of it and what it cost.

python -m tests.hostile.survey, on Linux.

They are read in a copy of this process, with no limits but those that are checked before decoding.
Where one ends the copy, the answer is the sandbox's, and another copy goes on.
"""

import hashlib
import json
import os
import re
import traceback
from multiprocessing.sharedctypes import RawValue
from pathlib import Path

import numpy as np

from cxrapp.films.decode import read_upload
from cxrapp.films.radiograph import Radiograph, Rejection
from cxrapp.films.sandbox import read_untrusted
from tests.hostile.corpus import corpus
from tests.hostile.specimen import Specimen


def main() -> None:
    """Print the lines."""
    import gdcm  # noqa: F401  before Pillow it would break its PNG encoder

    specimens, reached = corpus(), RawValue("i", -1)
    while reached.value + 1 < len(specimens):
        copy = os.fork()
        if not copy:
            for at in range(reached.value + 1, len(specimens)):
                reached.value = at
                report(specimens[at])
            os._exit(0)
        _, status = os.waitpid(copy, 0)
        if os.WIFSIGNALED(status):
            specimen = specimens[reached.value]
            items = read_untrusted(specimen.name, specimen.data)
            say(specimen, died=True, cost=0, items=[describe(item) for item in items])


def report(specimen: Specimen) -> None:
    """Read it here."""
    before = reset_peak()
    try:
        items = [describe(item) for item in read_upload(specimen.name, specimen.data)]
        say(specimen, items=items, cost=memory("VmHWM") - before)
    except Exception:
        say(specimen, error=traceback.format_exc())


def say(specimen: Specimen, **answer: object) -> None:
    """Print one line."""
    sha256 = hashlib.sha256(specimen.data).hexdigest()
    print(json.dumps({"name": specimen.name, "sha256": sha256, **answer}), flush=True)


def describe(item: Radiograph | Rejection) -> dict[str, object]:
    """What the tests ask about an answer, without its pixels."""
    if isinstance(item, Rejection):
        return {"name": item.name, "reason": item.reason}
    tags = item.tags
    lowest, highest = float(item.pixels.min()), float(item.pixels.max())
    return {
        "name": item.name,
        "shape": item.pixels.shape,
        "sound": item.pixels.dtype == np.float32 and 0 <= lowest < highest <= 1,  # false for nan
        "texts": [tags.modality, tags.view, tags.body_part, tags.sex, tags.study.uid],
    }


def memory(field: str) -> int:
    """A number of bytes from what the kernel says about this process."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(rf"{field}:\s+(\d+) kB", status)[1]) * 1024


def reset_peak() -> int:
    """Let the highest use of memory start again from the present one, in bytes."""
    Path("/proc/self/clear_refs").write_text("5")
    return memory("VmRSS")


if __name__ == "__main__":
    main()
