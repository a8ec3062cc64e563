"""A watcher in a process of its own that can be killed, begun without loading PyTorch anew."""

import multiprocessing
from datetime import timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path

from cxrapp.archive.client import Archive
from cxrapp.archive.reports import KINDS
from cxrapp.archive.settings import ArchiveSettings
from cxrapp.archive.watch import Watcher
from cxrapp.model.bundle import Bundle, load_bundle

PRELOADED = ["tests.archive.watching", "highdicom", "highdicom.sr", "highdicom.sc"]


def watcher(url: str, bundle: Bundle) -> Watcher:
    """Of a day, sending everything."""
    return Watcher(lambda: Archive(ArchiveSettings(url)), bundle, timedelta(hours=24), KINDS)


def start(url: str, bundle: Path, every: float = 0.5) -> BaseProcess:
    """Watch until killed."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    process = context.Process(target=_watch, args=(url, bundle, every), daemon=True)
    process.start()
    return process


def kill(process: BaseProcess) -> None:
    """As SIGKILL does, at whatever it is."""
    process.kill()
    process.join(60)


def _watch(url: str, bundle: Path, every: float) -> None:
    watcher(url, load_bundle(bundle)).run(every)
