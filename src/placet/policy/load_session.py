"""What holds for a session as a whole, parsed once for every tool."""

import dataclasses
from datetime import timedelta
from typing import cast

from msgspec import UNSET, UnsetType

from placet.kernel.foreign import Json
from placet.policy.amounts import LoadedAggregate, load_aggregate
from placet.policy.loaded import (
    LoadedBind,
    LoadedEnvelope,
    LoadedLabels,
    LoadedLimits,
    LoadedPrincipal,
)
from placet.policy.model import (
    Aggregate,
    Bind,
    BoundFrom,
    Effect,
    Envelope,
    Limits,
    PrincipalRule,
    Write,
)
from placet.policy.numbers import bound
from placet.policy.paths import Path, PathError, parse_path, touches
from placet.policy.projection import RuntimeProjection


@dataclasses.dataclass(frozen=True, slots=True)
class SessionLoaded:
    """A session's rules; aggregates and envelopes with the tool that each is about."""

    limits: LoadedLimits
    principals: tuple[LoadedPrincipal, ...]
    labels: tuple[LoadedLabels, ...]
    aggregates: tuple[tuple[str, LoadedAggregate], ...]
    envelopes: tuple[tuple[str, LoadedEnvelope], ...]
    bindings: dict[str, Write]

    def binds_of(self, binds: tuple[Bind, ...]) -> tuple[LoadedBind, ...]:
        """Return a tool's binds. Raises `PathError` for a slot that is not declared."""
        return tuple(map(self._bind, binds))

    def _bind(self, bind: Bind) -> LoadedBind:
        if bind.slot not in self.bindings:
            message = f"the slot `{bind.slot}` is not declared"
            raise PathError(message)
        return LoadedBind(
            slot=bind.slot,
            path=_single(bind.path),
            is_output=bind.source is BoundFrom.OUTPUT,
            is_once=self.bindings[bind.slot] is Write.ONCE,
        )


def load_session(projection: RuntimeProjection) -> SessionLoaded:
    """Return the rules of a session. Raises `PathError` for a path that cannot be used."""
    return SessionLoaded(
        limits=_limits(projection.limits),
        principals=tuple(
            _principal(rule, f"session.principals[{index}]")
            for index, rule in enumerate(projection.principals)
        ),
        labels=tuple(
            LoadedLabels(
                rule=f"session.labels[{index}]",
                tools=frozenset(rule.deny),
                when=tuple(rule.when.items()),
            )
            for index, rule in enumerate(projection.labels)
        ),
        aggregates=tuple(
            (one.tool, _aggregate(projection, one, f"session.aggregates[{index}]"))
            for index, one in enumerate(projection.aggregates)
        ),
        envelopes=tuple(
            (one.tool, _envelope(one, f"session.envelopes[{index}]"))
            for index, one in enumerate(projection.envelopes)
        ),
        bindings=projection.bindings,
    )


def _principal(rule: PrincipalRule, place: str) -> LoadedPrincipal:
    return LoadedPrincipal(
        rule=place,
        is_deny=rule.effect is Effect.DENY,
        tools=frozenset(rule.tools),
        where=tuple((name, cast("Json", value)) for name, value in rule.where.items()),
    )


def _aggregate(projection: RuntimeProjection, one: Aggregate, place: str) -> LoadedAggregate:
    tool = projection.tools.get(one.tool)
    redacted = () if tool is None else tuple(map(parse_path, tool.redact))
    path = None if one.path is UNSET else parse_path(one.path)
    return load_aggregate(one, place, is_secret=path is not None and touches(path, redacted))


def _envelope(envelope: Envelope, place: str) -> LoadedEnvelope:
    ratio = bound(envelope.within_ratio_of_first)
    return LoadedEnvelope(
        rule=place,
        name=envelope.name,
        path=_single(envelope.path),
        ratio=ratio,
        whole_ratio=ratio.as_integer_ratio(),
    )


def _single(text: str) -> Path:
    path = parse_path(text)
    if path.is_many:
        message = f"`{text}` must name one value, so `[*]` has no place in it"
        raise PathError(message)
    return path


def _limits(limits: Limits) -> LoadedLimits:
    loop = None if limits.loop is UNSET else limits.loop
    breaker = None if limits.circuit_breaker is UNSET else limits.circuit_breaker
    return LoadedLimits(
        steps=_or_none(limits.max_steps),
        calls=_or_none(limits.max_tool_calls),
        cost_micros=_or_none(limits.max_cost_micros),
        calls_of=limits.max_calls_per_tool,
        unguarded=_or_none(limits.max_unguarded_calls),
        lasts=None if limits.max_seconds is UNSET else timedelta(seconds=limits.max_seconds),
        loop_window=0 if loop is None else loop.window,
        loop_threshold=None if loop is None else loop.threshold,
        blocks=None if breaker is None else _or_none(breaker.consecutive_blocks),
        errors=None if breaker is None else _or_none(breaker.consecutive_errors),
    )


def _or_none(value: int | UnsetType) -> int | None:
    return None if value is UNSET else value
