"""How an Atlas follows from what was read."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from placet.plans.attachments.model import AttachmentCounts
from placet.plans.model import GovernancePlan
from placet.policy.explain import LAYERS, ToolExplained
from placet.policy.model import Contract
from placet.policy.rulings import is_start_required
from placet.policy.sentences.line import Line
from placet.studio.drift.model import DriftSeverity, DriftStatus
from placet.studio.drift.rules import RANK
from placet.studio.views.atlas.model import (
    Atlas,
    AtlasFacts,
    AtlasTool,
    DriftGroup,
    EvidenceGroup,
    LayerCount,
    PlanLine,
    SeverityCount,
    Work,
)
from placet.studio.views.model import THIN_BELOW, OfferedFacts
from placet.studio.views.rules import OTHERWISE, basis_of, explained_of, head_of, hold_of, thin_says

UNDECIDED: Final = frozenset({DriftStatus.OPEN, DriftStatus.ACKNOWLEDGED})


def atlas_of(facts: AtlasFacts, plan: GovernancePlan | None, instances: AttachmentCounts) -> Atlas:
    """Return the Atlas. `plan` is what it counts for at that moment. Takes its time."""
    contract, explained = explained_of(facts.basis) or (None, None)
    offered = {one.tool: one for one in facts.offered}
    known = {tool.tool for tool in contract.tools} if contract else set()
    tools = _tools(facts, contract, explained.tools, offered) if contract and explained else []
    return Atlas(
        as_of=facts.as_of,
        workspace=head_of(facts.workspace),
        basis=basis_of(facts.basis, facts.as_of) if facts.basis else None,
        tools=tools,
        unknown_tools=sorted(set(offered) - known) if contract else [],
        unmatched=contract.session.unmatched_tools if contract else None,
        rules=_counted(explained.session) if explained else [],
        work=_work(facts, plan),
        drift=_severities(facts.drift),
        instances=instances,
        last_scan=facts.scan,
        says=_says(facts, tools, instances, is_readable=contract is not None),
    )


def _tools(
    facts: AtlasFacts,
    contract: Contract,
    explained: Sequence[ToolExplained],
    offered: dict[str, OfferedFacts],
) -> list[AtlasTool]:
    evidence = {one.tool: one for one in facts.evidence if one.tool is not None}
    told = []
    for tool, explanation in zip(contract.tools, explained, strict=True):
        about = [one for one in facts.drift if one.tool == tool.tool]
        counted = evidence.get(tool.tool)
        told.append(
            AtlasTool(
                tool=tool.tool,
                side_effect=tool.side_effect,
                evidence_class=tool.evidence_class,
                ruling=explanation.ruling,
                is_start_required=is_start_required(tool),
                rules=_counted(explanation.lines),
                hold=hold_of(offered.get(tool.tool)),
                drift=sum(one.items for one in about),
                worst_drift=_worst(about),
                observed_least=counted.observed if counted else None,
                is_thin=counted is None or counted.observed < THIN_BELOW,
                last_observed_at=counted.last_observed_at if counted else None,
            )
        )
    return told


def _counted(lines: Iterable[Line]) -> list[LayerCount]:
    """Return how many rules act in each layer; one rule may say several things."""
    rules = {(line.layer, line.rule) for line in lines}
    counts = Counter(layer for layer, _ in rules)
    ordered = sorted(counts, key=lambda layer: len(LAYERS) + 1 if layer is None else layer)
    return [
        LayerCount(
            layer=layer, about=OTHERWISE if layer is None else LAYERS[layer], rules=counts[layer]
        )
        for layer in ordered
    ]


def _worst(groups: Iterable[DriftGroup]) -> DriftSeverity | None:
    return max((one.severity for one in groups), key=lambda one: RANK[one], default=None)


def _severities(groups: Sequence[DriftGroup]) -> list[SeverityCount]:
    """Return how many live items there are of each severity, the gravest first."""
    return [
        SeverityCount(
            severity=severity,
            items=sum(one.items for one in groups if one.severity is severity),
            undecided=sum(
                one.items for one in groups if one.severity is severity and one.status in UNDECIDED
            ),
        )
        for severity in sorted(DriftSeverity, key=lambda one: -RANK[one])
    ]


def _work(facts: AtlasFacts, plan: GovernancePlan | None) -> Work:
    draft, snapshot = facts.draft, facts.snapshot
    is_behind = (
        draft is not None and snapshot is not None and draft.current_version != snapshot.version
    )
    fields = PlanLine.__struct_fields__
    line = PlanLine(**{name: getattr(plan, name) for name in fields}) if plan else None
    return Work(
        draft=draft, snapshot=snapshot, is_behind=is_behind, request=facts.request, plan=line
    )


def _says(
    facts: AtlasFacts,
    tools: Sequence[AtlasTool],
    instances: AttachmentCounts,
    *,
    is_readable: bool,
) -> list[str]:
    """Say what cannot be told, and what little is known."""
    if facts.basis is None:
        return ["nothing was approved or frozen here yet: there is no contract to draw an atlas of"]
    if not is_readable:
        return ["the snapshot holds no contract that can be read: its findings say why"]
    says = thin_says(_observed(facts.basis.approval_id is not None, facts.evidence), facts.scan)
    if not instances.instances:
        says.append("no process of the agent has reported: who runs this is not known")
    unseen = sum(tool.hold.strength is None for tool in tools)
    if unseen:
        says.append(
            f"{unseen} of {len(tools)} tools are reported by no attached process: nothing says"
            " how they are governed"
        )
    if unseen < len(tools):
        says.append(
            "the rest are governed cooperatively: the agent's own process asks before it calls"
        )
    return says


def _observed(is_approved: bool, groups: Sequence[EvidenceGroup]) -> int | None:  # noqa: FBT001 -- says which contract
    """Return the calls that were observed at the least over all tools; None for a draft."""
    if not is_approved:
        return None
    return sum(one.observed for one in groups if one.tool is not None)
