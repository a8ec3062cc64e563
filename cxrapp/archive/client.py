"""Asking the archive, over DICOMweb (PS3.18): what there is, a film's bytes, and taking in results.

What goes wrong becomes an `ArchiveFault` whose words hold no address, no user and no patient.
"""

import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any

import requests
from dicomweb_client.api import DICOMwebClient
from pydicom import Dataset
from requests.adapters import HTTPAdapter
from urllib3.exceptions import ReadTimeoutError
from urllib3.util import Retry

from cxrapp.archive.entries import (
    FILM_MODALITIES,
    INSTANCE_FIELDS,
    STUDY_FIELDS,
    ArchivedInstance,
    ArchivedStudy,
    Entry,
    read_instance,
    read_study,
)
from cxrapp.archive.settings import ArchiveSettings, read_secret
from cxrapp.errors import ArchiveAway, ArchiveFault, CxrError
from cxrapp.films.dicom import is_dicom
from cxrapp.films.limits import MAX_FILE_BYTES
from cxrapp.runtime.metrics import note_archive

PAGE = 100  # entries asked for at a time: a slow archive answers as many within its time-out
CHUNK = 2**20
AS_STORED = 'multipart/related; type="application/dicom"; transfer-syntax=*'
WHOLE = 2**40  # bytes of a request's body in one piece: not every archive takes it in chunks

# They quote addresses, and in those names and numbers of patients.
for _name in ("dicomweb_client", "retrying", "urllib3"):
    logging.getLogger(_name).setLevel(logging.CRITICAL + 1)


class Archive:
    """A connection to the archive, for one thread.

    Raises:
        CxrError: The file of a secret cannot be read.
    """

    def __init__(self, settings: ArchiveSettings) -> None:
        self._session = _open_session(settings)
        self._url, self._timeout = settings.url, settings.timeout
        self._client = DICOMwebClient(
            settings.url, self._session, timeout=settings.timeout, chunk_size=WHOLE
        )
        self._client.set_http_retry_params(retry=False)

    def close(self) -> None:
        """Let the connection go."""
        self._session.close()

    def find_studies(
        self,
        *,
        days: tuple[date | None, date | None] = (None, None),
        modalities: Sequence[str] = FILM_MODALITIES,
        **filters: str,
    ) -> list[ArchivedStudy]:
        """Studies that hold any of the modalities, the oldest request first.

        Args:
            days: From one to the other, both counted in; None is open.
            filters: Keyword -> what it must be, as QIDO-RS matches it.
        """
        if any(days):
            first, last = (day.strftime("%Y%m%d") if day else "" for day in days)
            filters["StudyDate"] = f"{first}-{last}"
        # Not asked of the archive: Orthanc loses studies where it pages through them by modality.
        entries = self._search("studies", STUDY_FIELDS, search_filters=filters)
        read = filter(None, map(read_study, entries))
        found = [one for one in read if not one.modalities or set(one.modalities) & set(modalities)]
        return sorted(found, key=lambda study: (study.asked, study.uid))

    def list_instances(self, study: str, **filters: str) -> list[ArchivedInstance]:
        """What a study holds, in the order of its numbers."""
        entries = self._search(
            "instances", INSTANCE_FIELDS, study_instance_uid=study, search_filters=filters
        )
        read = (read_instance(study, entry) for entry in entries)
        return sorted(filter(None, read), key=lambda one: (one.numbers, one.uid))

    def holds(self, study: str, uid: str) -> bool:
        """Whether an instance is there."""
        return any(one.uid == uid for one in self.list_instances(study, SOPInstanceUID=uid))

    def fetch(self, instance: ArchivedInstance) -> bytes:
        """The bytes of one instance as it is stored, for the sandbox to read.

        Raises:
            ArchiveFault: It is gone, too large, or what comes is not DICOM.
        """
        where = f"studies/{instance.study}/series/{instance.series}/instances/{instance.uid}"
        with (
            _asking(),
            self._session.get(
                f"{self._url}/{where}",
                headers={"Accept": AS_STORED},
                stream=True,
                timeout=self._timeout,
            ) as answer,
        ):
            answer.raise_for_status()
            body = bytearray()
            for chunk in answer.iter_content(CHUNK):
                body += chunk
                if len(body) > MAX_FILE_BYTES + CHUNK:
                    raise ArchiveFault("The film is larger than this program reads.")
            data = _only_part(bytes(body), answer.headers.get("Content-Type", ""))
        if not is_dicom(data):
            raise ArchiveFault("The archive answered with something that is not DICOM.")
        return data

    def read_contents(self, instance: ArchivedInstance) -> Entry:
        """An instance without its pixels, as DICOM JSON."""
        with _asking():
            answer = self._client.retrieve_instance_metadata(
                instance.study, instance.series, instance.uid
            )
            if not isinstance(answer, dict):
                raise ValueError
            return answer

    def store(self, study: str, datasets: Sequence[Dataset]) -> None:
        """Put objects into a study, in this order.

        Raises:
            ArchiveFault: Not all of them were taken.
        """
        with _asking():
            answer = self._client.store_instances(datasets, study)
            if answer.get("FailedSOPSequence"):
                code = answer.FailedSOPSequence[0].get("FailureReason", 0)
                raise ArchiveFault(f"The archive did not take a result (code {int(code):04X}).")

    def _search(
        self, what: str, fields: Sequence[str], **arguments: Any
    ) -> Iterator[dict[str, Any]]:
        """All there is, page by page, also from an archive that pages its own way or not at all."""
        search = getattr(self._client, f"search_for_{what}")
        seen: set[str] = set()
        while True:
            with _asking():
                page = search(fields=fields, limit=PAGE, offset=len(seen), **arguments)
                new = {_key(entry): entry for entry in page if _key(entry) not in seen}
            yield from new.values()
            seen |= new.keys()
            if not new or len(page) < PAGE:
                return


