"""What comes before a request: connections, and heads that never end.

uvicorn waits for a head as long as it takes, of any size, and refuses in plain text. Here a head
has a time and a size, a body that goes on after its answer is cut, whoever does not read what is
sent is cut off, and every refusal is a problem.
"""

import asyncio
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from placet.kernel.refusals import Malformed, Refusal
from placet.server import problems
from placet.server.limits import (
    CONNECTIONS_MAX,
    HEAD_BYTES_MAX,
    HEAD_SECONDS,
    LINGER_SECONDS,
    STALL_SECONDS,
    HeadersTooLarge,
    RequestIncomplete,
    TooBusy,
)

_SEPARATOR: Final = b"\r\n"


class GuardedConnection(HttpToolsProtocol):
    """One connection that cannot be held open by saying nothing."""

    _deadline: asyncio.TimerHandle | None = None
    _stall: asyncio.TimerHandle | None = None
    _is_in_head = True
    _is_refused = False
    _bytes_since_head = 0
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # -- uvicorn's own
        """Take the connection, or refuse it when there are too many."""
        super().connection_made(transport)
        if len(self.connections) > CONNECTIONS_MAX:
            self._refuse(TooBusy(detail="too many connections; nothing was decided"))
            self.transport.close()
        else:
            self._expect_within(HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the deadlines."""
        self._expect_nothing()
        self._forget_stall()
        super().connection_lost(exc)

    @property
    def is_stalling(self) -> bool:
        """Tell whether it will be cut unless its client reads on."""
        return self._stall is not None

    def pause_writing(self) -> None:
        """Make no more of an answer while what was made is not read, and not for ever."""
        super().pause_writing()
        self._forget_stall()
        self._stall = self.loop.call_later(STALL_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on: most of what was made is on its way."""
        self._forget_stall()
        super().resume_writing()

    def data_received(self, data: bytes) -> None:
        """Read on, unless this is the head of a request and it has no end."""
        if self._is_refused:
            return
        if self._is_in_head:
            self._bytes_since_head += len(data)
            if self._deadline is None:
                self._expect_within(HEAD_SECONDS)
        super().data_received(data)
        if self._is_in_head and self._bytes_since_head > HEAD_BYTES_MAX:
            self._refuse(_too_large())

    def on_url(self, url: bytes) -> None:
        """Count the bytes of a request line."""
        self._head_bytes += len(url)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count the bytes of a header."""
        self._head_bytes += len(name) + len(value)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Begin the request, and give its body until it is cut off."""
        if self._head_bytes > HEAD_BYTES_MAX:
            self._refuse(_too_large())
            raise OverflowError  # ends the parser's work on these bytes; it is answered already
        self._is_in_head = False
        self._head_bytes = self._bytes_since_head = 0
        self._expect_within(LINGER_SECONDS)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Take the request as whole: the next bytes are another head."""
        self._is_in_head = True
        self._expect_nothing()
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse bytes that are no HTTP, as a problem."""
        del msg
        self._refuse(Malformed(detail="these bytes are no HTTP/1.1 request"))

    def _unsupported_upgrade_warning(self) -> None:
        """Say nothing: a request for another protocol is answered as if it did not ask for one."""

    def _expect_within(self, seconds: float) -> None:
        self._expect_nothing()
        self._deadline = self.loop.call_later(seconds, self._give_up)

    def _expect_nothing(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _forget_stall(self) -> None:
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None

    def _give_up(self) -> None:
        if self._is_in_head and self._bytes_since_head > 0 and not self._is_refused:
            self._refuse(RequestIncomplete(detail="the headers did not arrive in time"))
        else:
            self.transport.close()

    def _refuse(self, refusal: Refusal) -> None:
        """Write the whole answer and end. Without a request there is no id and no path.

        What the client still sends is read and dropped for a while: closing over unread bytes
        would reset the connection, and the answer with it.
        """
        if self._is_refused or self.transport.is_closing():
            return
        self._is_refused = True
        status, headers, body = problems.rendered(refusal, instance="", request_id="")
        head = [f"HTTP/1.1 {status} {problems.phrase(status)}".encode()]
        pairs = {**headers, "Connection": "close", "Cache-Control": "no-store"}
        head += [f"{name}: {value}".encode() for name, value in pairs.items()]
        self.transport.write(_SEPARATOR.join([*head, b"", body]))
        self.transport.write_eof()
        self._expect_within(HEAD_SECONDS)


def _too_large() -> HeadersTooLarge:
    return HeadersTooLarge(detail="the request line and headers are larger than is taken here")
