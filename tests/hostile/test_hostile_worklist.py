from collections import Counter

import pytest

from cxrapp.films.decode import read_upload
from cxrapp.model.bundle import Bundle
from cxrapp.model.predict import predict
from cxrapp.session.worklist import Worklist
from tests.hostile.specimen import SAMPLES, Specimen


@pytest.fixture(scope="module")
def worklist(batch: list[Specimen], light: Bundle) -> Worklist:
    """All of the batch, uploaded at once."""
    worklist = Worklist()
    worklist.add(light, [(specimen.name, specimen.data) for specimen in batch])
    worklist.wait()
    return worklist


def test_nothing_is_lost_and_names_stay_as_they_are(
    worklist: Worklist, batch: list[Specimen], answers: dict[str, dict]
) -> None:
    good = [one.name for one in batch if one.kind == "good"]
    bad = [one for one in batch if one.kind != "good"]
    expected = Counter([*good, *(i["name"] for one in bad for i in answers[one.name]["items"])])
    films = [film.name for film in worklist.films.values()]
    assert Counter([*films, *(rejection.name for rejection in worklist.rejections)]) == expected
    assert worklist.progress is None


def test_a_file_is_refused_for_the_same_reason_as_alone(
    worklist: Worklist, batch: list[Specimen], answers: dict[str, dict]
) -> None:
    reasons = {
        item["name"]: item["reason"]
        for one in batch
        for item in answers.get(one.name, {"items": []})["items"]
        if "reason" in item
    }
    unlike = {r.name: r.reason for r in worklist.rejections if reasons.get(r.name) != r.reason}
    assert not unlike


def test_good_films_score_as_they_do_alone(worklist: Worklist, light: Bundle) -> None:
    films = {film.name: film for film in worklist.films.values()}
    for path in SAMPLES:
        (alone,) = predict(light, list(read_upload(path.name, path.read_bytes())))
        result = worklist.result(films[path.name], light)
        assert result.prediction.logits == pytest.approx(alone.logits, abs=1e-4)


def test_a_clean_upload_follows_a_hostile_one(worklist: Worklist, light: Bundle) -> None:
    count = len(worklist.films)
    worklist.add(light, [(SAMPLES[0].name, SAMPLES[0].read_bytes())])
    worklist.wait()
    assert len(worklist.films) == count + 1
