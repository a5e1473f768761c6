"""What was served, held against what was found here: each difference is named."""

from collections.abc import Iterator
from typing import cast
from uuid import UUID

import msgspec

from placet.cli.approve.served import Served
from placet.evidence.vote import APPROVAL_VOTE_TYPE, VotePurpose
from placet.kernel import foreign
from placet.kernel.foreign import Json
from placet.kernel.principal import Environment
from placet.kernel.value import Value
from placet.plans.model import Enforcement, Unplanned
from placet.policy.compile import Compiled
from placet.policy.diff.change import Change
from placet.policy.finding import Finding
from placet.studio.endings.model import EndedApproval
from placet.studio.impact.model import ImpactSummary
from placet.studio.judgments.model import Judgment
from placet.studio.requests.model import VoteFields
from placet.studio.snapshots.model import SnapshotId
from placet.studio.workspaces.model import ApprovalPolicy, PolicyChange, WorkspaceId


class Disagreement(Value, frozen=True):
    """Something that was served and is not what was found here."""

    item: str
    why: str


class Against(Value, frozen=True):
    """The approval that a view's changes are against."""

    against: UUID | None


class Frame(Value, frozen=True):
    """What is read of a view; its rules, changes and findings are compared as they stand."""

    workspace_id: WorkspaceId
    agent: str
    environment: Environment
    enforcement: Enforcement
    unplanned: Unplanned
    snapshot_id: SnapshotId
    snapshot_hash: str
    snapshot_version: int
    artifact_hash: str
    compiler_version: str
    approval_policy: ApprovalPolicy
    policy_change: PolicyChange | None
    judgments: list[Judgment]
    diff: Against
    purpose: VotePurpose = VotePurpose.ORDINARY
    impact: ImpactSummary | None = None
    ended: tuple[EndedApproval, ...] = ()


def snapshot_wrong(served: Served, fields: VoteFields) -> Iterator[Disagreement]:
    """Yield where the snapshot is not what its hash and the request say."""
    request, snapshot = served.request, served.snapshot
    if snapshot.snapshot_hash != fields.snapshot_hash:
        yield Disagreement(item="the snapshot", why="its hash is not that of what it holds")
    if (snapshot.snapshot_id, snapshot.workspace_id) != (request.snapshot_id, request.workspace_id):
        yield Disagreement(item="the snapshot", why="it is not the one that the request names")


def fields_wrong(served: Served, fields: VoteFields) -> Iterator[Disagreement]:
    """Yield what is to be signed otherwise than it was found here."""
    if served.request.vote_type != APPROVAL_VOTE_TYPE:
        why = f"a `{served.request.vote_type}` is to be signed, not a `{APPROVAL_VOTE_TYPE}`"
        yield Disagreement(item="what is to be signed", why=why)
    for name in fields.__struct_fields__:
        here, there = getattr(fields, name), getattr(served.request.vote_fields, name)
        if here != there:
            yield Disagreement(
                item=f"what is to be signed as `{name}`", why=f"it is {there}, here it is {here}"
            )


def frame_wrong(served: Served, frame: Frame, fields: VoteFields) -> Iterator[Disagreement]:
    """Yield what the view says of its surroundings otherwise than the service does elsewhere."""
    workspace, snapshot = served.workspace, served.snapshot
    pairs = {
        "workspace": (frame.workspace_id, workspace.workspace_id),
        "agent": (frame.agent, workspace.agent),
        "environment": (frame.environment, workspace.environment),
        "enforcement": (frame.enforcement, workspace.enforcement),
        "posture without a plan": (frame.unplanned, workspace.unplanned),
        "approval policy": (frame.approval_policy, workspace.approval_policy),
        "snapshot": (frame.snapshot_id, snapshot.snapshot_id),
        "snapshot hash": (frame.snapshot_hash, fields.snapshot_hash),
        "snapshot version": (frame.snapshot_version, snapshot.version),
        "artifact": (frame.artifact_hash, fields.artifact_hash),
        "compiler version": (frame.compiler_version, fields.compiler_version),
        "purpose": (frame.purpose, fields.purpose),
        "judgments": (frame.judgments, snapshot.judgments),
        "approval in force": (frame.diff.against, workspace.active_approval_id),
    }
    for name, (there, here) in pairs.items():
        if there != here:
            yield Disagreement(item=f"the view's {name}", why="it is another here")


def shown_wrong(
    shown: dict[str, Json],
    compiled: Compiled | None,
    changes: list[Change],
    findings: list[Finding],
) -> Iterator[Disagreement]:
    """Yield what the view shows people otherwise than it was found here."""
    if compiled is not None and foreign.encode(shown.get("review")) != compiled.review:
        yield Disagreement(item="the view's rules", why="the contract says others")
    diff = shown.get("diff")
    served = diff.get("changes") if isinstance(diff, dict) else None
    if served != _plain(changes):
        yield Disagreement(
            item="the view's changes", why="compared here, the contracts differ otherwise"
        )
    listed = shown.get("findings")
    told = listed if isinstance(listed, list) else []
    for finding in findings:
        if _plain(finding) not in told:
            why = f"it does not tell of `{finding.code}` at {finding.path}"
            yield Disagreement(item="the view's findings", why=why)


def _plain(value: object) -> Json:
    return foreign.parse(foreign.encode(cast("Json", msgspec.to_builtins(value))))
