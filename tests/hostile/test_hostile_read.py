from collections import Counter
from hashlib import sha256

from cxrapp.films.limits import MAX_DECODE_BYTES, MAX_FILE_BYTES, MAX_PIXELS, MIN_SIDE
from tests.hostile.corpus import corpus

TURNED_AWAY = ("at most", "more than", "larger than", "Deflated", "encrypted", "unusual way")
LONGEST = 160  # characters of a sentence about a file


def test_the_corpus_is_large_varied_and_the_same_at_every_call(answers: dict[str, dict]) -> None:
    kinds = Counter(specimen.kind for specimen in corpus())
    assert len(corpus()) >= 300
    assert len(kinds) >= 25
    assert {one.name: sha256(one.data).hexdigest() for one in corpus()} == {
        name: answer["sha256"] for name, answer in answers.items()
    }


def test_every_specimen_is_answered_and_none_with_an_error(answers: dict[str, dict]) -> None:
    assert not [answer for answer in answers.values() if "error" in answer or not answer["items"]]


def test_what_ends_a_decoder_is_known_and_answered(answers: dict[str, dict]) -> None:
    enders = {one.name for one in corpus() if one.kind == "ends the process"}
    assert {name for name, answer in answers.items() if answer.get("died")} == enders


def test_a_film_has_a_films_pixels_whatever_the_file_says(answers: dict[str, dict]) -> None:
    films = [(name, item) for name, item in items_of(answers) if "shape" in item]
    for name, film in films:
        height, width = film["shape"]
        assert film["sound"], name
        assert min(height, width) >= MIN_SIDE and height * width <= MAX_PIXELS, name
        assert all(text is None or text.isprintable() for text in film["texts"]), name
        assert all(text is None or 0 < len(text) <= 64 for text in film["texts"]), name
    assert len(films) > 100


def test_every_refusal_is_one_sentence(answers: dict[str, dict]) -> None:
    refusals = [(name, item["reason"]) for name, item in items_of(answers) if "reason" in item]
    for name, reason in refusals:
        assert reason.isprintable() and reason.endswith("."), (name, reason)
        assert 10 < len(reason) <= LONGEST, (name, reason)
    assert len(refusals) > 100


def test_the_refusal_names_what_is_wrong(answers: dict[str, dict]) -> None:
    for one in corpus():
        for item in answers[one.name]["items"]:
            assert one.reason in item.get("reason", "a film") or not one.reason, (one.name, item)


def test_what_is_only_odd_is_read_all_the_same(answers: dict[str, dict]) -> None:
    odd = [one for one in corpus() if one.film]
    for one in odd:
        assert ["shape" in item for item in answers[one.name]["items"]] == [True], one.name
    assert len(odd) > 100


def test_limits_hold_before_anything_is_decoded(answers: dict[str, dict]) -> None:
    for one in corpus():
        reasons = [item.get("reason", "") for item in answers[one.name]["items"]]
        if all(any(words in reason for words in TURNED_AWAY) for reason in reasons):
            cost = answers[one.name]["cost"]
            assert cost < 2 * MAX_FILE_BYTES + len(one.data), (one.name, cost)


def test_no_specimen_costs_more_memory_than_a_decoder_may_use(answers: dict[str, dict]) -> None:
    costs = {name: answer["cost"] for name, answer in answers.items()}
    worst = max(costs, key=costs.__getitem__)
    assert costs[worst] < MAX_DECODE_BYTES, (worst, costs[worst])


def items_of(answers: dict[str, dict]) -> list[tuple[str, dict]]:
    return [(name, item) for name, answer in answers.items() for item in answer["items"]]
