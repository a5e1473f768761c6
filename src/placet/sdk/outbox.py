"""Receipts that could not be delivered yet. A tool has run; somebody must be told of it.

What is owed stands in memory, so there is an end to it: a call has to find a place for its receipt
before it is begun, and without one it is not. A receipt itself is taken always: its tool has run.
"""

import asyncio
import contextlib
import logging
import threading
from collections import deque
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Final
from uuid import UUID

import msgspec

from placet.kernel.refusals import (
    Exhausted,
    Gone,
    IdempotencyConflict,
    Invalid,
    MalformedBody,
    NotFound,
    Refusal,
    TooLarge,
    Unavailable,
)
from placet.sdk.answers import ReceiptAnswer
from placet.sdk.aside import aside
from placet.sdk.endpoints import Endpoints, NextRequest, Owed, Receipt
from placet.sdk.errors import JournalError, OutboxFull
from placet.sdk.lease import Lease
from placet.sdk.retry import Patience

if TYPE_CHECKING:
    from placet.sdk.journal import Journal

LOG: Final = logging.getLogger("placet.sdk")

OWED_MAX: Final = 10_000
"""Receipts that one session owes, or will have to send for what runs, before nothing is begun."""

OWED_BYTES_MAX: Final = 64 * 1024 * 1024
"""Bytes that the receipts come to which one session owes, before nothing is begun."""

REFUSED_MAX: Final = 100
"""Receipts that are kept of those refused for good, the last ones."""

_FOR_GOOD: Final = (Gone, IdempotencyConflict, Invalid, MalformedBody, NotFound, TooLarge)
"""What the service itself says of one receipt, and would say of it again.

Not of the key that it came with, and nothing that whoever stands in between may answer.
"""


