"""Which film of the worklist is an earlier one of the same patient."""

from collections.abc import Iterable
from dataclasses import dataclass

from cxrapp.films.names import read_moment
from cxrapp.session.film import Film


@dataclass(frozen=True)
class Earlier:
    """A film, and the days from it to the one it is held beside."""

    film: Film
    days: int


def prior_film(films: Iterable[Film], film: Film) -> Earlier | None:
    """The last film before this one whose file names the same patient; None without one.

    Both films must state the patient's ID and the study's day. An ID that is used again is found
    out by the birth date, where both state it.
    """
    day = read_moment(film.tags.study.date)
    if day is None or not film.tags.patient.patient_id:
        return None
    earlier = [
        Earlier(other, (day - before).days)
        for other in films
        if _same_patient(other, film)
        and (before := read_moment(other.tags.study.date))
        and before < day
    ]
    return min(earlier, key=lambda one: (one.days, -int(one.film.key)), default=None)


def _same_patient(one: Film, other: Film) -> bool:
    a, b = one.tags.patient, other.tags.patient
    born = {patient.birth_date for patient in (a, b)} - {None}
    return a.patient_id == b.patient_id and len(born) < 2
