"""Findings about rules on principals: each allows something that no deny takes back."""

import dataclasses
from collections.abc import Iterator
from typing import cast

from placet.kernel import foreign
from placet.kernel.foreign import Json
from placet.policy.checks.found import found
from placet.policy.checks.known import EVERY_TOOL, Known
from placet.policy.finding import Finding
from placet.policy.model import Effect, PrincipalRule, Ruling
from placet.policy.numbers import normal
from placet.policy.text.tree import Steps


@dataclasses.dataclass(frozen=True, slots=True)
class _Rule:
    """A rule at its index. `where` has the attributes by keys that equal values share."""

    index: int
    tools: frozenset[str]
    where: frozenset[tuple[str, bytes]]

    @property
    def steps(self) -> Steps:
        return ("session", "principals", self.index)


def check_principals(known: Known) -> Iterator[Finding]:
    """Yield rules that allow nothing.

    A deny matches whoever has all of its attributes, or lacks some. So it denies everybody whom an
    allow is for exactly when each of its attributes is one of the allow's, with an equal value.
    """
    rules = known.contract.session.principals
    allows = [_rule(known, at, it) for at, it in enumerate(rules) if it.effect is Effect.ALLOW]
    denies = [_rule(known, at, it) for at, it in enumerate(rules) if it.effect is Effect.DENY]
    if denies and not allows:
        message = "nothing is allowed to anybody: with rules on principals, the default is to deny"
        hint = "add `{effect: allow, tools: ['*']}`"
        yield found("principals_without_allow", ("session", "principals"), message, hint)
    for allow in allows:
        if (deny := _covering(allow, denies)) is not None:
            later, earlier = sorted((allow, deny), key=lambda rule: rule.index, reverse=True)
            message = (
                f"what `session.principals[{allow.index}]` allows, "
                f"`session.principals[{deny.index}]` denies to the same principals"
            )
            hint = "a deny wins; take the allow out, or narrow the deny"
            yield found("allow_covered", later.steps, message, hint, related=earlier.steps)


def _covering(allow: _Rule, denies: list[_Rule]) -> _Rule | None:
    """Return the deny with which all that a rule allows is denied, or None."""
    left = allow.tools
    for deny in denies:
        if left and deny.where <= allow.where:
            left -= deny.tools
            if not left:
                return deny
    return None


def _rule(known: Known, index: int, rule: PrincipalRule) -> _Rule:
    """Return a rule with the tools that it decides on: those that are not denied anyway.

    `*` stands for these, and where tools without a contract can be called, for itself too.
    """
    tools = frozenset(rule.tools)
    if EVERY_TOOL in tools:
        is_open = known.contract.session.unmatched_tools is not Ruling.DENY
        tools = known.permitted | ({EVERY_TOOL} if is_open else frozenset())
    else:
        tools &= known.permitted
    where = {
        (name, foreign.encode(normal(cast("Json", value)))) for name, value in rule.where.items()
    }
    return _Rule(index, tools, frozenset(where))
