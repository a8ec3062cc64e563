"""Screen a film where there is no network: server and reader alone with the loopback interface.

unshare -rn python -m tests.privacy.no_route FILM
"""

import fcntl
import json
import socket
import struct
import sys
from pathlib import Path

from tests.load.reader import Reader
from tests.load.server import serve

SIOCSIFFLAGS, IFF_UP = 0x8914, 1  # linux/sockios.h, linux/if.h
ELSEWHERE = ("192.0.2.1", 80)  # RFC 5737: in documents only


def main(path: Path) -> None:
    """Print {film name: probabilities} as JSON.

    Raises:
        RuntimeError: There is a route, so that this would prove nothing.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        fcntl.ioctl(probe, SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", IFF_UP))
        try:
            probe.connect(ELSEWHERE)
        except OSError:
            pass
        else:
            raise RuntimeError("there is a route to elsewhere")
    with serve() as server, Reader(server.address) as reader:
        reader.screen({path.name: path.read_bytes()})
        print(json.dumps(reader.shown()))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
