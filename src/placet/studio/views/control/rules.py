"""How a control path follows from what was read."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from placet.policy.explain import LAYERS, Explained
from placet.policy.model import Contract, Ruling, ToolContract
from placet.policy.rulings import (
    checkpoint_of,
    is_start_required,
    phases_of,
    ruling_of,
    target_of,
)
from placet.policy.sentences.line import Line
from placet.replay.calls.model import Verdict
from placet.studio.rule_evidence.rules import freshness_of
from placet.studio.views.control.model import (
    SESSIONS_MAX,
    ControlFacts,
    ControlPath,
    Gates,
    Overlay,
    Proofs,
    RuleSupport,
    Stage,
    StageRule,
    ToolNotShown,
)
from placet.studio.views.model import Basis, EvidenceFacts
from placet.studio.views.rules import (
    OTHERWISE,
    basis_of,
    head_of,
    hold_of,
    observed_least,
    shown_contract,
    thin_says,
)

UNMATCHED: Final = "session.unmatched_tools"
_FOR_ALL: Final = ("session.limits.", "session.phases[", "session.transitions.")
_FOR_ONE: Final = "session.limits.max_calls_per_tool."


def control_of(facts: ControlFacts, tool: str, days: int) -> ControlPath:
    """Return the control path of a tool. Takes its time.

    Refuses `contract_not_shown` and `tool_not_shown`.
    """
    shown, contract, explained = shown_contract(facts.basis)
    described = next((one for one in contract.tools if one.tool == tool), None)
    if described is None and facts.offered is None:
        raise ToolNotShown(detail="nothing here has a tool of this name")
    basis = basis_of(shown, facts.as_of)
    return ControlPath(
        as_of=facts.as_of,
        workspace=head_of(facts.workspace),
        basis=basis,
        tool=tool,
        is_in_contract=described is not None,
        ruling=_ruling(explained, contract, tool),
        side_effect=described.side_effect if described else None,
        evidence_class=described.evidence_class if described else None,
        hold=hold_of(facts.offered),
        stages=_stages(_lines(explained, tool), facts),
        gates=_gates(contract, described) if described else None,
        proofs=_proofs(facts, basis),
        overlay=_overlay(facts, days),
        drift=facts.drift,
        drift_total=facts.drift_total,
        last_scan=facts.scan,
        says=_says(facts, basis, tool, is_in_contract=described is not None),
    )


def _ruling(explained: Explained, contract: Contract, tool: str) -> Ruling:
    told = next((one.ruling for one in explained.tools if one.tool == tool), None)
    return told or contract.session.unmatched_tools


def _lines(explained: Explained, tool: str) -> list[Line]:
    """Return every sentence that a call of the tool is held to."""
    own = next((one.lines for one in explained.tools if one.tool == tool), None)
    if own is None:
        return [line for line in explained.session if line.rule == UNMATCHED]
    seen = {line.rule for line in own}
    for_all = [
        line
        for line in explained.session
        if line.rule not in seen
        and (line.rule == "session.principals" or line.rule.startswith(_FOR_ALL))
        and not line.rule.startswith(_FOR_ONE)
    ]
    return [*for_all, *own]


def _stages(lines: Sequence[Line], facts: ControlFacts) -> list[Stage]:
    """Return the layers in their order, those without a rule too, then what decides nothing."""
    support = {one.rule: support_of(one, facts.as_of) for one in facts.evidence}
    refused = {one.layer: one.calls for one in facts.verdicts if one.verdict is Verdict.DENY}
    layers: list[int | None] = [*LAYERS, None]
    return [
        Stage(
            layer=layer,
            about=OTHERWISE if layer is None else LAYERS[layer],
            rules=[
                StageRule(rule=line.rule, says=line.says, support=support.get(line.rule))
                for line in lines
                if line.layer == layer
            ],
            refused=refused.get(layer, 0),
        )
        for layer in layers
    ]


def support_of(entry: EvidenceFacts, as_of: datetime) -> RuleSupport:
    """Return what observed calls say of a rule, as fresh as it is at `as_of`."""
    return RuleSupport(
        family=entry.family,
        support_count=entry.support_count,
        contradiction_count=entry.contradiction_count,
        last_observed_at=entry.last_observed_at,
        freshness=freshness_of(entry.family, entry.last_observed_at, as_of),
    )


def _gates(contract: Contract, tool: ToolContract) -> Gates:
    phases = phases_of(contract, tool)
    return Gates(
        response=contract.session.gate,
        is_start_required=is_start_required(tool),
        valid_in=None if phases is None else list(phases),
        advances_to=target_of(tool),
        after_calls_of=[one.tool for one in tool.requires],
        people=checkpoint_of(tool, ruling_of(contract, tool)[0]),
    )


def _proofs(facts: ControlFacts, basis: Basis) -> Proofs | None:
    shown = facts.basis
    if (
        shown is None
        or shown.approval_id is None
        or shown.approval_version is None
        or shown.request_id is None
        or shown.compiled_hash is None
        or basis.approval_status is None
    ):
        return None
    return Proofs(
        approval_id=shown.approval_id,
        approval_version=shown.approval_version,
        approval_status=basis.approval_status,
        request_id=shown.request_id,
        view_hash=facts.view_hash,
        compiled_hash=shown.compiled_hash,
        approved_by=shown.approved_by or [],
        votes=facts.votes,
    )


def _overlay(facts: ControlFacts, days: int) -> Overlay:
    return Overlay(
        since=facts.as_of - timedelta(days=days),
        until=facts.as_of,
        sessions=min(facts.sessions, SESSIONS_MAX),
        is_truncated=facts.sessions > SESSIONS_MAX,
        calls=sum(one.calls for one in facts.verdicts),
        verdicts=facts.verdicts,
    )


def _says(facts: ControlFacts, basis: Basis, tool: str, *, is_in_contract: bool) -> list[str]:
    says = [] if is_in_contract else [f"the contract does not have `{tool}`"]
    own: Iterable[EvidenceFacts] = [one for one in facts.evidence if one.tool == tool]
    says += thin_says(observed_least(own) if basis.approval_id is not None else None, facts.scan)
    if hold_of(facts.offered).strength is None:
        says.append("no attached process reports this tool: nothing says how it is governed")
    if not facts.sessions:
        says.append("no session began in this window")
    elif not facts.verdicts:
        says.append("no call of this tool was seen in this window")
    return says
