"""Receipts that could not be delivered yet. A tool has run; somebody must be told of it."""

import logging
from collections import deque
from typing import Final
from uuid import UUID

from placet.kernel.refusals import Exhausted, Refusal, Unavailable
from placet.sdk.answers import ReceiptAnswer
from placet.sdk.endpoints import Endpoints, Receipt
from placet.sdk.lease import Lease
from placet.sdk.retry import Patience

LOG: Final = logging.getLogger("placet.sdk")


class Outbox:
    """The receipts of one session. Receipts may be owed and delivered from any thread."""

    def __init__(self, session_id: UUID, lease: Lease) -> None:
        """Take the session, and its lease for the bindings that come back."""
        self._session_id = session_id
        self._lease = lease
        self._owed: deque[Receipt] = deque()
        self.refused: list[Receipt] = []

    def __repr__(self) -> str:
        """Show how many are owed, and how many were refused for good."""
        return f"Outbox(owed={len(self._owed)}, refused={len(self.refused)})"

    def __len__(self) -> int:
        """Return how many receipts are owed."""
        return len(self._owed)

    async def report(
        self, endpoints: Endpoints, receipt: Receipt, patience: Patience
    ) -> ReceiptAnswer | None:
        """Deliver a receipt, or owe it and return none.

        The tool's result belongs to its caller whatever becomes of the receipt, so nothing is
        raised. A receipt that the service refuses for good is kept in `refused` and logged.
        """
        try:
            answer = await endpoints.receipt(
                self._session_id, self._lease.binding, receipt, patience
            )
        except (Unavailable, Exhausted):
            self._owed.append(receipt)
            return None
        except Refusal as refusal:
            self.refused.append(receipt)
            LOG.error("receipt of call %s was refused: %s", receipt.call_id, refusal)  # noqa: TRY400 -- the trace tells nothing
            return None
        return answer

    async def deliver(self, endpoints: Endpoints, patience: Patience) -> None:
        """Try each owed receipt once more; stop at the first that is owed again."""
        for _ in range(len(self._owed)):
            receipt = self._owed.popleft()
            owed = len(self._owed)
            await self.report(endpoints, receipt, patience)
            if len(self._owed) > owed:
                return
