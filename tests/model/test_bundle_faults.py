"""What must not be loaded is not, even where a card vouches for it, and the app says so."""

import ast
import hashlib
import io
import os
import pickle
import random
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from cxrapp.errors import InvalidBundle
from cxrapp.model import bundle as bundle_module
from cxrapp.model import script as script_module
from cxrapp.model.bundle import load_bundle
from tests.model.small_bundle import put, script, stored
from tests.places import ROOT


def test_the_small_model_loads(model: bytes, tmp_path: Path) -> None:
    assert load_bundle(put(tmp_path, model)).card.sha256 == hashlib.sha256(model).hexdigest()


@pytest.mark.parametrize("suffix", [".pt", ".json"])
def test_a_link_to_elsewhere_is_refused(model: bytes, tmp_path: Path, suffix: str) -> None:
    weights = tmp_path / "weights"
    weights.mkdir()
    path = put(weights, model)
    outside = path.with_suffix(suffix).rename(tmp_path / f"outside{suffix}")
    path.with_suffix(suffix).symlink_to(outside)
    with pytest.raises(InvalidBundle, match=f"model{suffix}: .*a link to a file outside"):
        load_bundle(path)


def test_links_within_the_folder_are_followed_and_the_folder_may_be_one(
    model: bytes, tmp_path: Path
) -> None:
    """Containers mount files as links to a dated folder beside them."""
    dated = tmp_path / "weights/..2026"
    dated.mkdir(parents=True)
    path = put(dated, model)
    (tmp_path / "mounted").symlink_to(tmp_path / "weights")
    for part in (path, path.with_suffix(".json")):
        (tmp_path / "weights" / part.name).symlink_to(Path("..2026") / part.name)
    assert load_bundle(tmp_path / "mounted/model.pt")


@pytest.mark.parametrize("suffix", [".pt", ".json"])
@pytest.mark.parametrize(
    ("replace", "reason"),
    [
        (os.mkfifo, "not an ordinary file"),
        (os.mkdir, "not an ordinary file"),
        (lambda path: path.symlink_to(path.name), "cannot be opened"),
        (lambda path: path.symlink_to("nowhere"), "is missing"),
    ],
    ids=["pipe", "folder", "circle", "dangling"],
)
def test_what_is_no_file_is_refused(
    model: bytes, tmp_path: Path, suffix: str, replace: Callable, reason: str
) -> None:
    path = put(tmp_path, model)
    path.with_suffix(suffix).unlink()
    replace(path.with_suffix(suffix))
    with pytest.raises(InvalidBundle, match=rf"model\{suffix}: .*{reason}"):
        load_bundle(path)


def test_a_file_too_large_is_refused_before_it_is_hashed(
    model: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle_module, "MAX_BYTES", 2**20)
    monkeypatch.setattr(script_module, "hashlib", None)
    with pytest.raises(InvalidBundle, match=r"model.pt: the model file is larger than 1 MB"):
        load_bundle(put(tmp_path, model + bytes(2**20)))


