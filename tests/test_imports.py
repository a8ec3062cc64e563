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
    package, room, *_ = path.relative_to(ROOT).with_suffix("").parts
    if package == "cxrapp":
        assert not imports(path, "train")
    if package == "train" or room not in ("pages", "panels", "server", "session"):
        assert not imports(path, "streamlit")
        assert not imports(path, "cxrapp.pages")
        assert not imports(path, "cxrapp.panels")


@pytest.mark.parametrize(
    "room",
    [
        *("runtime/files", "runtime/audit", "session/saved_points"),
        *(f"model/{name}" for name in ("card", "card_schema", "card_checks", "bundle_files")),
        *("model/gate", "model/chain"),
        *(
            f"{folder}/{path.stem}"
            for folder in ("films", "statistics", "figures", "report", "site")
            for path in sorted(ROOT.glob(f"cxrapp/{folder}/*.py"))
        ),
    ],
)
def test_what_needs_no_network_needs_no_torch(room: str) -> None:
    path = ROOT / f"cxrapp/{room}.py"
    assert not imports(path, "torch")
    assert not imports(path, "cxrapp.model.bundle")


def test_torchscript_is_named_in_two_places_only() -> None:
    named = {p.relative_to(ROOT).as_posix() for p in ROOMS if "torch.jit" in p.read_text()}
    assert named == {"cxrapp/model/bundle.py", "train/export.py"}
