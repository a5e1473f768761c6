"""What a decision takes beyond its session, added to what it leaves."""

from collections.abc import Mapping
from uuid import UUID

import msgspec

from placet.policy.facts import Facts
from placet.policy.holding import Holding
from placet.policy.loaded import Policy
from placet.policy.model import AggregateScope
from placet.replay.calls.memory import Known
from placet.replay.calls.next_call import Left
from placet.replay.calls.tool_calls import KeptAnswer
from placet.replay.sessions.model import SessionMode
from placet.replay.slices.rules import Refused, Whose, wide_of


def widened(  # noqa: PLR0913, PLR0917 -- a decision, and all that it was made on
    policy: Policy,
    known: Known,
    facts: Facts,
    left: Left,
    answer: KeptAnswer,
    holdings: Mapping[UUID, Holding],
) -> Left:
    """Return what a decision leaves, with what it takes from allowances and reckoned of others.

    A session whose contract has no aggregate beyond itself leaves what it left.
    """
    if all(one.scope is AggregateScope.SESSION for one in policy.aggregates):
        return left
    wide = wide_of(
        policy,
        Whose(
            tenant_id=known.tenant_id,
            environment=known.environment,
            agent=known.agent,
            principal=facts.principal,
        ),
        holdings=holdings,
        refused=[
            Refused(tool=call.tool, code=reason.code, rule=reason.rule)
            for call in answer.calls
            for reason in call.reasons
        ],
        others=known.left.others,
        series=known.left.series(policy) if known.mode is SessionMode.SHADOW else None,
    )
    return left if wide is None else msgspec.structs.replace(left, wide=wide)


def patient(left: Left) -> Left:
    """Return what a decision leaves, waiting for whoever uses what it needs of an allowance."""
    if left.wide is None:
        return left
    return msgspec.structs.replace(left, wide=msgspec.structs.replace(left.wide, waits=True))
