"""Who screens the parts of a job: this process, or the workers of a Ray cluster.

An engine takes a screener and parts, and yields the number of files of each part that is written.

Ray: without RAY_ADDRESS, a cluster of this machine's cores is started for the run and ended with
it; it listens on loopback only, to this run only, and sends no usage statistics. With
RAY_ADDRESS=HOST:PORT, the run joins that cluster, with the token it may ask for in RAY_AUTH_TOKEN:
bundle, films, table and heat maps must then lie on a file system that every machine has under the
same paths, and this program, with its requirements, likewise.
"""

import json
import logging
import math
import os
import secrets
import socket
import tempfile
import warnings
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict
from typing import Any

import torch

from cxrapp.bulk.files import File
from cxrapp.bulk.job import Job, Part
from cxrapp.bulk.part import AT_ONCE, Screener
from cxrapp.errors import CxrError

RETRIES = 3  # of a part whose worker died; a file that kills every worker must end the run
OBJECT_STORE_BYTES = 128 * 2**20  # file names pass through it, no pixels


def run_here(screener: Screener, parts: Iterable[Part]) -> Iterator[int]:
    """Screen the parts in this process, in threads that have its cores in equal parts: while one
    decodes, another has the network."""

    def work(part: Part) -> int:
        screener.write(part)
        return len(part.files)

    cores = torch.get_num_threads()
    each = (math.ceil(cores / AT_ONCE),)
    try:
        with (
            ThreadPoolExecutor(AT_ONCE, initializer=torch.set_num_threads, initargs=each) as pool,
            closing(pool.map(work, parts)) as done,
        ):
            yield from done
    finally:
        torch.set_num_threads(cores)


def run_on_ray(
    screener: Screener, parts: Sequence[Part], workers: int | None = None
) -> Iterator[int]:
    """Screen the parts on a Ray cluster, each worker on its share of the cores.

    Args:
        screener: Only its job is used; each worker loads the bundle itself.
        parts: Finished in any order.
        workers: How many; None is one a core.

    Raises:
        CxrError: Ray is not installed, no cluster answers, a worker died again and again, or a
            part cannot be written.
    """
    if not parts:
        return
    with _cluster() as ray:
        cores = int(ray.cluster_resources().get("CPU", 1))
        workers = min(workers or cores, len(parts))
        largest = max(int(node["Resources"].get("CPU", 0)) for node in ray.nodes())
        threads = max(1, min(cores // workers, largest))
        rows = ray.data.from_items(
            # As JSON, since Arrow holds no file name that is not UTF-8.
            [{"part": json.dumps(asdict(part))} for part in parts],
            override_num_blocks=len(parts),
        )
        # Ray Data restarts a dying worker for ever, and has no newer way to say how often.
        old_way = ray.util.annotations.RayDeprecationWarning
        with warnings.catch_warnings(action="ignore", category=old_way):
            done = rows.map(
                _Worker,
                fn_constructor_args=(screener.job, threads),
                compute=ray.data.ActorPoolStrategy(size=workers),
                num_cpus=threads,
                max_restarts=RETRIES,
                max_task_retries=RETRIES,
            )
        try:
            for row in done.iter_rows():
                if row["problem"]:
                    raise CxrError(row["problem"])
                yield row["files"]
        except ray.exceptions.RayError as error:
            reason = str(error).strip().splitlines()[0]
            raise CxrError(
                f"A worker of the Ray cluster failed ({reason}); the finished parts are kept, "
                "and the same command goes on from them."
            ) from error


class _Worker:
    """What runs on the cluster: a row of Ray Data is a part."""

    def __init__(self, job: Job, threads: int) -> None:
        torch.set_num_threads(threads)
        self._screener = Screener(job)

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        values = json.loads(row["part"])
        part = Part(values["index"], tuple(File(**file) for file in values["files"]))
        try:
            self._screener.write(part)
        except CxrError as error:  # as a value: Ray would wrap it in the traceback of its actor
            return {"files": 0, "problem": str(error)}
        return {"files": len(part.files), "problem": ""}


@contextmanager
def _cluster() -> Iterator[Any]:
    """The module `ray`, connected."""
    address = os.environ.get("RAY_ADDRESS", "local")
    # Ray reads these when it is imported.
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_BACKEND_LOG_LEVEL": "fatal"}
    if address == "local":
        # Ray turns 127.0.0.1 into the machine's outer address and listens everywhere, unless it
        # is told that its node will never have a peer.
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
        # Whoever else is logged in to this machine reaches loopback, too.
        os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    try:
        import ray
        import ray.data
    except ImportError:
        raise CxrError("--engine ray needs Ray; install it with: make .venv/ray") from None
    with ExitStack() as stack:
        options = {}
        if address != "local":
            _knock(address)
        else:
            # Ray's logs, which may name files, go with the run.
            folder = tempfile.TemporaryDirectory(prefix="cxr-ray-", ignore_cleanup_errors=True)
            options = {
                "include_dashboard": False,
                "object_store_memory": OBJECT_STORE_BYTES,
                "_temp_dir": stack.enter_context(folder),
            }
        ray.init(address, logging_level=logging.ERROR, log_to_driver=False, **options)
        stack.callback(ray.shutdown)
        ray.data.DataContext.get_current().enable_progress_bars = False
        logging.getLogger("ray.data").setLevel(logging.CRITICAL)
        yield ray


def _knock(address: str) -> None:
    """Raises CxrError where nobody listens; Ray itself would try for a quarter of an hour."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except (OSError, ValueError, OverflowError):
        raise CxrError(
            f"No Ray cluster answers at {address}; RAY_ADDRESS names its head as HOST:PORT."
        ) from None
