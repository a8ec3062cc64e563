"""Imports run down the page: a room takes from those below it, and nothing goes in a circle."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.places import ROOT

# The rooms of cxrapp, from the top down.
ORDER = (
    "pages",
    "panels",
    "server",
    "__main__",
    "bulk",
    "archive",
    "site",
    "session",
    "report",
    "figures",
    "words",
    "explain",
    "statistics",
    "model",
    "films",
    "runtime",
    "errors",
)
FORBIDDEN = {
    "streamlit": set(ORDER) - {"pages", "panels", "server"},
    "torch": {"films", "statistics", "figures", "words", "site", "report", "runtime"},
    "sklearn": {"films", "model", "runtime", "bulk"},  # a second that screening does not need
}
NETWORK = {"cxrapp.model.bundle", "cxrapp.model.predict"}  # which import torch
FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for package in ("cxrapp", "train")
    for path in sorted(ROOT.glob(f"{package}/**/*.py"))
}


def imported(path: Path) -> set[str]:
    """Modules, and names of modules where those are modules themselves."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            whole = {f"{node.module}.{alias.name}" for alias in node.names}
            names |= {name if name in FILES else node.module for name in whole}
    return names


def loaded(path: Path) -> set[str]:
    """What is imported to run, and not for its types alone."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = [ast.Pass()]
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return {node.module for node in nodes}


def room(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


@pytest.mark.parametrize("module", FILES)
def test_imports_run_down_the_page(module: str) -> None:
    if module.startswith("train"):
        assert not {"pages", "panels", "server", "session"} & {
            room(name) for name in imported(FILES[module]) if name.startswith("cxrapp")
        }
        return
    names = imported(FILES[module])
    assert not [name for name in names if name.split(".")[0] == "train"]
    below = ORDER[ORDER.index(room(module)) :] if room(module) else ()
    assert {room(name) for name in names if name.startswith("cxrapp.")} <= set(below)


@pytest.mark.parametrize("module", [name for name in FILES if name.startswith("cxrapp.")])
def test_a_room_keeps_away_from_what_it_does_not_need(module: str) -> None:
    names = imported(FILES[module])
    for package, rooms in FORBIDDEN.items():
        if room(module) in rooms:
            assert package not in {name.split(".")[0] for name in names}
    if room(module) in FORBIDDEN["torch"]:
        assert not NETWORK & loaded(FILES[module])


def test_no_file_goes_in_a_circle() -> None:
    TopologicalSorter(
        {module: (imported(path) & set(FILES)) - {module} for module, path in FILES.items()}
    ).prepare()


def test_torchscript_is_named_in_two_places_only() -> None:
    named = {name for name, path in FILES.items() if "torch.jit" in path.read_text()}
    assert named == {"cxrapp.model.script", "train.export"}


def test_the_first_page_does_not_wait_for_what_it_does_not_show() -> None:
    code = """
import sys
from cxrapp.pages import compare, model, screen, site
sys.exit(bool({"highdicom", "lime", "pandas", "reportlab", "sklearn"} & sys.modules.keys()))
"""
    assert subprocess.run([sys.executable, "-W", "ignore", "-c", code], cwd=ROOT).returncode == 0
