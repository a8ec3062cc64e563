"""Does this film belong to the films the bundle knows? Accept, warn or refuse, with the reason.

What is written in the film (age, view, modality, body part) is read first, by `films.terms`; what
it looks like is judged by its distance from the training films, as the backbone sees them, and,
where there is a `lungs.pt`, by its lungs.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from cxrapp.films.radiograph import Radiograph
from cxrapp.films.terms import read_body_part, read_modality, read_view
from cxrapp.model.card import ModelCard
from cxrapp.model.lungs import Lungs

Level = Literal["accept", "warn", "refuse"]
Concern = tuple[Level, str]  # what a check asks for, and the sentence that says why

MIN_DETAIL = 128  # pixels of the shorter side; below this fine shadows are gone

# True of every bundle, with a lungs.pt and without.
UNCHECKED = (
    "A mirrored film, a lateral film or an abdomen may not be noticed: look at the film and its "
    "side marker."
)
GROWN_UP = 18.0  # years

# What may be wrong with a film too far away -> what would correct it.
CORRECTIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "turned to the left": lambda pixels: np.rot90(pixels, -1),
    "turned to the right": lambda pixels: np.rot90(pixels),
    "upside down": lambda pixels: np.rot90(pixels, 2),
    "a negative, with black and white exchanged": lambda pixels: 1 - pixels,
}


@dataclass(frozen=True)
class Verdict:
    """Whether a film's result may be shown, and in words why not.

    Args:
        level: `warn` shows the result with the reasons; `refuse` shows the reasons alone.
        reasons: Sentences; none for an accepted film.
    """

    level: Level
    reasons: tuple[str, ...] = ()

    @property
    def refused(self) -> bool:
        """Whether the reasons are shown instead of a result."""
        return self.level == "refuse"


@dataclass(frozen=True)
class Evidence:
    """All there is to know about a film.

    Args:
        distance: From the training films.
        corrected: Entry of `CORRECTIONS` -> distance of the film so corrected; may be empty.
        lungs: None where nobody looked for them.
    """

    film: Radiograph
    distance: float
    corrected: Mapping[str, float]
    lungs: Lungs | None = None


def judge(
    card: ModelCard,
    film: Radiograph,
    distance: float,
    corrected: Mapping[str, float],
    lungs: Lungs | None = None,
) -> Verdict:
    """Ask every check; the gravest of what they say decides, and every reason is kept.

    Args:
        card: Of the bundle that is to score the film.
        film, distance, corrected, lungs: See `Evidence`.
    """
    evidence = Evidence(film, distance, corrected, lungs)
    # Two checks may notice the same: it is said once.
    concerns = dict.fromkeys(concern for check in CHECKS for concern in check(card, evidence))
    reasons = {level: [why for said, why in concerns if said == level] for level in GRAVEST}
    level = next((level for level in GRAVEST if reasons[level]), "accept")
    return Verdict(level, tuple(why for said in reasons.values() for why in said))


def _check_terms(card: ModelCard, of: Evidence) -> Iterator[Concern]:
    """Is it a frontal X-ray film of a chest, by what its file says outright?"""
    modality, part, view = of.film.tags.modality, of.film.tags.body_part, of.film.tags.view
    for name, term, meaning, refusal in (
        ("modality", modality, read_modality(modality), "is not an X-ray film (modality {})"),
        ("body part", part, read_body_part(part), "shows another body part ({})"),
        ("view", view, read_view(view), "is not a frontal view ({})"),
    ):
        if meaning in ("no", "other"):
            yield "refuse", f"The file says it {refusal.format(term)}."
        elif meaning == "unknown":
            yield "warn", f"The file names a {name} that is not known ({term})."


def _check_view(card: ModelCard, of: Evidence) -> Iterator[Concern]:
    view, known = read_view(of.film.tags.view), card.gate.views
    if view in ("AP", "PA") and view not in known:
        yield "warn", f"A {view} view; this model knows {' and '.join(known)} views."


def _check_age(card: ModelCard, of: Evidence) -> Iterator[Concern]:
    age = of.film.tags.age_years
    if age is not None and not any(low <= age < high + 1 for low, high in card.gate.ages):
        spans = " and ".join(f"{low:g} to {high:g}" for low, high in card.gate.ages)
        yield "refuse", f"The patient is {age:.3g} years old; this model knows ages {spans}."


def _check_look(card: ModelCard, of: Evidence) -> Iterator[Concern]:
    """Is it far from the training films, and would it be near if it were corrected?"""
    wrong = min(of.corrected, key=of.corrected.__getitem__, default=None)
    if wrong and of.corrected[wrong] <= card.gate.warn < of.distance:
        yield "refuse", f"It looks {wrong}."
    elif _shows_no_chest(of):
        return  # the lungs' check says it, and more
    elif of.distance > card.gate.refuse:
        yield "refuse", f"It does not look like a frontal chest film of {card.population}."
    elif of.distance > card.gate.warn:
        yield (
            "warn",
            f"It looks unlike the films of {card.population} this model knows: another age, "
            "position or machine?",
        )


def _check_lungs(card: ModelCard, of: Evidence) -> Iterator[Concern]:
    """Are there two lungs, of the size and in the places that a frontal chest film has them?"""
    if of.lungs is None:
        return
    kind = of.lungs.kind
    if kind in TURNED:
        yield "refuse", f"It looks {TURNED[kind]}."
    elif _shows_no_chest(of):
        yield (
            "refuse",
            "It does not look like a frontal chest film: another view or body part, a slice, only "
            "a part of the chest, or a picture?",
        )
    elif of.lungs.implausible:
        yield (
            "refuse",
            "No two lungs of plausible size and place were found, so it does not count as a "
            "frontal chest film.",
        )
    elif kind == "mirrored":
        yield (
            "warn",
            "It looks mirrored: look at the side marker. If that is right, think of situs "
            "inversus.",
        )


def _check_grown_up(card: ModelCard, of: Evidence) -> Iterator[Concern]:
    """Is it an adult's film, where the model knows children alone?"""
    if of.lungs is None or not of.lungs.looks_adult or of.lungs.kind not in UPRIGHT:
        return
    if any(high >= GROWN_UP for _, high in card.gate.ages):
        return
    age = of.film.tags.age_years
    if age is None:
        spans = " and ".join(f"{low:g} to {high:g}" for low, high in card.gate.ages)
        yield "refuse", f"It looks like an adult's film; this model knows ages {spans}."
    elif age < GROWN_UP:  # of those older, the check of the age says enough
        yield (
            "warn",
            f"It looks like an adult's film, and the file says the patient is {age:.3g} years old: "
            "is it the right patient's?",
        )


