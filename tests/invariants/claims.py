"""What a race must come to, told as sentences; those that are false are its violations."""

from collections.abc import Awaitable, Callable

from tests.invariants.interleave import code_of
from tests.invariants.stage import Stage

from placet.replay.asks.answers import ClaimAnswer
from placet.replay.calls.answers import CallOutcome, ProposalAnswer
from placet.replay.calls.model import CallStatus

Scene = Callable[[Stage], Awaitable[list[str]]]


def broken(claims: dict[str, bool]) -> list[str]:
    """Return the claims that do not hold."""
    return [claim for claim, holds in claims.items() if not holds]


def ended(outcome: object, code: str) -> dict[str, bool]:
    """Claim that a work ended with this code."""
    return {f"it ends with {code}, not {code_of(outcome)}": code_of(outcome) == code}


def granted(outcome: object) -> int:
    """Return how many grants came with an answer to a proposal or a claim."""
    if not isinstance(outcome, ProposalAnswer | ClaimAnswer):
        return 0
    return sum(call.status is CallStatus.GRANTED for call in outcome.calls)


def signed(outcome: object) -> int:
    """Return how many grants came signed with an answer to a proposal or a claim."""
    if not isinstance(outcome, ProposalAnswer | ClaimAnswer):
        return 0
    return sum(call.grant is not None for call in outcome.calls)


def first_call(outcome: object) -> CallOutcome:
    """Return the first call of an answer to a proposal."""
    assert isinstance(outcome, ProposalAnswer), outcome
    return outcome.calls[0]
