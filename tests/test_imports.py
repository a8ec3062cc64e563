import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = sorted([*ROOT.glob("cxrapp/**/*.py"), *ROOT.glob("train/**/*.py")])


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def imports(path: Path, package: str) -> bool:
    return any(name == package or name.startswith(f"{package}.") for name in imported(path))


@pytest.mark.parametrize("path", ROOMS, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_one_way(path: Path) -> None:
    room = path.relative_to(ROOT).as_posix()
    if room.startswith("cxrapp/"):
        assert not imports(path, "train")
    if not room.startswith("cxrapp/pages/"):
        assert not imports(path, "streamlit")
        assert not imports(path, "cxrapp.pages")


@pytest.mark.parametrize(
    "room",
    [
        "radiograph",
        "sandbox",
        "decoder",
        "preprocess",
        "card",
        "card_fields",
        "card_checks",
        "bundle_files",
        "files",
        "audit",
        "bootstrap",
        "decision",
        "curves",
        "outcomes",
        "reading",
        "charts",
        "setting_charts",
        "gate",
        "settings",
        "flips",
        "matching",
        "reads",
        *(f"site/{path.stem}" for path in sorted(ROOT.glob("cxrapp/site/*.py"))),
        *(f"report/{path.stem}" for path in sorted(ROOT.glob("cxrapp/report/*.py"))),
    ],
)
def test_what_needs_no_network_needs_no_torch(room: str) -> None:
    path = ROOT / f"cxrapp/{room}.py"
    assert not imports(path, "torch")
    assert not imports(path, "cxrapp.bundle")


def test_torchscript_is_named_in_two_places_only() -> None:
    named = {p.relative_to(ROOT).as_posix() for p in ROOMS if "torch.jit" in p.read_text()}
    assert named == {"cxrapp/bundle.py", "train/export.py"}
