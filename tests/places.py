"""Where things lie in this checkout."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
SAMPLE_FOLDER = ROOT / "cxrapp/samples"
SAMPLES = sorted(SAMPLE_FOLDER.glob("*.jpeg"))
