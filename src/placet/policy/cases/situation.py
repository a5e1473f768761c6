"""A case's facts: its calls folded by the ledger that the service folds with, then the rest."""

import dataclasses
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final, cast
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from placet.kernel import foreign
from placet.kernel.foreign import Json
from placet.policy import layers
from placet.policy.allowances import NO_VALUES, values_of
from placet.policy.cases.model import AT_DEFAULT, Arguments, PastCall, Situation
from placet.policy.decision import Allow, Deny
from placet.policy.facts import Call, Facts
from placet.policy.hashes import arguments_digest, repeat_digest
from placet.policy.holding import Holding
from placet.policy.judged import Judged
from placet.policy.ledger import Ledger
from placet.policy.loaded import Policy
from placet.policy.model import CommitRequirement
from placet.policy.paths import MISSING
from placet.policy.remember import effect_key_hash
from placet.policy.response import CallVerdict, ResponseDecision, holding_of

_PAST_IDS: Final = 1_000_000
_OWN_STEPS: Final = 10**10
_GRANTED: Final = Allow(rule="case")
_DENIED: Final = Deny(rule="case")
_KINDS: Final = ("committed", "open", "failed", "denied", "unguarded")


class UnfitError(ValueError):
    """A case that says what cannot be."""


def text_of(arguments: Arguments | UnsetType) -> bytes:
    """Return arguments as the text of their JSON."""
    if arguments is UNSET:
        return b"{}"
    if isinstance(arguments, str):
        return arguments.encode()
    return foreign.encode(cast("Json", arguments))


def id_of(index: int) -> UUID:
    """Return the id of the call at a place in its response."""
    return UUID(int=index)


def facts_of(policy: Policy, given: Situation, approved: frozenset[UUID] = frozenset()) -> Facts:
    """Return the facts of a case.

    Raises `UnfitError` or `ForeignJsonError` for an earlier call that cannot have been.
    """
    now = datetime.fromisoformat(AT_DEFAULT if given.at is UNSET else given.at)
    principal = cast("dict[str, Json]", {} if given.principal is UNSET else given.principal)
    past = list(_past(given))
    ledger = Ledger(
        policy, now - timedelta(seconds=max((one.granted_ago for one in past), default=0))
    )
    _fold(ledger, past, now, principal)
    labels = {} if given.labels is UNSET else given.labels
    facts = ledger.facts(now, principal=principal, labels=labels, approved=approved)
    return msgspec.structs.replace(facts, **dict(_outright(policy, given, facts)))


@dataclasses.dataclass(frozen=True, slots=True)
class _Past:
    """A past call, what became of it, and when."""

    kind: str
    call: PastCall
    call_id: UUID
    step: int
    granted_ago: float


def _past(given: Situation) -> Iterator[_Past]:
    index = 0
    for kind in _KINDS:
        calls = getattr(given, kind)
        for call in () if calls is UNSET else calls:
            index += 1
            granted_ago = call.ago if call.granted_ago is UNSET else call.granted_ago
            if granted_ago < call.ago:
                message = f"a call of `{call.tool}` was granted after it was last heard of"
                raise UnfitError(message)
            yield _Past(
                kind=kind,
                call=call,
                call_id=UUID(int=_PAST_IDS + index),
                step=_OWN_STEPS + index if call.step is UNSET else call.step,
                granted_ago=granted_ago,
            )


def _fold(ledger: Ledger, past: list[_Past], now: datetime, principal: dict[str, Json]) -> None:
    """Fold grants and what became of them, the oldest first; in one instant, grants first."""
    grants = [(one.granted_ago, 0, one) for one in past]
    ends = [(one.call.ago, 1, one) for one in past]
    for ago, is_end, one in sorted([*grants, *ends], key=lambda entry: (-entry[0], entry[1])):
        at = now - timedelta(seconds=ago)
        if is_end:
            _end(ledger, one, at)
        elif one.kind != "unguarded":
            known = one.call.principal
            whose = principal if known is UNSET else cast("dict[str, Json]", known)
            verdict = _verdict(ledger.policy, ledger.phase, one)
            decision = ResponseDecision(calls=(verdict,))
            ledger.decided(one.step, [one.call_id], decision, at, principal=whose)


