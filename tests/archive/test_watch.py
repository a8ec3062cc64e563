import hashlib
import io
import logging
import random
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import highdicom
import pydicom
import pytest
import requests

from cxrapp.archive.reports import KINDS, last_uid
from cxrapp.archive.watch import Waiting, Watcher
from cxrapp.model.bundle import Bundle
from tests.archive.films import CT, ROOT, film
from tests.archive.orthanc import Orthanc
from tests.archive.watching import kill, start, watcher

KILLS = 20


@pytest.fixture
def watch(orthanc: Orthanc, light: Bundle) -> Iterator[Watcher]:
    yield watcher(orthanc.url, light)


def results(orthanc: Orthanc) -> list[pydicom.Dataset]:
    """What was sent back, as a reader of the archive gets it."""
    place, numbers = f"http://127.0.0.1:{orthanc.http}/instances", orthanc.rest("instances")
    files = [requests.get(f"{place}/{number}/file", timeout=60).content for number in numbers]
    whole = [pydicom.dcmread(io.BytesIO(file)) for file in files]
    return [one for one in whole if one.get("Manufacturer") == "cxrapp"]


def reported(orthanc: Orthanc) -> Counter[str]:
    """SOP Instance UID of a film -> how many reports it has."""
    reports = [one for one in results(orthanc) if one.Modality == "SR"]
    return Counter(measured(report) for report in reports)


def measured(report: pydicom.Dataset) -> str:
    """The film that a report is about."""
    content = highdicom.sr.ComprehensiveSR.from_dataset(report).content
    parts = content.get_image_measurement_groups()[0][0].ContentSequence
    (image,) = (item for item in parts if item.ValueType == "IMAGE")
    return image.ReferencedSOPSequence[0].ReferencedSOPInstanceUID


def waiting(watch: Watcher) -> list[Waiting]:
    return [one for study in watch.look() for one in watch.wait_list(study)]


def drain(watch: Watcher) -> None:
    for one in waiting(watch):
        watch.take(one)


def wait_for(orthanc: Orthanc, bundle: Bundle, films: list[str], seconds: float = 120) -> None:
    """Until every film has its report."""
    wanted = {last_uid(bundle.card, uid, KINDS) for uid in films}
    for _ in range(int(seconds / 0.1)):
        there = {tags["SOPInstanceUID"] for tags in orthanc.instances().values()}
        if wanted <= there:
            return
        time.sleep(0.1)
    raise TimeoutError(f"{len(wanted - there)} films without a report")


def test_results_stand_beside_the_film_in_words_that_others_read(
    orthanc: Orthanc, bundle: Bundle, tmp_path: Path
) -> None:
    orthanc.receive(film(1, sample=3, side=512))
    watch = watcher(orthanc.url, bundle)
    drain(watch)
    sent = results(orthanc)
    assert Counter(one.Modality for one in sent)["SR"] == 1
    assert Counter(one.Modality for one in sent)["OT"] >= 1
    source = pydicom.dcmread(io.BytesIO(film(1)))
    for number, one in enumerate(sent):
        for keyword in ("PatientName", "PatientID", "StudyInstanceUID", "AccessionNumber"):
            assert one[keyword].value == source[keyword].value
        assert one.StudyID == source.StudyID
        assert one.ReferringPhysicianName == source.ReferringPhysicianName
        path = tmp_path / f"{number}.dcm"
        one.save_as(path)
        if validator := shutil.which("dciodvfy"):
            said = subprocess.run([validator, path], capture_output=True, text=True).stderr
            assert "Error" not in said
        if one.Modality == "SR":
            assert measured(one) == source.SOPInstanceUID
            dump = subprocess.run(["dsrdump", path], capture_output=True, check=True).stdout
            assert b"Probability" in dump
        else:
            assert one.SourceImageSequence[0].ReferencedSOPInstanceUID == source.SOPInstanceUID
    assert waiting(watch) == []


def test_what_is_no_chest_film_is_not_fetched(orthanc: Orthanc, watch: Watcher) -> None:
    orthanc.receive(
        film(1),
        film(2, study=1, Modality="CT", SOPClassUID=CT, SeriesInstanceUID=f"{ROOT}.1.2"),
        film(3, BodyPartExamined="HAND"),
        film(4, BodyPartExamined=None),
        film(5, Modality="DX", BodyPartExamined="THORAX"),
        film(6, hours=24 * 9),
    )
    assert sorted(one.film.numbers[1] for one in waiting(watch)) == [1, 4, 5]


