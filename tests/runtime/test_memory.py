import subprocess
import sys

import pytest

COUNT = """
import ctypes, sys, tempfile, threading
from cxrapp.runtime.memory import limit_heaps
if sys.argv[1] == "shared":
    limit_heaps()
libc = ctypes.CDLL(None)
everybody = threading.Barrier(8)
def work():
    libc.malloc(100_000)
    everybody.wait()
threads = [threading.Thread(target=work) for _ in range(8)]
[thread.start() for thread in threads], [thread.join() for thread in threads]
libc.fopen.restype = ctypes.c_void_p
with tempfile.NamedTemporaryFile() as file:
    stream = ctypes.c_void_p(libc.fopen(file.name.encode(), b"w"))
    libc.malloc_info(0, stream)
    libc.fclose(stream)
    print(file.read().count(b"<heap nr="))
"""


def count_heaps(how: str) -> int:
    command = [sys.executable, "-c", COUNT, how]
    return int(subprocess.run(command, capture_output=True, check=True).stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc is Linux's")
def test_threads_share_two_heaps() -> None:
    assert count_heaps("shared") == 2
    assert count_heaps("as they like") > 2