def _key(entry: Entry) -> str:
    """The UID of a study or of an instance."""
    tag = "00080018" if "00080018" in entry else "0020000D"
    return str(entry[tag]["Value"][0])


def _open_session(settings: ArchiveSettings) -> requests.Session:
    session = requests.Session()
    session.trust_env = False  # no proxy and no password that nobody named here
    session.max_redirects = 0  # films and secrets go to this archive and nowhere else
    session.verify = str(settings.ca) if settings.ca else True
    if settings.certificate:
        parts = (settings.certificate, settings.key)
        session.cert = tuple(map(str, parts)) if settings.key else str(settings.certificate)
    for path in filter(None, (settings.ca, settings.certificate, settings.key)):
        if not path.is_file():
            raise CxrError("A certificate for the archive is not where the settings say.")
    if settings.token_file:
        session.headers["Authorization"] = f"Bearer {read_secret(settings.token_file)}"
    elif settings.user and settings.password_file:
        password = read_secret(settings.password_file)
        session.auth = (settings.user.encode(), password.encode())
    for scheme in ("http://", "https://"):
        session.mount(scheme, _Adapter(max_retries=_OnceMore(total=1, allowed_methods=None)))
    return session


class _Adapter(HTTPAdapter):
    def send(self, request: requests.PreparedRequest, **how: Any) -> requests.Response:
        """A wildcard may be sent as it is (RFC 3986), and Orthanc knows it no other way."""
        request.url = (request.url or "").replace("%2A", "*")
        return super().send(request, **how)


class _OnceMore(Retry):
    """Where an idle connection was closed from the other side just then, but for no time-out."""

    def increment(self, *request: Any, error: Exception | None = None, **how: Any) -> Retry:
        """Raises what is final."""
        if isinstance(error, ReadTimeoutError):
            raise error
        return super().increment(*request, error=error, **how)


def _only_part(body: bytes, content_type: str) -> bytes:
    """The one part of a multipart answer (RFC 2046), or the body where it is DICOM as it stands."""
    boundary = re.search(r'boundary="?([^";,]+)"?', content_type)
    if not content_type.startswith("multipart/related") or not boundary:
        return body
    mark = b"--" + boundary[1].encode()
    _, _, part = body.partition(mark)
    _, _, content = part.partition(b"\r\n\r\n")
    end = content.rfind(b"\r\n" + mark)
    if end < 0:
        raise ArchiveFault("The archive's answer was cut off.")
    return content[:end]


@contextmanager
def _asking() -> Iterator[None]:
    """What can go wrong with an archive, in words; and whether it is there, for the metrics."""
    try:
        yield
    except ArchiveFault:
        raise
    except requests.exceptions.SSLError as error:
        why = re.search(r"certificate verify failed: ([^(]+)", str(error))
        words = f" ({why[1].strip()})" if why else ""
        raise _away(f"The archive's certificate is not accepted{words}.") from None
    except requests.exceptions.Timeout:
        raise _away("The archive does not answer in time.") from None
    except requests.exceptions.TooManyRedirects:
        raise _away("The archive sends us to another address, and we do not go.") from None
    except requests.exceptions.HTTPError as error:
        raise _refusal(error.response.status_code) from None
    except requests.exceptions.JSONDecodeError:
        raise ArchiveFault("The archive answered with something that is not DICOM.") from None
    except (requests.exceptions.RequestException, OSError):
        raise _away("The archive cannot be reached.") from None
    except Exception:  # what an answer that is none makes its readers raise is not to be listed
        raise ArchiveFault("The archive answered with something that is not DICOM.") from None
    note_archive()


def _refusal(status: int) -> ArchiveFault:
    if status == 401:
        return _away("The archive does not accept the user and password, or the token.")
    if status == 403:
        return _away("The archive does not allow us what we ask for.")
    if status in (404, 410):  # it was there when it was listed
        return ArchiveFault("The archive does not hold it any more.")
    if status in (429, 502, 503, 504):  # too busy, or a proxy alone is there
        return _away(f"The archive is not at work now (status {status}).")
    return ArchiveFault(f"The archive could not do it (status {status}).")


def _away(words: str) -> ArchiveAway:
    note_archive(words)
    return ArchiveAway(words)
