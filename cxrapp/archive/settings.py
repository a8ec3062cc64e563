"""Where the archive is, and how it knows us: from the environment, or from one file.

CXR_PACS_FILE names a TOML file with any of the names of `ArchiveSettings`; CXR_PACS_URL,
CXR_PACS_USER and so on, in capitals, outweigh it. Secrets stand in files of their own and are read
for every connection, so that they can be changed while the program runs.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cxrapp.errors import CxrError

PREFIX = "CXR_PACS_"
FILE = f"{PREFIX}FILE"
SECONDS = 30.0


@dataclass(frozen=True)
class ArchiveSettings:
    """How to reach the archive. Kept out of its `repr`, so that no log can hold it.

    Args:
        url: Of its DICOMweb service, such as https://pacs.hospital.example/dicom-web.
        user, password_file: For HTTP Basic; the file holds the password alone.
        token_file: Holds a bearer token, instead of those.
        ca: Certificates that vouch for the archive's, PEM; those of the system if not given.
        certificate, key: Our own, PEM, where the archive asks for one; the key may stand in the
            certificate's file.
        timeout: Seconds to wait for a connection, and for each answer.
    """

    url: str = field(repr=False)
    user: str | None = field(default=None, repr=False)
    password_file: Path | None = None
    token_file: Path | None = None
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    timeout: float = SECONDS


NAMES = tuple(one.name for one in fields(ArchiveSettings))
PATHS = {"password_file", "token_file", "ca", "certificate", "key"}


def load_settings(
    url: str | None = None, environment: Mapping[str, str] = os.environ
) -> ArchiveSettings | None:
    """The settings, None where no archive is set up.

    Args:
        url: Outweighs the others.

    Raises:
        CxrError: They cannot be read, or do not fit together.
    """
    values: dict[str, Any] = _read_file(Path(environment[FILE])) if environment.get(FILE) else {}
    values |= {
        name: environment[PREFIX + name.upper()]
        for name in NAMES
        if environment.get(PREFIX + name.upper())
    }
    values |= {"url": url} if url else {}
    if not values.get("url"):
        return None
    _check_url(str(values["url"]))
    for name in PATHS & values.keys():
        values[name] = Path(str(values[name]))
    try:
        values["timeout"] = float(values.get("timeout", SECONDS))
    except ValueError:
        raise CxrError("The archive's time-out is not a number of seconds.") from None
    if not 0 < values["timeout"] < 3600:
        raise CxrError("The archive's time-out is between 0 and 3,600 seconds.")
    settings = ArchiveSettings(**values | {"url": str(values["url"]).rstrip("/")})
    if settings.user and not settings.password_file:
        raise CxrError("A user of the archive needs the file of a password.")
    if settings.user and settings.token_file:
        raise CxrError("The archive is given a user or a token, not both.")
    return settings


def read_secret(path: Path) -> str:
    """A password or a token.

    Raises:
        CxrError: There is none.
    """
    try:
        secret = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise CxrError("The file of the archive's password or token cannot be read.") from None
    if not secret or not secret.isprintable():
        raise CxrError("The file of the archive's password or token holds no such thing.")
    return secret


def _read_file(path: Path) -> dict[str, Any]:
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        raise CxrError(f"{FILE}: the archive's settings cannot be read.") from None
    if unknown := values.keys() - set(NAMES):
        raise CxrError(f"{FILE}: there is no setting {', '.join(sorted(unknown))}.")
    return values


def _check_url(url: str) -> None:
    """Raises CxrError, without the URL's own words: somebody may have put a password there."""
    try:
        parts = urlsplit(url)
        whole = parts.scheme in ("http", "https") and parts.hostname and (parts.port or 1)
    except ValueError:
        whole = False
    if not whole or parts.query or parts.fragment:
        raise CxrError("The archive's URL is of the form https://pacs.hospital.example/dicom-web.")
    if parts.username or parts.password:
        raise CxrError("The archive's URL holds no password: name a user and a file of it.")
