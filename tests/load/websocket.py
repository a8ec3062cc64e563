"""A WebSocket for threads that wait; all connections are read and written in one, the loop's.

The library's own for threads reads in a second one. Python 3.11 does not lock a connection by TLS
(python/cpython, issue 134698), and a process with twenty readers behind the proxy crashed so.
"""

import asyncio
import threading
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.http11 import Response
from websockets.typing import Origin, Subprotocol

T = TypeVar("T")

LOOP = asyncio.new_event_loop()
threading.Thread(target=LOOP.run_forever, name="sockets", daemon=True).start()

PATIENCE = 300.0  # seconds that any one answer may take; a loaded server is slow, not wrong


class WebSocket:
    """An open connection."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    @property
    def response(self) -> Response:
        """The server's first answer."""
        return self._connection.response

    def send(self, message: bytes) -> None:
        """Send one message."""
        _run(self._connection.send(message))

    def receive(self, seconds: float) -> bytes:
        """The next message.

        Raises:
            TimeoutError: None came in this time.
        """

        async def receive() -> bytes:
            async with asyncio.timeout(seconds):
                return await self._connection.recv()

        return _run(receive())


@contextmanager
def open_socket(
    address: str,
    cookies: Mapping[str, str] | None = None,
    *,
    host: str | None = None,
    origin: str | None = None,
) -> Iterator[WebSocket]:
    """The WebSocket of a new session.

    Args:
        host: Name that the server is called by instead of its own.
        origin: Page that calls, instead of the server's own.

    Raises:
        websockets.exceptions.InvalidStatus: The server refuses; its response says how.
        websockets.exceptions.InvalidMessage: The connection was closed without an answer.
    """
    own = urlsplit(address)
    called = f"{host or own.hostname}:{own.port}"
    jar = "; ".join(f"{name}={value}" for name, value in (cookies or {}).items())

    async def open_connection() -> ClientConnection:
        return await connect(
            f"{own.scheme.replace('http', 'ws')}://{called}/_stcore/stream",
            origin=Origin(origin or f"{own.scheme}://{called}"),
            subprotocols=[Subprotocol("streamlit")],
            additional_headers={"Cookie": jar},
            host=own.hostname,
            port=own.port,
            open_timeout=PATIENCE,
            ping_interval=None,  # the server's pings are enough
            max_size=None,
            proxy=None,
        )

    connection = _run(open_connection())
    try:
        yield WebSocket(connection)
    finally:
        _run(connection.close())


def _run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run_coroutine_threadsafe(work, LOOP).result()
