"""What a decision takes beyond its session, added to what it leaves."""

from collections.abc import Mapping
from typing import Protocol
from uuid import UUID

import msgspec

from placet.policy.facts import Facts
from placet.policy.holding import Holding
from placet.policy.loaded import Policy
from placet.policy.model import AggregateScope
from placet.policy.response import CallVerdict
from placet.replay.calls.memory import Known
from placet.replay.calls.next_call import Left
from placet.replay.calls.tool_calls import KeptAnswer
from placet.replay.sessions.model import SessionMode
from placet.replay.slices.rules import Refused, Whose, wide_of
from placet.replay.tallies.rules import tallied_of


class Decision(Protocol):
    """What a proposal and a claim are alike in, once they are decided."""

    @property
    def answer(self) -> KeptAnswer:
        """What is answered."""

    @property
    def holdings(self) -> Mapping[UUID, Holding]:
        """What its calls hold that count from here on."""

    @property
    def verdicts(self) -> tuple[CallVerdict, ...]:
        """What was said of each call that was judged."""

    @property
    def left(self) -> Left:
        """What it leaves in the session."""


def widened(policy: Policy, known: Known, facts: Facts, decided: Decision) -> Left:
    """Return what a decision leaves, with what it takes beyond the session and reckoned of others.

    A session whose contract has no aggregate beyond itself leaves what it left.
    """
    if all(one.scope is AggregateScope.SESSION for one in policy.aggregates):
        return decided.left
    whose = Whose(
        tenant_id=known.tenant_id,
        environment=known.environment,
        agent=known.agent,
        principal=facts.principal,
    )
    recorded = known.left.series(policy) if known.mode is SessionMode.SHADOW else None
    return msgspec.structs.replace(
        decided.left,
        wide=wide_of(
            policy,
            whose,
            holdings=decided.holdings,
            refused=[
                Refused(tool=call.tool, code=reason.code, rule=reason.rule)
                for call in decided.answer.calls
                for reason in call.reasons
            ],
            others=known.left.others,
            series=recorded,
        ),
        tallied=tallied_of(
            policy,
            whose,
            verdicts=decided.verdicts,
            holdings=decided.holdings,
            recorded=recorded,
            now=facts.now,
        ),
    )


def patient(left: Left) -> Left:
    """Return what a decision leaves, waiting for whoever uses what it needs of an allowance."""
    if left.wide is None:
        return left
    return msgspec.structs.replace(left, wide=msgspec.structs.replace(left.wide, waits=True))
