"""The commands on one part of a session's rules. What is `Raw` is read as the policy reads it."""

from typing import Annotated, Final

import msgspec

from placet.kernel.value import Input
from placet.policy.model import Name, SideEffect

RULE_ID_CHARACTERS: Final = 16

RuleId = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{16}(?!\n)$")]
"""How a rule without a name is told from the others."""

LimitName = Annotated[str, msgspec.Meta(pattern=r"^[a-z_]{1,64}(?!\n)$")]


class SetPhase(Input, frozen=True, tag_field="type", tag="set_phase"):
    """Set one phase, in place of the one with its name."""

    phase: msgspec.Raw


class RemovePhase(Input, frozen=True, tag_field="type", tag="remove_phase"):
    """Take one phase out."""

    name: Name


class SetTransition(
    Input, frozen=True, tag_field="type", tag="set_transition", rename={"source": "from"}
):
    """Set all the phases that one phase may lead to."""

    source: Name
    to: msgspec.Raw


class RemoveTransition(
    Input, frozen=True, tag_field="type", tag="remove_transition", rename={"source": "from"}
):
    """Take out what one phase may lead to."""

    source: Name


class SetLimits(Input, frozen=True, tag_field="type", tag="set_limits"):
    """Set the limits that are given, and for `max_calls_per_tool` the tools; others stay."""

    limits: msgspec.Raw


class RemoveLimit(Input, frozen=True, tag_field="type", tag="remove_limit"):
    """Take one limit out; `tool` names the one of `max_calls_per_tool`."""

    limit: LimitName
    tool: Name | None = None


class SetBinding(Input, frozen=True, tag_field="type", tag="set_binding"):
    """Set one slot, in place of the one with its name."""

    binding: msgspec.Raw


class RemoveBinding(Input, frozen=True, tag_field="type", tag="remove_binding"):
    """Take one slot out."""

    slot: Name


class SetAggregate(Input, frozen=True, tag_field="type", tag="set_aggregate"):
    """Set one aggregate, in place of the one with its name."""

    aggregate: msgspec.Raw


class RemoveAggregate(Input, frozen=True, tag_field="type", tag="remove_aggregate"):
    """Take one aggregate out."""

    name: Name


class SetEnvelope(Input, frozen=True, tag_field="type", tag="set_envelope"):
    """Set one envelope, in place of the one with its name."""

    envelope: msgspec.Raw


class RemoveEnvelope(Input, frozen=True, tag_field="type", tag="remove_envelope"):
    """Take one envelope out."""

    name: Name


class SetPrincipalRule(Input, frozen=True, tag_field="type", tag="set_principal_rule"):
    """Add a rule on principals, or put it in the place of another."""

    rule: msgspec.Raw
    replaces: RuleId | None = None


class RemovePrincipalRule(Input, frozen=True, tag_field="type", tag="remove_principal_rule"):
    """Take one rule on principals out."""

    rule_id: RuleId


class SetLabelRule(Input, frozen=True, tag_field="type", tag="set_label_rule"):
    """Add a rule on labels, or put it in the place of another."""

    rule: msgspec.Raw
    replaces: RuleId | None = None


class RemoveLabelRule(Input, frozen=True, tag_field="type", tag="remove_label_rule"):
    """Take one rule on labels out."""

    rule_id: RuleId


class SetRiskDefault(Input, frozen=True, tag_field="type", tag="set_risk_default"):
    """Set what becomes of tools with one kind of side effect."""

    side_effect: SideEffect
    ruling: msgspec.Raw


class RemoveRiskDefault(Input, frozen=True, tag_field="type", tag="remove_risk_default"):
    """Take the risk default of one kind of side effect out."""

    side_effect: SideEffect


class SetGate(Input, frozen=True, tag_field="type", tag="set_gate"):
    """Set what becomes of a response of which some calls are refused."""

    gate: msgspec.Raw


class SetUnmatchedTools(Input, frozen=True, tag_field="type", tag="set_unmatched_tools"):
    """Set what becomes of tools that the contract does not know."""

    ruling: msgspec.Raw


Named = SetPhase | SetBinding | SetAggregate | SetEnvelope
RemoveNamed = RemovePhase | RemoveBinding | RemoveAggregate | RemoveEnvelope
SetRule = SetPrincipalRule | SetLabelRule
RemoveRule = RemovePrincipalRule | RemoveLabelRule
Piece = (
    Named
    | RemoveNamed
    | SetRule
    | RemoveRule
    | SetTransition
    | RemoveTransition
    | SetLimits
    | RemoveLimit
    | SetRiskDefault
    | RemoveRiskDefault
    | SetGate
    | SetUnmatchedTools
)
