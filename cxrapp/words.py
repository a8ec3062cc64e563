"""The words every kind of file shares, and how text from outside is made harmless."""

import math
import unicodedata
from datetime import datetime

import numpy as np

from cxrapp.model.card import Finding
from cxrapp.model.decision import Outcome
from cxrapp.model.gate import Level
from cxrapp.model.lungs import ZONES
from cxrapp.statistics.bootstrap import Rate

NOT_A_DIAGNOSIS = (
    "This is not a diagnosis: it is a second look at the film by research software, which is not a "
    "certified medical device; a physician reads the film and decides."
)
PROGRAM = "cxrapp"
TITLE = "Chest X-ray screening report"
# What the gate said, as a heading.
VERDICTS: dict[Level, str] = {
    "accept": "Like the films this model knows",
    "warn": "Unusual: read this result with care",
    "refuse": "Not screened: the film was refused",
}
OVERRULED = "Refused, and shown at the reader's own choice"
SEXES = {"F": "female", "M": "male", "O": "other"}
# Overrides of the writing direction can make a name read as another one.
DIRECTIONS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def one_line(text: str) -> str:
    """What every format can hold on one line: no control, direction or half characters."""
    whole = text.encode("utf-8", "replace").decode("utf-8")  # half a surrogate pair is no text
    kept = (
        " " if unicodedata.category(c) in ("Cc", "Zl", "Zp") or c in DIRECTIONS else c
        for c in whole
    )
    return " ".join("".join(kept).split())


def escape_markdown(text: str) -> str:
    """Text from outside, so that Markdown shows it as it is."""
    return "".join(f"\\{c}" if c in r"\`*_{}[]()<>#+-.!|~$:&" else c for c in text)


def shorten(text: str, length: int) -> str:
    """At most `length` characters, the middle left out: both ends tell files apart."""
    if len(text) <= length:
        return text
    return f"{text[: length - length // 2 - 1]}…{text[len(text) - length // 2 :]}"


def percent(probability: float) -> str:
    """No network is certain: 100.0 % and 0.0 % are never written."""
    if probability > 0.999:
        return "over 99.9 %"
    return "under 0.1 %" if probability < 0.001 else f"{100 * probability:.1f} %"


def threshold_words(threshold: float) -> str:
    """A threshold, as the probabilities that are held against it are written: 54.4 %."""
    return f"{100 * threshold:.1f} %"


def share_words(share: float) -> str:
    """How many people: 7.5 of 100."""
    return f"{100 * share:.3g} of 100"


def weak_words(found: float) -> str:
    """What must be said of a finding that the model often misses."""
    return f"Weak: misses {100 * (1 - found):.0f} of 100. Do not choose treatment by it."


def rate_words(rate: Rate) -> str:
    """A measure with its 95 % interval, for a sentence."""
    value, interval = rate_cells(rate)
    return f"{value} ({interval})" if interval else value


def rate_cells(rate: Rate) -> tuple[str, str]:
    """A measure and its 95 % interval, for a table; a dash where no film could measure it."""
    if math.isnan(rate.value):
        return "–", ""
    return f"{100 * rate.value:.1f} %", f"{100 * rate.low:.1f} to {100 * rate.high:.1f}"


def outcome_words(finding: Finding, outcome: Outcome) -> tuple[str, str]:
    """A decision, and in the finding's own words what it means; empty where that says no more.

    "Negative: bacterial pneumonia" would read as none of it: "no" to a question that another's
    "yes" has led to names the other kind.
    """
    if finding.given and outcome == "negative":
        return f"rather {finding.negative}", ""
    meanings = {
        "positive": "",
        "undecided": "in the abstain band",
        "negative": finding.negative,
        "not asked": f"only if {finding.given}",
    }
    return outcome, meanings[outcome]


def evidence_words(inside: float, chance: float, zones: np.ndarray) -> str:
    """How much of a map's evidence lies in the lungs, and where most of that if it is more than
    chance would put there.

    Args:
        inside, chance: In [0, 1], as in `LungEvidence`.
        zones: (2, 3), the same by side of the film and zone.
    """
    by_chance = "" if math.isnan(chance) else f" (by chance {100 * chance:.0f} %)"
    words = f"{100 * inside:.0f} % of the evidence is in the lungs{by_chance}"
    if not inside > 0 or inside <= chance:
        return words
    side, zone = np.unravel_index(int(zones.argmax()), zones.shape)
    # A film hangs as if the patient faced the reader.
    return f"{words}, most in the {('right', 'left')[side]} {ZONES[zone]} zone"


def agreement_words(value: float, chance: tuple[float, float], *, above: bool) -> str:
    """Whether two methods agree, beside what chance would give.

    Args:
        value, chance: As in `MethodAgreement`, chance on average and at most.
        above: Whether the value is above chance.
    """
    by_chance = "by chance {:.2f}, at most {:.2f}".format(*chance)
    if above:
        return f"agree above chance ({value:.2f}; {by_chance}; 1 is the same order of places)"
    return f"agree no better than chance ({value:.2f}; {by_chance}): do not rely on either map"


def capitalised(text: str) -> str:
    """The first letter large, all others as they are: "COVID-19" stays so."""
    return text[:1].upper() + text[1:]


def person_words(name: str) -> str:
    """A name as DICOM writes it, family^given^middle=other scripts -> a name as people do."""
    groups = (" ".join(group.replace("^", " ").split()) for group in name.split("="))
    return " / ".join(group for group in groups if group) or name


def age_words(years: float) -> str:
    """Years, or months below two years."""
    if years < 2:
        months = int(years * 12 + 1e-6)  # 1.5 years from 18 months may be a hair less
        return f"{months} month{'' if months == 1 else 's'}"
    return f"{int(years)} years"


def interval_words(days: int) -> str:
    """Days; months from two of them on, and years from two on."""
    for length, unit in ((365.25, "years"), (30.44, "months")):
        if days >= 2 * length:
            return f"{days / length:.0f} {unit}"
    return f"{days} day{'' if days == 1 else 's'}"


def taken_words(taken: datetime, now: datetime) -> str:
    """When a film was taken and how long it has waited: 14:05, waits 1 h 20 min."""
    day = "" if taken.date() == now.date() else f"{taken:%Y-%m-%d} "
    return ", ".join(filter(None, (f"{day}{taken:%H:%M}", wait_words(taken, now))))


def wait_words(since: datetime, now: datetime) -> str:
    """How long somebody has waited; nothing where a clock is wrong."""
    minutes = int((now - since).total_seconds() // 60)
    if minutes < 0:
        return ""
    hours, days = minutes // 60, minutes // 1440
    if days:
        return f"waits {days} day{'' if days == 1 else 's'}"
    return f"waits {hours} h {minutes % 60:02} min" if hours else f"waits {minutes} min"


def date_words(day: str) -> str:
    """YYYYMMDD -> YYYY-MM-DD."""
    return f"{day[:4]}-{day[4:6]}-{day[6:]}"
