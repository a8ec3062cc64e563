"""A real archive on free ports of this machine: Orthanc with its DICOMweb plugin."""

import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from cxrapp.archive.client import Archive
from cxrapp.archive.settings import ArchiveSettings
from tests.load.server import free_port

PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")


class Orthanc:
    """The archive, which can be stopped and started; what it holds lies in its folder."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.http, self.dicom = free_port(), free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._file = folder / "orthanc.json"
        own = {
            "StorageDirectory": str(folder / "db"),
            "IndexDirectory": str(folder / "db"),
            "Plugins": [str(PLUGIN)],
            "HttpPort": self.http,
            "DicomPort": self.dicom,
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": False,
            "SyncStorageArea": False,  # it need not outlive the machine
        }
        self._file.write_text(json.dumps(own | settings))
        self.scheme = "https" if settings.get("SslEnabled") else "http"

    @property
    def url(self) -> str:
        """Of its DICOMweb service."""
        return f"{self.scheme}://127.0.0.1:{self.http}/dicom-web"

    def start(self) -> None:
        """Begin, and wait until it answers, by whatever status."""
        self._process = subprocess.Popen(
            ["Orthanc", str(self._file)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for _ in range(600):
            try:
                requests.get(f"{self.url}/studies", params={"limit": 1}, verify=False, timeout=5)
                return
            except requests.RequestException:
                assert self._process.poll() is None, "Orthanc has ended"
                time.sleep(0.1)
        raise TimeoutError("Orthanc does not answer")

    def stop(self) -> None:
        """End it, as a restart of its machine would."""
        if self._process:
            self._process.terminate()
            self._process.wait(60)
            self._process = None

    def rest(self, path: str, method: str = "GET") -> Any:
        """Its own interface, beside DICOMweb."""
        address = f"http://127.0.0.1:{self.http}/{path}"
        return requests.request(method, address, timeout=60).json()

    def empty(self) -> None:
        """Remove all it holds."""
        for patient in self.rest("patients"):
            self.rest(f"patients/{patient}", "DELETE")

    def instances(self) -> dict[str, dict[str, Any]]:
        """Its own number of every instance -> the tags."""
        listed = self.rest("instances?expand&requestedTags=Modality")
        return {one["ID"]: one["MainDicomTags"] for one in listed}

    def receive(self, *films: bytes) -> None:
        """Take films from a machine, by C-STORE."""
        with tempfile.TemporaryDirectory() as folder:
            for number, film in enumerate(films):
                (Path(folder) / f"{number:05}.dcm").write_bytes(film)
            subprocess.run(
                ["storescu", "+sd", "127.0.0.1", str(self.dicom), folder],
                check=True,
                capture_output=True,
            )

    def connect(self) -> Archive:
        """What the program asks by."""
        return Archive(ArchiveSettings(self.url))


@contextmanager
def running(folder: Path, **settings: Any) -> Iterator[Orthanc]:
    """An Orthanc of one's own, skipped where there is none."""
    if not (shutil.which("Orthanc") and PLUGIN.exists() and shutil.which("storescu")):
        pytest.skip("orthanc, orthanc-dicomweb and dcmtk are not all installed")
    orthanc = Orthanc(folder, **settings)
    try:
        orthanc.start()
        yield orthanc
    finally:
        orthanc.stop()
