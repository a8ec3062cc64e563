import pytest

from cxrapp.films.radiograph import Patient, Study, Tags
from cxrapp.session.film import Film
from cxrapp.session.priors import prior_film
from cxrapp.words import interval_words


def film(key: int, patient: str | None, day: str | None, born: str | None = None) -> Film:
    tags = Tags(study=Study(date=day), patient=Patient("Doe", patient, born))
    return Film(str(key), "film.dcm", None, "", "", tags)


def prior_of(one: Film, *others: Film) -> str | None:
    found = prior_film([one, *others], one)
    return found and found.film.key


def test_the_prior_is_the_last_film_of_an_earlier_day() -> None:
    now = film(0, "7", "20260401")
    others = [film(1, "7", "20240101"), film(2, "7", "20260301"), film(3, "7", "20260501")]
    found = prior_film([now, *others], now)
    assert (found.film.key, found.days) == ("2", 31)


@pytest.mark.parametrize(
    "other",
    [
        film(1, "8", "20260301"),
        film(1, None, "20260301"),
        film(1, "7", None),
        film(1, "7", "yesterday"),
        film(1, "7", "20260401"),  # another film of the same visit
        film(1, "7", "20260301", born="20190101"),  # the number was given to somebody else
    ],
)
def test_no_film_of_anybody_else_stands_beside_it(other: Film) -> None:
    assert prior_of(film(0, "7", "20260401", born="20200101"), other) is None
    nobody = film(0, None, "20260401")
    assert prior_of(nobody, film(1, None, "20260301")) is None


@pytest.mark.parametrize(
    ("days", "words"),
    [(1, "1 day"), (60, "60 days"), (61, "2 months"), (700, "23 months"), (1461, "4 years")],
)
def test_intervals_are_written_as_people_do(days: int, words: str) -> None:
    assert interval_words(days) == words
