"""Every target installs what its part of the program imports, and the app no more than that."""

import ast
import importlib.metadata
import sys

import pytest
from packaging.requirements import Requirement

from cxrapp.pages.sign_in import PACKAGES
from tests.places import ROOT


def pinned(*files: str) -> set[str]:
    """What these files of requirements install, with all it brings along."""
    lines = [line for file in files for line in (ROOT / file).read_text().splitlines()]
    found: set[str] = set()
    waiting = [Requirement(line) for line in lines if line and line[0] != "#"]
    while waiting:
        one = waiting.pop()
        name = one.name.lower().replace("_", "-")
        if name not in found and is_installed(name):
            found.add(name)
            needed = map(Requirement, importlib.metadata.requires(name) or [])
            extras = one.extras or {""}
            waiting += [
                one
                for one in needed
                if not one.marker or any(one.marker.evaluate({"extra": extra}) for extra in extras)
            ]
    return found


def is_installed(name: str) -> bool:
    try:
        importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def imported(*patterns: str) -> set[str]:
    names: set[str] = set()
    for path in (path for pattern in patterns for path in ROOT.glob(pattern)):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            if isinstance(node, ast.ImportFrom):
                names.add(node.module.split(".")[0])
    return names - sys.stdlib_module_names - {"cxrapp", "train", "tests"}


APP, TRAINING = "requirements.txt", "requirements/training.txt"
TESTS = (APP, TRAINING, "requirements/ray.txt", "requirements/tests.txt")


@pytest.mark.parametrize(
    ("files", "patterns"),
    [
        ((APP,), ("*.py", "cxrapp/**/*.py")),
        ((APP, TRAINING), ("train/**/*.py",)),
        (TESTS, ("tests/**/*.py", "deploy/*.py")),
    ],
    ids=["app", "training", "tests"],
)
def test_a_target_installs_what_it_imports(files: tuple[str, ...], patterns: tuple[str]) -> None:
    names = imported(*patterns)
    if files == (APP,):
        names = names - {"ray"} | set(PACKAGES)
    sources = importlib.metadata.packages_distributions()
    installed = pinned(*files)
    missing = {
        name
        for name in names
        if installed.isdisjoint(one.lower().replace("_", "-") for one in sources.get(name, []))
    }
    assert not missing


def test_the_app_is_installed_without_what_it_never_imports() -> None:
    others = {"pytest", "playwright", "timm", "tensorboard", "ruff", "ray", "pip-audit"}
    assert pinned(APP).isdisjoint(others)
