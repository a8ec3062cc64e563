"""What the folders of a path say of a film: NORMAL/x.png, viral/y.dcm, pneumonia/0/z.png."""

import re
from collections.abc import Iterator, Sequence

from cxrapp.films.names import same_letters
from cxrapp.model.card import Finding

Answers = dict[str, bool]  # finding -> whether it is there; findings not named are not known

YES = ("1", "yes", "y", "true", "positive")
NO = ("0", "no", "n", "false", "negative")
WHOLE = re.compile(r"([01])[.,]0+")  # a spreadsheet's way to write 1 and 0
NORMAL = "normal"


class UnusableLabel(ValueError):
    """A label that says two things at once; the message is the reason, without a full stop."""


def fold(word: str) -> str:
    """Case, underscores, spaces and hyphens inside make no difference between two names.

    A hyphen in front is a sign and stays: -1 is not 1. Letters composed of two characters, as
    macOS writes them, are the same as those of one.
    """
    word = same_letters(word)
    return " ".join(re.sub(r"[_\s]+|(?<=\w)-+(?=\w)", " ", word).split()).casefold()


def read_answer(text: str) -> bool | None:
    """Whether a cell or a folder says yes or no; None for all else, which is never guessed at."""
    word = fold(text)
    if match := WHOLE.fullmatch(word):
        word = match[1]
    return True if word in YES else False if word in NO else None


def folders_of(name: str) -> list[str]:
    """The folders a film lies in, the nearest last. An archive's own name is none of them."""
    parts = [part for part in name.replace("\\", "/").split("/") if part]
    return [part for part in parts[:-1] if not part.lower().endswith(".zip")]


def given_of(findings: Sequence[Finding], name: str) -> Iterator[str]:
    """The findings that must be present for this one to be asked, the nearest first."""
    by_name = {finding.name: finding for finding in findings}
    given = by_name[name].given
    while given is not None:
        yield given
        given = by_name[given].given


def read_folders(findings: Sequence[Finding], name: str) -> Answers:
    """The label that the path of a film states; empty where it states none.

    A folder counts by the words of a finding (`viral`, `viral pneumonia`, `bacterial`), or as
    `normal`. The one the film lies in may also be 0, 1, positive or negative: of the finding the
    folder around it is named for, else of the bundle's first. A folder named for a finding is only
    a heading if a folder in it answers for that finding, as in pneumonia/NORMAL.

    Raises:
        UnusableLabel: Two folders contradict each other.
    """
    folders = [fold(folder) for folder in reversed(folders_of(name))]
    answers = _read_plain(findings, folders)
    for folder in folders:
        said = _read_word(findings, folder)
        clashes = [
            finding for finding in said if answers.get(finding, said[finding]) != said[finding]
        ]
        if not clashes:
            answers = said | answers
        elif not any(fold(finding) == folder for finding in [*clashes, *said]):
            raise UnusableLabel(f"its folders give {clashes[0]} two labels")
    return answers


def _read_plain(findings: Sequence[Finding], folders: Sequence[str]) -> Answers:
    """The answer of a folder that only says yes or no; `folders` from the nearest on."""
    answer = read_answer(folders[0]) if folders else None
    if answer is None:
        return {}
    around = [finding.name for finding in findings if fold(finding.name) in folders[1:2]]
    asked = around or [finding.name for finding in findings if finding.given is None]
    if len(asked) != 1:
        raise UnusableLabel(f"its folder {folders[0]!r} does not say which finding it is about")
    return _with_given(findings, asked[0], answer)


def _read_word(findings: Sequence[Finding], folder: str) -> Answers:
    if folder == NORMAL:
        return {finding.name: False for finding in findings if finding.given is None}
    for finding in findings:
        if folder in {fold(finding.name), *_words(findings, finding, finding.positive)}:
            return _with_given(findings, finding.name, True)
        if folder in _words(findings, finding, finding.negative):
            return _with_given(findings, finding.name, False)
    return {}


def _words(findings: Sequence[Finding], finding: Finding, word: str) -> set[str]:
    """`bacterial pneumonia`, and `bacterial` alone where pneumonia is what it is asked of."""
    whole = fold(word)
    given = {fold(other.positive) for other in findings if other.name == finding.given}
    return {whole, *(whole.removesuffix(other).strip() for other in given)} - {""}


def _with_given(findings: Sequence[Finding], name: str, present: bool) -> Answers:
    return {name: present} | dict.fromkeys(given_of(findings, name), True)