def _shows_no_chest(of: Evidence) -> bool:
    """Whether it is no chest at all: how it differs from a child's then says nothing."""
    return of.lungs is not None and of.lungs.kind == "no chest film"


def _check_detail(card: ModelCard, of: Evidence) -> Iterator[Concern]:
    height, width = of.film.full_shape or of.film.pixels.shape
    if min(height, width) < MIN_DETAIL:
        yield "warn", f"It has only {width} x {height} pixels: fine shadows are gone."


def _check_range(card: ModelCard, of: Evidence) -> Iterator[Concern]:
    used = of.film.stretched_from
    if used is not None:
        yield (
            "warn",
            f"Its greys take up only {100 * used:.0f} % of the file's range, and were stretched to "
            "all of it: its contrast may not be as it was taken.",
        )


def _check_colour(card: ModelCard, of: Evidence) -> Iterator[Concern]:
    if of.film.in_colour:
        yield (
            "warn",
            "The picture is in colour, as a photograph of a film or of a screen is: light, angle "
            "and what lies around the film change the answer. Ask for the file itself.",
        )


UPRIGHT = ("frontal", "mirrored")  # kinds whose films say something about an age
TURNED = {
    "turned to the left": "turned to the left",
    "turned to the right": "turned to the right",
    "upside down": "upside down",
    "negative": "a negative, with black and white exchanged",
}
GRAVEST: tuple[Level, ...] = ("refuse", "warn")  # first
# To add a check, write one like those above and name it here: reasons keep this order.
CHECKS: tuple[Callable[[ModelCard, Evidence], Iterator[Concern]], ...] = (
    _check_terms,
    _check_view,
    _check_age,
    _check_look,
    _check_lungs,
    _check_grown_up,
    _check_detail,
    _check_range,
    _check_colour,
)