class Outbox:
    """The receipts of one session. Receipts may be owed and delivered from any thread.

    With a journal, what is owed outlives the process, unless the disk fails, which is logged.
    """

    def __init__(
        self,
        session_id: UUID,
        lease: Lease,
        journal: "Journal | None" = None,
        *,
        is_read: bool = True,
    ) -> None:
        """Take the session, its lease for the bindings that come back, and its journal, if any.

        Where the session could not even be read (not `is_read`), it may be that of another key, and
        no refusal of a receipt counts for good.
        """
        self._session_id = session_id
        self._lease = lease
        self._journal = journal
        self._is_read = is_read
        self._is_left = False
        self._lock = threading.Lock()
        self._owed: deque[Owed] = deque()
        self._under_way: dict[str, Owed] = {}
        self._sizes: dict[str, int] = {}
        self._awaited: set[UUID] = set()
        self._refused: deque[Receipt] = deque(maxlen=REFUSED_MAX)
        self.refused_count = 0

    def __repr__(self) -> str:
        """Show how many are owed, and how many were refused for good."""
        return f"Outbox(owed={len(self)}, refused={self.refused_count})"

    def __len__(self) -> int:
        """Return how many receipts are owed, with those that are just tried once more."""
        return len(self._owed) + len(self._under_way)

    @property
    def refused(self) -> list[Receipt]:
        """Return the last receipts that were refused for good; each was logged."""
        return list(self._refused)

    def check_room(self) -> None:
        """Raise `OutboxFull` unless there is a place for one more receipt."""
        with self._lock:
            owed, size = len(self) + len(self._awaited), sum(self._sizes.values())
        if owed >= OWED_MAX or size >= OWED_BYTES_MAX:
            raise OutboxFull(owed, size)

    def expect(self, call_id: UUID) -> None:
        """Keep a place for the receipt of a call that is about to be begun, until it is reported.

        Raises `OutboxFull`; then it may not be begun.
        """
        self.check_room()
        with self._lock:
            self._awaited.add(call_id)

    def expect_none(self, call_id: UUID) -> None:
        """Give the place of a call free again, of which there is nothing to be reported."""
        with self._lock:
            self._awaited.discard(call_id)

    async def report(
        self,
        endpoints: Endpoints,
        owed: Owed,
        patience: Patience,
        following: NextRequest | None = None,
    ) -> ReceiptAnswer | None:
        """Deliver a receipt, or owe it and return none. What follows goes along the first time.

        The tool's result belongs to its caller whatever becomes of the receipt, so nothing is
        raised. One of a call that the service does not know any more is left there with its grant,
        as an orphan. A receipt that the service cannot take as it is, is sent without what it says
        beside its end. One that it refuses for good is kept in `refused` and logged; one that it
        refuses for what may pass, like a key that was revoked, is owed.
        """
        try:
            return await self._told(endpoints, owed, patience, following)
        except (Unavailable, Exhausted):
            self._owe(owed)
        except Refusal as refusal:
            self._owe(owed)
            LOG.warning("receipt of call %s is owed: %s", owed.receipt.call_id, refusal)
        except asyncio.CancelledError:
            self._owe(owed)
            raise
        finally:
            self.expect_none(owed.receipt.call_id)
        return None

    def leave(self) -> None:
        """Say that nobody delivers any more what is owed from now on."""
        self._is_left = True

    def note_owed(self, owed: Owed) -> None:
        """Write into the journal that this receipt is owed. Blocking; a failing disk is logged."""
        with _logging("what is owed could not be noted"):
            if self._journal is not None:
                self._journal.owes(owed)

    async def note_told(self, owed: Owed) -> None:
        """Write into the journal that a receipt has arrived; it is sent once more if that fails."""
        if self._journal is not None:
            receipt = owed.receipt
            with _logging("what has arrived could not be noted"):
                told = self._journal.told
                await aside(partial(told, receipt.call_id, receipt.idempotency_key))

    async def note_over(self, call_id: UUID) -> None:
        """Write into the journal that a call is over, however that came; a failing disk is logged.

        One whose receipt is owed is not: that is still to be told.
        """
        journal = self._journal
        if journal is not None and all(one.receipt.call_id != call_id for one in journal.owed()):
            with _logging("what is over could not be noted"):
                await aside(partial(journal.told, call_id, ""))

    def owe(self, *owed: Owed) -> None:
        """Take receipts that an earlier process owed."""
        for one in owed:
            self._owe(one)

    async def deliver(self, endpoints: Endpoints, patience: Patience) -> None:
        """Try each owed receipt once more; stop at the first that nobody answers."""
        for _ in range(len(self._owed)):
            try:
                owed = self._owed.popleft()
            except IndexError:
                # Another thread delivers too, and has taken the last.
                return
            key = owed.receipt.idempotency_key
            self._under_way[key] = owed
            is_owed = True
            try:
                await self._told(endpoints, owed, patience)
                is_owed = False
            except (Unavailable, Exhausted):
                return
            except Refusal as refusal:
                LOG.info("receipt of call %s is still owed: %s", owed.receipt.call_id, refusal)
            finally:
                # Also where whoever waits for this is cancelled.
                if is_owed:
                    self._owed.append(owed)
                else:
                    with self._lock:
                        self._sizes.pop(key, None)
                del self._under_way[key]

    def _owe(self, owed: Owed) -> None:
        size = len(msgspec.json.encode(owed))
        with self._lock:
            self._sizes[owed.receipt.idempotency_key] = size
        self._owed.append(owed)
        if self._is_left:
            LOG.error(
                "receipt of call %s was not delivered: its session was left", owed.receipt.call_id
            )

    async def _told(
        self,
        endpoints: Endpoints,
        owed: Owed,
        patience: Patience,
        following: NextRequest | None = None,
    ) -> ReceiptAnswer | None:
        """Deliver a receipt. Raises what may pass: then it is still owed."""
        try:
            answer = await self._sent(endpoints, owed, patience, following)
        except _FOR_GOOD as refusal:
            if not self._is_read:
                raise
            self._refused.append(owed.receipt)
            self.refused_count += 1
            LOG.error("receipt of call %s was refused: %s", owed.receipt.call_id, refusal)  # noqa: TRY400 -- the trace tells nothing
            if self._journal is not None:
                # Its call may have been begun all the same, and stays so there.
                with _logging("what was refused could not be noted"):
                    await aside(partial(self._journal.refused, owed.receipt.idempotency_key))
            return None
        await self.note_told(owed)
        return answer

    async def _sent(
        self, endpoints: Endpoints, owed: Owed, patience: Patience, following: NextRequest | None
    ) -> ReceiptAnswer | None:
        """Send a receipt; where it cannot be taken as it is, without all that it need not say."""
        try:
            return await self._send(endpoints, owed, patience, following)
        except (MalformedBody, TooLarge) as refusal:
            bare = msgspec.structs.replace(
                owed.receipt, output=None, external_ref=None, attestation=None
            )
            if bare == owed.receipt and following is None:
                raise
            call_id = owed.receipt.call_id
            LOG.warning("receipt of call %s is sent with its end alone: %s", call_id, refusal)
        less = msgspec.structs.replace(owed, receipt=bare)
        return await self._send(endpoints, less, patience, None)

    async def _send(
        self, endpoints: Endpoints, owed: Owed, patience: Patience, following: NextRequest | None
    ) -> ReceiptAnswer | None:
        binding = self._lease.binding
        try:
            return await endpoints.receipt(
                self._session_id, binding, owed.receipt, patience, following
            )
        except NotFound:
            if owed.grant is None:
                raise
        await endpoints.orphan(owed, patience)
        LOG.warning("call %s is not known any more: left as an orphan", owed.receipt.call_id)
        return None


@contextlib.contextmanager
def _logging(what: str) -> Iterator[None]:
    try:
        yield
    except JournalError as fault:
        LOG.error("%s: %s", what, fault)  # noqa: TRY400 -- the trace tells nothing