def test_an_archive_that_would_fill_the_memory_is_refused_unopened(
    model: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    buffer = io.BytesIO(model)
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data/bomb", bytes(5 * 2**20))
    monkeypatch.setattr(bundle_module, "MAX_BYTES", 4 * 2**20)
    monkeypatch.setattr(bundle_module, "load_parts", None)
    assert len(buffer.getvalue()) < 2**20
    with pytest.raises(InvalidBundle, match=r"model.pt: .*unpacks to more than 4 MB"):
        load_bundle(put(tmp_path, buffer.getvalue()))


def test_the_bytes_that_were_hashed_are_the_bytes_that_are_loaded(
    model: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, real = put(tmp_path, model), bundle_module.load_parts

    def exchange_then_load(*arguments: Any, **options: Any) -> Any:
        path.write_bytes(stored(script(findings=3)))
        return real(*arguments, **options)

    monkeypatch.setattr(bundle_module, "load_parts", exchange_then_load)
    assert load_bundle(path).head(torch.zeros(1, 128, 2, 2)).shape == (1, 2)


def spoil(data: bytes) -> Iterator[bytes]:
    """Cut off, emptied in stretches and with flipped bits, all over the file."""
    generator = random.Random(0)
    for _ in range(25):
        yield data[: generator.randrange(len(data))]
        at = generator.randrange(len(data))
        yield data[:at] + bytes(min(64, len(data) - at)) + data[at + 64 :]
        flipped = bytearray(data)
        for _ in range(20):
            flipped[generator.randrange(len(data))] ^= 1 << generator.randrange(8)
        yield bytes(flipped)


def test_a_damaged_file_with_a_card_that_vouches_for_it_never_half_loads(
    model: bytes, tmp_path: Path
) -> None:
    refused = 0
    for data in spoil(model):
        path = put(tmp_path, data)
        try:
            loaded = load_bundle(path)
        except InvalidBundle as error:
            assert str(error).startswith("model.pt: ") and "\n" not in str(error)
            refused += 1
        else:  # only weights differ
            maps, _ = loaded.backbone(torch.zeros(1, 1, 160, 160))
            assert loaded.head(maps).isfinite().all()
    assert refused >= 40


class Nothing(nn.Module):
    def forward(self, films: torch.Tensor) -> torch.Tensor:
        return films


def spoilt_weights() -> torch.jit.ScriptModule:
    module = script()
    next(module.head.parameters()).data.fill_(float("nan"))
    return module


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: stored(script(findings=3)), "does not answer the questions of its card"),
        (lambda: stored(torch.jit.script(Nothing())), "features"),
        (lambda: stored(spoilt_weights()), "its answers are not numbers"),
        (lambda: b"", "cannot be loaded"),
        (lambda: b"PK\x05\x06" + bytes(18), "cannot be loaded"),  # an empty archive
    ],
    ids=["three questions", "no parts", "NaN", "empty", "empty archive"],
)
def test_a_network_that_cannot_answer_is_refused(
    make: Callable[[], bytes], reason: str, tmp_path: Path
) -> None:
    with pytest.raises(InvalidBundle, match=f"model.pt: .*{reason}"):
        load_bundle(put(tmp_path, make()))


class Attack:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple:
        return os.mkdir, (str(self.mark),)


def test_pickled_code_does_not_run(model: bytes, tmp_path: Path) -> None:
    mark = tmp_path / "was here"
    eager = io.BytesIO()
    torch.save(Attack(mark), eager)
    planted = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(model)) as old, zipfile.ZipFile(planted, "w") as new:
        for entry in old.infolist():
            attacked = entry.filename.endswith("/data.pkl")
            new.writestr(entry, pickle.dumps(Attack(mark), 2) if attacked else old.read(entry))
    for data in (eager.getvalue(), planted.getvalue(), pickle.dumps(Attack(mark))):
        with pytest.raises(InvalidBundle, match="model.pt: the model file cannot be loaded"):
            load_bundle(put(tmp_path, data))
    assert not mark.exists()
    pickle.loads(pickle.dumps(Attack(mark)))
    assert mark.exists()  # where pickles are read, it would have been


def test_nothing_is_unpickled_while_a_bundle_loads(model: bytes, tmp_path: Path) -> None:
    found: list[str] = []
    watching = True

    def watch(event: str, arguments: tuple) -> None:
        if watching and event == "pickle.find_class":
            found.append(".".join(arguments))

    sys.addaudithook(watch)
    load_bundle(put(tmp_path, model))
    assert not found
    pickle.loads(pickle.dumps(Attack))  # the watch sees what it should
    watching = False
    assert found


UNPICKLERS = {"pickle", "cPickle", "_pickle", "joblib", "dill", "cloudpickle", "shelve", "marshal"}


@pytest.mark.parametrize(
    "path", sorted(ROOT.glob("cxrapp/**/*.py")), ids=lambda path: str(path.relative_to(ROOT))
)
def test_the_app_reads_no_pickle(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
            assert not UNPICKLERS & {name.partition(".")[0] for name in names}
        if isinstance(node, ast.Attribute):
            assert ast.unparse(node) not in ("torch.load", "pd.read_pickle", "pandas.read_pickle")
        if isinstance(node, ast.keyword):
            assert node.arg != "allow_pickle"
