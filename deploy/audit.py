"""Known weaknesses of the installed packages: python deploy/audit.py

Ends with 1 where pip-audit knows of one. Without its vulnerability service it says so and ends
with 0: a package that nobody could look up is not a package without weaknesses.
"""

import json
import subprocess
import sys
from typing import Any


def main() -> int:
    command = [sys.executable, "-m", "pip_audit", "--format", "json", "--progress-spinner", "off"]
    done = subprocess.run([*command, "--timeout", "15"], capture_output=True, text=True)
    if not done.stdout:
        reason = done.stderr.strip().splitlines()[-1:] or ["it wrote nothing"]
        print(f"pip-audit skipped: {reason[0]}")
        return 0
    weaknesses, words = judge(json.loads(done.stdout))
    print("\n".join([*weaknesses, words]))
    return 1 if weaknesses else 0


def judge(report: dict[str, Any]) -> tuple[list[str], str]:
    """A line a weakness, and what could be looked up at all.

    Args:
        report: As pip-audit writes it with --format json.
    """
    packages = report["dependencies"]
    found = [one for one in packages if "skip_reason" not in one]
    weaknesses = [
        f"{one['name']} {one['version']}: {weakness['id']}, "
        f"fixed in {', '.join(weakness['fix_versions']) or 'no version'}"
        for one in found
        for weakness in one["vulns"]
    ]
    if not found:
        return [], "pip-audit skipped: the vulnerability service knows none of the packages."
    return weaknesses, f"pip-audit looked up {len(found)} of {len(packages)} packages."


if __name__ == "__main__":
    sys.exit(main())
