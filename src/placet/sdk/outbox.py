"""Receipts that could not be delivered yet. A tool has run; somebody must be told of it."""

import contextlib
import logging
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final
from uuid import UUID

from placet.kernel.refusals import Exhausted, NotFound, Refusal, Unavailable
from placet.sdk.answers import ReceiptAnswer
from placet.sdk.endpoints import Endpoints, NextRequest, Owed, Receipt
from placet.sdk.errors import JournalError
from placet.sdk.lease import Lease
from placet.sdk.retry import Patience

if TYPE_CHECKING:
    from placet.sdk.journal import Journal

LOG: Final = logging.getLogger("placet.sdk")


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
        self.refused: list[Receipt] = []

    def __repr__(self) -> str:
        """Show how many are owed, and how many were refused for good."""
        return f"Outbox(owed={len(self._owed)}, refused={len(self.refused)})"

    def __len__(self) -> int:
        """Return how many receipts are owed."""
        return len(self._owed)

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
        as an orphan. A receipt that the service refuses for good is kept in `refused` and logged.
        """
        try:
            answer = await self._send(endpoints, owed, patience, following)
        except (Unavailable, Exhausted):
            self._owed.append(owed)
            return None
        except Refusal as refusal:
            self.refused.append(owed.receipt)
            LOG.error("receipt of call %s was refused: %s", owed.receipt.call_id, refusal)  # noqa: TRY400 -- the trace tells nothing
            answer = None
        self.note_told(owed)
        return answer

    def note_owed(self, owed: Owed) -> None:
        """Write into the journal that this receipt is owed. Blocking; a failing disk is logged."""
        with _logging("what is owed could not be noted"):
            if self._journal is not None:
                self._journal.owes(owed)

    def note_told(self, owed: Owed) -> None:
        """Write into the journal that a receipt has arrived; it is sent once more if that fails."""
        with _logging("what has arrived could not be noted"):
            if self._journal is not None:
                self._journal.told(owed.receipt.call_id, owed.receipt.idempotency_key)

    def owe(self, *owed: Owed) -> None:
        """Take receipts that an earlier process owed."""
        self._owed.extend(owed)

    async def deliver(self, endpoints: Endpoints, patience: Patience) -> None:
        """Try each owed receipt once more; stop at the first that is owed again."""
        for _ in range(len(self._owed)):
            owed = self._owed.popleft()
            left = len(self._owed)
            await self.report(endpoints, owed, patience)
            if len(self._owed) > left:
                return

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
