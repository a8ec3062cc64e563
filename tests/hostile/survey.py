"""Reads every specimen in this one process, one JSON line each: what came of it and what it cost.

python survey.py, with this folder and the project's root on PYTHONPATH. Linux only.
"""

import hashlib
import json
import re
from pathlib import Path

import numpy as np
from corpus import corpus

from cxrapp.radiograph import Radiograph, Rejection, read_upload


def main() -> None:
    """Print the lines."""
    for specimen in corpus():
        before = reset_peak()
        try:
            items = read_upload(specimen.name, specimen.data)
            answer = {"items": [describe(item) for item in items]}
        except Exception as error:
            answer = {"items": [], "error": repr(error)}
        answer |= {"name": specimen.name, "cost": memory("VmHWM") - before}
        answer["sha256"] = hashlib.sha256(specimen.data).hexdigest()
        print(json.dumps(answer))


def describe(item: Radiograph | Rejection) -> dict[str, object]:
    """What the tests ask about an answer, without its pixels."""
    if isinstance(item, Rejection):
        return {"name": item.name, "reason": item.reason}
    lowest, highest = float(item.pixels.min()), float(item.pixels.max())
    return {
        "name": item.name,
        "shape": item.pixels.shape,
        "sound": item.pixels.dtype == np.float32 and 0 <= lowest < highest <= 1,  # false for nan
        "texts": [item.modality, item.view, item.body_part, item.sex, item.study_uid],
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
