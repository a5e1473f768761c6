"""Receipts that could not be delivered yet. A tool has run; somebody must be told of it."""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final
from uuid import UUID

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
from placet.sdk.endpoints import Endpoints, NextRequest, Owed, Receipt
from placet.sdk.errors import JournalError
from placet.sdk.lease import Lease
from placet.sdk.retry import Patience

if TYPE_CHECKING:
    from placet.sdk.journal import Journal

LOG: Final = logging.getLogger("placet.sdk")

_FOR_GOOD: Final = (Gone, IdempotencyConflict, Invalid, MalformedBody, NotFound, TooLarge)
"""What the service itself says of one receipt, and would say of it again.

Not of the key that it came with, and nothing that whoever stands in between may answer.
"""


class Outbox:
    """The receipts of one session. Receipts may be owed and delivered from any thread.

    With a journal, what is owed outlives the process, unless the disk fails, which is logged.
    """

    def __init__(self, session_id: UUID, lease: Lease, journal: "Journal | None" = None) -> None:
        """Take the session, its lease for the bindings that come back, and its journal, if any."""
        self._session_id = session_id
        self._lease = lease
        self._journal = journal
        self._owed: deque[Owed] = deque()
        self._under_way: dict[str, Owed] = {}
        self.refused: list[Receipt] = []

    def __repr__(self) -> str:
        """Show how many are owed, and how many were refused for good."""
        return f"Outbox(owed={len(self._owed)}, refused={len(self.refused)})"

    def __len__(self) -> int:
        """Return how many receipts are owed, with those that are just tried once more."""
        return len(self._owed) + len(self._under_way)

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
        as an orphan. A receipt that the service refuses for good is kept in `refused` and logged;
        one that it refuses for what may pass, like a key that was revoked, is owed.
        """
        try:
            return await self._told(endpoints, owed, patience, following)
        except (Unavailable, Exhausted):
            self._owed.append(owed)
        except Refusal as refusal:
            self._owed.append(owed)
            LOG.warning("receipt of call %s is owed: %s", owed.receipt.call_id, refusal)
        return None

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
                await asyncio.to_thread(
                    self._journal.told, receipt.call_id, receipt.idempotency_key
                )

    def owe(self, *owed: Owed) -> None:
        """Take receipts that an earlier process owed."""
        self._owed.extend(owed)

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
                del self._under_way[key]

    async def _told(
        self,
        endpoints: Endpoints,
        owed: Owed,
        patience: Patience,
        following: NextRequest | None = None,
    ) -> ReceiptAnswer | None:
        """Deliver a receipt. Raises what may pass: then it is still owed."""
        try:
            answer = await self._send(endpoints, owed, patience, following)
        except _FOR_GOOD as refusal:
            self.refused.append(owed.receipt)
            LOG.error("receipt of call %s was refused: %s", owed.receipt.call_id, refusal)  # noqa: TRY400 -- the trace tells nothing
            if self._journal is not None:
                # Its call may have been begun all the same, and stays so there.
                with _logging("what was refused could not be noted"):
                    await asyncio.to_thread(self._journal.refused, owed.receipt.idempotency_key)
            return None
        await self.note_told(owed)
        return answer

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