def test_the_oldest_request_comes_first(
    orthanc: Orthanc, watch: Watcher, caplog: pytest.LogCaptureFixture
) -> None:
    ages = random.Random(7).sample(range(1, 40), 12)
    orthanc.receive(*(film(age, hours=age / 4, side=96) for age in ages))
    with caplog.at_level(logging.INFO):
        drain(watch)
    uids = [f"{ROOT}.{age}.1.{age}" for age in sorted(ages, reverse=True)]
    marks = [hashlib.sha256(uid.encode()).hexdigest()[:12] for uid in uids]
    assert [record.film for record in caplog.records if record.msg == "report sent"] == marks


def test_a_study_of_300_films_is_listed_whole(orthanc: Orthanc, watch: Watcher) -> None:
    orthanc.receive(*(film(number, study=1, side=64) for number in range(300)))
    listed = waiting(watch)
    assert [one.film.numbers[1] for one in listed] == list(range(300))
    for one in listed[:3]:
        watch.take(one)
    assert len(waiting(watch)) == 297


def test_a_bad_film_stops_no_other(
    orthanc: Orthanc, watch: Watcher, caplog: pytest.LogCaptureFixture
) -> None:
    orthanc.receive(
        film(1, hours=5, PixelData=b"\0" * 64), film(2, hours=4), film(3, hours=3), film(4)
    )
    listed = waiting(watch)
    gone = next(key for key, tags in orthanc.instances().items() if tags["InstanceNumber"] == "2")
    orthanc.rest(f"instances/{gone}", "DELETE")  # after it was listed, before it is fetched
    for one in listed:
        watch.take(one)
    assert sorted(reported(orthanc)) == [f"{ROOT}.{n}.1.{n}" for n in (3, 4)]
    said = [record.reason for record in caplog.records if record.msg == "no report"]
    assert said == ["The DICOM file is damaged.", "The archive does not hold it any more."]
    assert [one.film.numbers[1] for one in waiting(watch)] == [1]


def test_another_film_than_asked_for_is_not_reported(
    orthanc: Orthanc, watch: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    orthanc.receive(film(1))
    (one,) = waiting(watch)
    monkeypatch.setattr(watch._archive, "fetch", lambda instance: film(2))
    watch.take(one)
    assert results(orthanc) == []


def test_killed_at_20_moments_every_film_has_one_report(
    orthanc: Orthanc, light: Bundle, light_path: Path
) -> None:
    uids, moments = [], random.Random(22)
    for number in range(KILLS):
        process = start(orthanc.url, light_path)
        orthanc.receive(film(number, hours=1 + number / 10, side=128))
        uids.append(f"{ROOT}.{number}.1.{number}")
        time.sleep(moments.uniform(0.0, 0.9))
        kill(process)
    process = start(orthanc.url, light_path)
    wait_for(orthanc, light, uids)
    kill(process)
    assert reported(orthanc) == dict.fromkeys(uids, 1)


def test_two_at_once_leave_one_report_each(
    orthanc: Orthanc, light: Bundle, light_path: Path
) -> None:
    orthanc.receive(*(film(number, hours=1 + number / 10, side=128) for number in range(6)))
    uids = [f"{ROOT}.{number}.1.{number}" for number in range(6)]
    both = [start(orthanc.url, light_path) for _ in range(2)]
    wait_for(orthanc, light, uids)
    for process in both:
        kill(process)
    assert reported(orthanc) == dict.fromkeys(uids, 1)
    captures = [one.SOPInstanceUID for one in results(orthanc) if one.Modality == "OT"]
    assert len(captures) == len(set(captures))


def test_an_archive_that_goes_away_is_waited_for(
    orthanc: Orthanc, light: Bundle, light_path: Path
) -> None:
    orthanc.receive(*(film(number, hours=1 + number / 10, side=128) for number in range(5)))
    uids = [f"{ROOT}.{number}.1.{number}" for number in range(5)]
    process = start(orthanc.url, light_path)
    wait_for(orthanc, light, uids[-1:])  # the oldest
    orthanc.stop()
    time.sleep(2)
    assert process.is_alive()
    orthanc.start()
    wait_for(orthanc, light, uids)
    kill(process)
    assert reported(orthanc) == dict.fromkeys(uids, 1)