def _end(ledger: Ledger, one: _Past, at: datetime) -> None:
    match one.kind:
        case "committed":
            output = MISSING if one.call.output is UNSET else cast("Json", one.call.output)
            ledger.succeeded(one.call_id, output, at)
        case "failed":
            ledger.failed(one.call_id)
        case "open" if one.call.timed_out:
            ledger.timed_out(one.call_id)
        case "unguarded":
            ledger.unguarded()


def _verdict(policy: Policy, phase: str | None, one: _Past) -> CallVerdict:
    is_granted = one.kind != "denied"
    return CallVerdict(
        tool=one.call.tool,
        decision=_GRANTED if is_granted else _DENIED,
        reasons=(),
        commit_requirement=CommitRequirement.ACKNOWLEDGED,
        granted=is_granted,
        holding=_holding(policy, phase, one.call) if is_granted else None,
    )


def _holding(policy: Policy, phase: str | None, call: PastCall) -> Holding:
    tool = policy.tools.get(call.tool)
    text = text_of(call.arguments)
    given = _parse(text)
    judged = Judged(
        call=Call(tool=call.tool, arguments=text),
        tool=tool,
        decision=_GRANTED,
        given=given,
        effect_key=layers.effect_key(tool, given) if tool is not None and tool.effect_key else None,
        repeat=_repeat(policy, call),
        values=NO_VALUES if tool is None else values_of(tool, given),
    )
    return holding_of(judged, phase)


def _repeat(policy: Policy, call: PastCall) -> bytes:
    tool = policy.tools.get(call.tool)
    text = text_of(call.arguments)
    given = _parse(text)
    volatile = () if tool is None else tool.volatile
    return repeat_digest(call.tool, given, arguments_digest(given), volatile, is_whole=False)


def _parse(text: bytes) -> dict[str, Json]:
    given = foreign.parse(text)
    if not isinstance(given, dict):
        message = "the arguments of an earlier call are no object"
        raise UnfitError(message)
    return given


def _outright(policy: Policy, given: Situation, facts: Facts) -> Iterator[tuple[str, object]]:
    """Yield the facts that a case says outright."""
    for name in ("status", "phase", "steps", "cost_micros", "reserved_micros"):
        if (value := getattr(given, name)) is not UNSET:
            yield name, value
    for name, known in (("counted", facts.counted), ("slots", facts.slots)):
        if (named := getattr(given, name)) is not UNSET:
            yield name, {**known, **named}
    if given.step_counted is not UNSET:
        yield "is_step_counted", given.step_counted
    if given.filtered is not UNSET:
        yield "filtered", frozenset(given.filtered)
    if given.recovering is not UNSET:
        yield "is_recovering", given.recovering
    if given.granted is not UNSET:
        yield "repeats", tuple(_repeat(policy, call) for call in given.granted)
    if given.effect_keys_taken is not UNSET:
        yield (
            "effect_keys_taken",
            frozenset(_effect_key(policy, call) for call in given.effect_keys_taken),
        )
    yield from _times(given, facts.now)


def _effect_key(policy: Policy, call: PastCall) -> bytes:
    key = effect_key_hash(policy, call.tool, text_of(call.arguments))
    if key is None:
        message = f"`effect_keys_taken` has a call of `{call.tool}` without an effect key"
        raise UnfitError(message)
    return key


def _times(given: Situation, now: datetime) -> Iterator[tuple[str, object]]:
    if given.started_ago is None:
        yield "started_at", None
    elif given.started_ago is not UNSET:
        yield "started_at", now - timedelta(seconds=given.started_ago)
    if given.waited is not UNSET:
        yield "waited", timedelta(seconds=given.waited)
    if given.waiting_for is not UNSET:
        yield "waiting_since", now - timedelta(seconds=given.waiting_for)
