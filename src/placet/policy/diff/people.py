"""For whom tools are allowed or denied, and under which labels.

A rule with fewer conditions matches whenever one with the same and more does. So an `allow` is
covered by one with a part of its conditions, and a `deny` is upheld by one with a part of its.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, cast

from placet.kernel.foreign import Json
from placet.policy.diff.change import At, Change, Said, judged
from placet.policy.diff.meaning import encoded
from placet.policy.model import Effect, LabelRule, PrincipalRule
from placet.policy.sentences.line import names
from placet.policy.sentences.session import label_says, principal_says
from placet.policy.text.document import plain

_EVERY: Final = "*"
_PRINCIPALS: Final = ("session", "principals")
_LABELS: Final = ("session", "labels")
_ALL_ALLOWED: Final = PrincipalRule(effect=Effect.ALLOW, tools=(_EVERY,))


@dataclasses.dataclass(frozen=True, slots=True)
class _Rule:
    """One rule of either kind: the tools it names, and all that must be equal for it to match."""

    tools: tuple[str, ...]
    wants: frozenset[tuple[str, bytes]]
    said: Said | None


def principal_changes(
    old: Sequence[PrincipalRule], new: Sequence[PrincipalRule]
) -> Iterator[Change]:
    """Yield rules on principals whose tools or principals no rule of the other side has."""
    for effect in Effect:
        was, now = (_principals(rules, effect) for rules in (old, new))
        yield from _changes(2, was, now, is_allow=effect is Effect.ALLOW)


def label_changes(old: Sequence[LabelRule], new: Sequence[LabelRule]) -> Iterator[Change]:
    """Yield rules on labels that deny what no rule of the other side denies."""
    yield from _changes(9, _labels(old), _labels(new), is_allow=False)


def _changes(layer: int, was: list[_Rule], now: list[_Rule], *, is_allow: bool) -> Iterator[Change]:
    for rule in now:
        if come := _uncovered(rule, was):
            at = At(layer=layer, tool=_only(come))
            said = _told(rule, come)
            yield from judged(at, None, said, is_wider=is_allow, is_narrower=not is_allow)
    for rule in was:
        if gone := _uncovered(rule, now):
            at = At(layer=layer, tool=_only(gone))
            said = _told(rule, gone)
            yield from judged(at, said, None, is_wider=not is_allow, is_narrower=is_allow)


def _uncovered(rule: _Rule, others: Iterable[_Rule]) -> list[str]:
    """Return the tools for which no other rule matches whenever this one does."""
    wider = [other.tools for other in others if other.wants <= rule.wants]
    return [
        tool
        for tool in dict.fromkeys(rule.tools)
        if not any(tool in tools or _EVERY in tools for tools in wider)
    ]


def _only(tools: list[str]) -> str | None:
    return tools[0] if len(tools) == 1 and tools[0] != _EVERY else None


def _told(rule: _Rule, tools: list[str]) -> Said | None:
    """Return what a rule says, with the tools that this is about where they are not all."""
    if rule.said is None or len(tools) == len(set(rule.tools)):
        return rule.said
    says = f"{rule.said.says}, of which {names(tuple(tools))}"
    return Said(steps=rule.said.steps, value=rule.said.value, says=says)


def _principals(rules: Sequence[PrincipalRule], effect: Effect) -> list[_Rule]:
    """Return the rules of one effect; without any rule, everybody is allowed everything."""
    if not rules:
        return [_rule(_ALL_ALLOWED)] if effect is Effect.ALLOW else []
    return [
        _rule(rule, Said(steps=(*_PRINCIPALS, at), value=_value(rule), says=principal_says(rule)))
        for at, rule in enumerate(rules)
        if rule.effect is effect
    ]


def _rule(rule: PrincipalRule, said: Said | None = None) -> _Rule:
    says = "no rule on principals: everybody is allowed every tool"
    nobody = Said(steps=_PRINCIPALS, value=[], says=says)
    return _Rule(rule.tools, _wants(rule.where), said or nobody)


def _labels(rules: Sequence[LabelRule]) -> list[_Rule]:
    return [
        _Rule(
            rule.deny,
            _wants(rule.when),
            Said(steps=(*_LABELS, index), value=_value(rule), says=label_says(rule)),
        )
        for index, rule in enumerate(rules)
    ]


def _wants(pairs: Mapping[str, object]) -> frozenset[tuple[str, bytes]]:
    return frozenset((name, encoded(value)) for name, value in pairs.items())


def _value(rule: PrincipalRule | LabelRule) -> Json:
    return cast("Json", plain(rule))
