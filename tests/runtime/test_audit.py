import itertools
import json
import subprocess
import sys
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from cxrapp.__main__ import main
from cxrapp.errors import AuditFault
from cxrapp.runtime.audit import append, check
from cxrapp.server.audit_trail import VARIABLE
from tests.pages.steps import session, texts, threshold, upload
from tests.places import ROOT, SAMPLES


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "audit.jsonl"
    append(path, [{"film": name} for name in "ab"])
    append(path, [{"film": name, "score": 0.1} for name in "cd"])
    return path


def test_lines_are_added_and_chained(path: Path) -> None:
    assert check(path) == 4
    assert [line["film"] for line in lines(path)] == list("abcd")
    assert all(b["previous"] == a["hash"] for a, b in itertools.pairwise(lines(path)))
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("change", "broken"),
    [
        (lambda rows: rows[:1] + rows[2:], 2),
        (lambda rows: rows[1:], 1),
        (lambda rows: [rows[1], rows[0], *rows[2:]], 1),
        (lambda rows: [*rows[:2], rows[2].replace(b"0.1", b"0.9"), rows[3]], 3),
        (lambda rows: [*rows[:3], rows[3].replace(b'"score"', b' "score"')], 4),
        (lambda rows: [*rows, b"words\n"], 5),
        (lambda rows: [*rows, b"[1]\n"], 5),
        (lambda rows: [*rows[:3], rows[3][:-9]], 4),
    ],
    ids=["out", "first out", "swapped", "changed", "respelled", "words", "no object", "cut"],
)
def test_a_line_that_does_not_fit_is_named(path: Path, change: object, broken: int) -> None:
    path.write_bytes(b"".join(change(path.read_bytes().splitlines(keepends=True))))
    with pytest.raises(AuditFault, match=f"line {broken} "):
        check(path)


def test_the_command_follows_the_chain(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", str(path)]) == 0
    assert capsys.readouterr().out == "4 lines, none changed\n"
    path.write_bytes(path.read_bytes().replace(b'"c"', b'"x"'))
    assert main(["audit", str(path)]) == 2
    assert "line 3 was changed" in capsys.readouterr().err


def test_nothing_is_added_to_a_file_that_ends_in_half_a_line(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])
    before = path.read_bytes()
    with pytest.raises(AuditFault, match="does not end in a line"):
        append(path, [{"film": "e"}])
    assert path.read_bytes() == before


def test_processes_share_a_file(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    program = (
        "import sys; from pathlib import Path; from cxrapp.runtime.audit import append\n"
        "for n in range(50): append(Path(sys.argv[1]), [{'film': n}])"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", program, str(path)], cwd=ROOT) for _ in range(3)
    ]
    assert [process.wait() for process in started] == [0, 0, 0]
    assert check(path) == 150


def test_a_full_disk_leaves_no_half_line(tmp_path: Path) -> None:
    pytest.importorskip("resource", reason="this system has no file size limit")
    path = tmp_path / "audit.jsonl"
    append(path, [{"film": "a"}])
    program = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from cxrapp.runtime.audit import append; from cxrapp.errors import AuditFault\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (600, 600))\n"
        "try: append(Path(sys.argv[1]), [{'film': 'b' * 800}])\n"
        "except AuditFault as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], cwd=ROOT, capture_output=True, text=True
    )
    assert "cannot be written" in done.stdout, done.stderr
    assert check(path) == 1


def test_every_answer_shown_has_a_line(
    app: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "audit.jsonl"
    monkeypatch.setenv(VARIABLE, str(path))
    upload(app, *SAMPLES[:2])
    first = lines(path)
    films = {film.fingerprint for film in session(app).worklist.films.values()}
    assert {line["film"] for line in first} == films
    assert len(first) == len(films)
    app.run()
    assert len(lines(path)) == len(first)  # nothing new was shown
    for end in (0.1, 99.9):
        threshold(app, "Pneumonia").set_value(end).run()
    after = lines(path)
    outcomes = {line["decisions"]["pneumonia"] for line in after[len(first) :]}
    assert outcomes == {"positive", "negative"}
    assert after[-1]["thresholds"]["pneumonia"] == 0.999
    assert check(path) == len(after)
    assert not any(sample.name in path.read_text() for sample in SAMPLES)


def test_without_the_file_nothing_is_shown(
    app: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "missing/audit.jsonl"))
    upload(app, SAMPLES[0])
    assert "cannot be written (No such file or directory)" in texts(app)
    assert not [one for one in app.slider if "threshold" in one.label]
