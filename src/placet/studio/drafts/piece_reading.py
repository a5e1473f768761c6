"""Commands on one part of a session's rules, read into what they set."""

from typing import assert_never, cast

import msgspec

from placet.kernel.foreign import Json
from placet.policy.paths import path_text
from placet.studio.drafts import replaying
from placet.studio.drafts.contract_reading import (
    STAND_IN,
    invalid,
    parsed,
    read_whole,
    type_of,
    whole_of,
)
from placet.studio.drafts.pieces.model import (
    Piece,
    RemoveAggregate,
    RemoveBinding,
    RemoveEnvelope,
    RemoveLabelRule,
    RemoveLimit,
    RemovePhase,
    RemovePrincipalRule,
    RemoveRiskDefault,
    RemoveTransition,
    SetAggregate,
    SetBinding,
    SetEnvelope,
    SetGate,
    SetLabelRule,
    SetLimits,
    SetPhase,
    SetPrincipalRule,
    SetRiskDefault,
    SetTransition,
    SetUnmatchedTools,
)
from placet.studio.drafts.places import Document, rule_id


def read_piece(session: Document, agent: str, command: Piece) -> Document:
    """Return what a command on one part of a session's rules sets. Refuses `contract_invalid`."""
    match command:
        case SetPhase() | SetBinding() | SetAggregate() | SetEnvelope():
            return _named(agent, command)
        case RemovePhase() | RemoveBinding() | RemoveAggregate() | RemoveEnvelope():
            return _removed(session, command)
        case SetPrincipalRule() | SetLabelRule():
            return _rule(session, agent, command)
        case RemovePrincipalRule(rule_id=gone) | RemoveLabelRule(rule_id=gone):
            _check_rule(_rules(session, command), gone, "rule_id")
            return {"rule_id": gone}
        case SetTransition() | RemoveTransition():
            return _transition(session, agent, command)
        case SetLimits() | RemoveLimit():
            return _limit(session, agent, command)
        case SetRiskDefault() | RemoveRiskDefault():
            return _risk_default(session, agent, command)
        case SetGate(gate=raw) | SetUnmatchedTools(ruling=raw):
            key, field = replaying.VALUES[type_of(command)]
            sent = parsed(raw, field)
            _part(agent, key, sent, ("session", key), field)
            return {field: sent}
    assert_never(command)


def _named(agent: str, command: SetPhase | SetBinding | SetAggregate | SetEnvelope) -> Document:
    key, _, field = replaying.LISTS[type_of(command)]
    match command:
        case (
            SetPhase(phase=raw)
            | SetBinding(binding=raw)
            | SetAggregate(aggregate=raw)
            | SetEnvelope(envelope=raw)
        ):
            return {field: _item(agent, key, raw, field)}
    assert_never(command)


def _removed(
    session: Document,
    command: RemovePhase | RemoveBinding | RemoveAggregate | RemoveEnvelope,
) -> Document:
    key, by, field = replaying.LISTS[type_of(command)]
    name = command.slot if isinstance(command, RemoveBinding) else command.name
    if all(item[by] != name for item in replaying.items_of(session, key)):
        raise invalid(
            code="unknown_name",
            path=f"$.{field}",
            message=f"`{name}` is not among the draft's {key}",
        )
    return {field: name}


def _rule(session: Document, agent: str, command: SetPrincipalRule | SetLabelRule) -> Document:
    rules = _rules(session, command)
    rule = _item(agent, replaying.NAMELESS[type_of(command)], command.rule, "rule")
    if command.replaces is not None:
        _check_rule(rules, command.replaces, "replaces")
    if (known := rule_id(rule)) != command.replaces and known in map(rule_id, rules):
        raise invalid(
            code="duplicate_rule", path="$.rule", message=f"the draft has this rule as `{known}`"
        )
    return {"rule": rule, "replaces": command.replaces}


def _transition(
    session: Document, agent: str, command: SetTransition | RemoveTransition
) -> Document:
    source = command.source
    if isinstance(command, RemoveTransition):
        _check_key(replaying.mapping_of(session, "transitions"), source, "from")
        return {"from": source}
    sent: Json = {source: parsed(command.to, "to")}
    read = _part(agent, "transitions", sent, ("session", "transitions", source), "to")
    return {"from": source, "to": cast("Document", read)[source]}


def _limit(session: Document, agent: str, command: SetLimits | RemoveLimit) -> Document:
    if isinstance(command, SetLimits):
        sent = parsed(command.limits, "limits")
        return {"limits": _part(agent, "limits", sent, ("session", "limits"), "limits")}
    limits = replaying.mapping_of(session, "limits")
    _check_key(limits, command.limit, "limit")
    if command.tool is None:
        return {"limit": command.limit}
    per_tool = replaying.mapping_of(limits, replaying.PER_TOOL)
    if command.limit != replaying.PER_TOOL:
        raise invalid(
            code="no_tool_limit",
            path="$.tool",
            message=f"`{command.limit}` is not set tool by tool",
        )
    _check_key(per_tool, command.tool, "tool")
    return {"limit": command.limit, "tool": command.tool}


def _risk_default(
    session: Document, agent: str, command: SetRiskDefault | RemoveRiskDefault
) -> Document:
    kind = command.side_effect.value
    if isinstance(command, RemoveRiskDefault):
        _check_key(replaying.mapping_of(session, "risk_defaults"), kind, "side_effect")
        return {"side_effect": kind}
    sent: Json = {kind: parsed(command.ruling, "ruling")}
    read = _part(agent, "risk_defaults", sent, ("session", "risk_defaults", kind), "ruling")
    return {"side_effect": kind, "ruling": cast("Document", read)[kind]}


def _item(agent: str, key: str, raw: msgspec.Raw, field: str) -> Json:
    """Return one item of a list of the session, as the policy reads it."""
    read = _part(agent, key, [parsed(raw, field)], ("session", key, 0), field)
    return cast("list[Json]", read)[0]


def _part(agent: str, key: str, sent: Json, steps: tuple[str | int, ...], field: str) -> Json:
    """Return one key of the session as the policy reads it; findings stand in the command."""
    whole = whole_of(agent, {key: sent}, STAND_IN)
    read = read_whole(agent, whole, path_text(steps), f"$.{field}")
    return replaying.session_of(read).get(key, {})


def _check_key(mapping: Document, key: str, field: str) -> None:
    if key not in mapping:
        raise invalid(
            code="unknown_name", path=f"$.{field}", message=f"the draft says nothing of `{key}`"
        )


def _check_rule(rules: list[Document], known: str, field: str) -> None:
    if known not in map(rule_id, rules):
        raise invalid(
            code="unknown_rule", path=f"$.{field}", message=f"the draft has no rule `{known}`"
        )


def _rules(
    session: Document,
    command: SetPrincipalRule | SetLabelRule | RemovePrincipalRule | RemoveLabelRule,
) -> list[Document]:
    return replaying.items_of(session, replaying.NAMELESS[type_of(command)])
