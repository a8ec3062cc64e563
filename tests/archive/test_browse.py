from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from cxrapp.archive.browse import Search, find, find_priors, send
from cxrapp.archive.client import Archive
from cxrapp.archive.reports import result_objects
from cxrapp.errors import ArchiveFault
from cxrapp.films.decode import read_upload
from cxrapp.report.case import Case
from tests.archive.films import ROOT, film
from tests.archive.orthanc import Orthanc
from tests.report.cases import CARD, case


@pytest.fixture
def archive(orthanc: Orthanc) -> Archive:
    return orthanc.connect()


def result(number: int, **parts: object) -> Case:
    """Of a film that the archive has."""
    (read,) = read_upload("film", film(number))
    return case(read, reader_call=None, **parts)


def studies(archive: Archive, search: Search, now: datetime | None = None) -> list[str]:
    listed, _ = find(archive, search, now or datetime.now(), {})
    return [one.study.uid.rpartition(".")[2] for one in listed]


def test_last_night_begins_in_the_evening_before(orthanc: Orthanc, archive: Archive) -> None:
    now = datetime.now().replace(hour=7, minute=0)
    passed = (datetime.now() - now).total_seconds() / 3600  # to count hours from seven
    orthanc.receive(*(film(n, hours=passed + n) for n in (1, 12, 14, 30)))
    assert studies(archive, Search("Last night"), now) == ["1", "12"]
    assert studies(archive, Search("Last 7 days"), now) == ["1", "12", "14", "30"]


def test_a_patient_is_found_by_number_name_and_accession(
    orthanc: Orthanc, archive: Archive
) -> None:
    orthanc.receive(film(1), film(2, PatientName="Berg^Anna"), film(3, Modality="DX"))
    anything = Search("Any time")
    assert studies(archive, replace(anything, patient="K-00003")) == ["3"]
    assert studies(archive, replace(anything, patient="anna")) == ["2"]
    assert studies(archive, replace(anything, accession="A00001")) == ["1"]
    assert studies(archive, replace(anything, modalities=("DX",))) == ["3"]


def test_priors_are_of_the_same_patient_and_earlier(orthanc: Orthanc, archive: Archive) -> None:
    mine = {"PatientID": "K-1"}
    orthanc.receive(
        film(1, hours=1, **mine),
        *(film(n, hours=24 * n, **mine) for n in (2, 3, 4)),
        film(5, hours=48, PatientID="K-11"),
    )
    known: dict = {}
    listed, _ = find(archive, Search("Any time"), datetime.now(), known)
    latest = next(one for one in listed if one.study.uid == f"{ROOT}.1")
    priors = find_priors(archive, latest.study, known)
    assert [one.study.uid for one in priors] == [f"{ROOT}.2", f"{ROOT}.3"]


def test_a_result_sent_is_read_back_and_stands_once(orthanc: Orthanc, archive: Archive) -> None:
    orthanc.receive(film(1), film(2, hours=2))
    for _ in range(2):
        send(archive, CARD, result(1))
    reports = [tags for tags in orthanc.instances().values()]
    assert len(reports) == 2 + 3  # the films, two captures and a report
    listed, _ = find(archive, Search("Any time"), datetime.now(), {})
    said = {one.study.uid: one.result for one in listed}
    assert said[f"{ROOT}.2"] is None
    found = said[f"{ROOT}.1"]
    assert (found.finding, found.outcome, found.sha256) == ("Pneumonia", "positive", CARD.sha256)
    assert found.probability == pytest.approx(0.873421)


def test_a_readers_call_makes_another_report(orthanc: Orthanc, archive: Archive) -> None:
    orthanc.receive(film(1))
    send(archive, CARD, result(1))
    send(archive, CARD, replace(result(1), reader_call="negative"))
    listed, _ = find(archive, Search("Any time"), datetime.now(), {})
    assert len(archive.list_instances(f"{ROOT}.1")) == 1 + 2 * 3
    assert listed[0].result.outcome == "positive"


def test_a_film_that_the_archive_lacks_is_not_sent(orthanc: Orthanc, archive: Archive) -> None:
    orthanc.receive(film(1))
    with pytest.raises(ArchiveFault, match="not in the archive"):
        send(archive, CARD, result(2))


def test_a_refused_film_has_a_report_without_pictures() -> None:
    refused = result(1, verdict=replace(case().verdict, level="refuse", reasons=("Why.",)))
    (report,) = result_objects(CARD, refused, {}, ("sr", "sc"))
    assert report.Modality == "SR"
    (picture,) = result_objects(CARD, refused, {}, ("sc",))
    assert picture.Modality == "OT"


def test_what_is_known_is_asked_for_once(
    orthanc: Orthanc, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    orthanc.receive(film(1))
    send(archive, CARD, result(1))
    known: dict = {}
    first, _ = find(archive, Search("Any time"), datetime.now(), known)
    monkeypatch.setattr(archive, "list_instances", lambda *_: pytest.fail("asked again"))
    again, _ = find(archive, Search("Any time"), datetime.now() + timedelta(hours=1), known)
    assert first == again
