"""Asks that are answered, and asks that nobody answers."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from placet.policy.decision import Code, Reason
from placet.policy.evaluate import evaluate_response
from placet.policy.ledger import Ledger
from placet.policy.loaded import Policy
from placet.policy.simulation.candidates import Candidates
from placet.policy.simulation.report import reason_lines
from placet.policy.simulation.rows import Rows
from placet.policy.simulation.waiting import Waiting, WaitingSteps

_TOO_LATE: Final = reason_lines(
    (
        Reason(
            code=Code.RESPONSE_REFUSED,
            rule="session.gate",
            detail="another call of the response was not approved in time",
        ),
    )
)


class Claims:
    """Ends the waiting of steps: by a grant, by a denial, or because the time is up."""

    def __init__(
        self, policy: Policy, waiting: WaitingSteps, rows: Rows, candidates: Candidates
    ) -> None:
        """End the waiting of steps in `waiting`, and tell so in `rows`."""
        self._policy = policy
        self._waiting = waiting
        self._rows = rows
        self._candidates = candidates

    def begin(self, ledger: Ledger, waiting: Waiting) -> None:
        """Let a step wait for its asks, or wait on for those that are left."""
        self._waiting.begin(waiting)
        for call_id in waiting.asks:
            ledger.asked(call_id, waiting.at, self._waiting.deadline(waiting, call_id))

    def expire(self, ledger: Ledger, now: datetime) -> None:
        """Close the asks that nobody answered; under `reject_all` their steps fall with them."""
        for waiting, over in self._waiting.named(map(str, ledger.expire(now))):
            if not self._waiting.is_whole:
                for call_id in over:
                    self._waiting.done(waiting, call_id)
                continue
            soonest = waiting.soonest()
            for call_id in [*waiting.calls]:
                if call_id in waiting.approved or waiting.asks.get(call_id) != soonest:
                    self._rows.refuse(waiting.rows[call_id], _TOO_LATE)
                self._waiting.done(waiting, call_id)

    def claim(
        self, ledger: Ledger, approved: Iterable[str], labels: Mapping[str, str], now: datetime
    ) -> bool:
        """Judge calls again that people said yes to, and what waits with them.

        Say whether any was granted.
        """
        is_granted = False
        for waiting, named in self._waiting.named(approved):
            waiting.approved |= set(named)
            ids = [*waiting.calls] if self._waiting.is_whole else named
            facts = ledger.facts(
                now,
                principal=waiting.principal,
                labels=labels,
                approved=waiting.approved,
                step=waiting.step,
            )
            calls = [waiting.calls[call_id] for call_id in ids]
            response = evaluate_response(self._policy, facts, calls)
            ledger.decided(
                waiting.step, ids, response, now, principal=waiting.principal, is_claim=True
            )
            for call_id, verdict in zip(ids, response.calls, strict=True):
                if verdict.granted:
                    is_granted = True
                    self._rows.grant(waiting.rows[call_id])
                    if ledger.is_committed(call_id):
                        self._candidates.discard(verdict.tool, call_id)
                elif verdict.blocked_why is not None:
                    self._rows.refuse(waiting.rows[call_id], reason_lines(verdict.reasons))
                else:
                    continue
                ledger.answered(call_id, now)
                self._waiting.done(waiting, call_id)
            if waiting.asks:
                self.begin(ledger, waiting)
        return is_granted
