"""Compiling and comparing a request here, and naming whatever the service says otherwise.

Pure: what was served and the pinned keys go in, what was found comes out.
"""

from collections.abc import Iterator
from typing import cast
from uuid import UUID

import msgspec

from placet.cli.approve.served import Served
from placet.cli.rebuilding import contract_in, rebuilt_otherwise
from placet.evidence.bundle import KeyList
from placet.evidence.dossier_lines import DossierError
from placet.evidence.verify_dossier import OpenedDossier, open_dossier
from placet.evidence.vote import APPROVAL_VOTE_TYPE
from placet.kernel import foreign
from placet.kernel.foreign import ForeignJsonError, Json
from placet.kernel.hashing import digest
from placet.kernel.principal import Environment
from placet.kernel.value import Value
from placet.plans.model import Enforcement, Unplanned
from placet.policy.compile import Compiled, compile_contract
from placet.policy.diff.change import Change
from placet.policy.diff.contracts import diff_contracts
from placet.policy.finding import Finding
from placet.policy.model import Contract
from placet.policy.projection import COMPILER_VERSION
from placet.sdk.studio.dossiers import snapshot_content
from placet.studio.judgments.model import Judgment
from placet.studio.requests.model import VoteFields
from placet.studio.requests.rules import hash_policy, hash_view
from placet.studio.snapshots.model import SnapshotId
from placet.studio.snapshots.rules import check_memory, read_memory
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


class Looked(Value, frozen=True):
    """What was found here. `fields` is what a vote signs, but for decision, voter and key.

    `frame` is null where the view cannot be read; `against` is the approval that `changes` are
    against, null where nothing is in force.
    """

    fields: VoteFields
    frame: Frame | None
    against: UUID | None
    changes: list[Change]
    findings: list[Finding]
    disagreements: list[Disagreement]


def look(served: Served, pinned: KeyList) -> Looked:
    """Return what was found here of a request, and every disagreement with what was served."""
    wrong: list[Disagreement] = []
    before = _in_force(served, pinned, wrong)
    contract, compiled = _compiled(served, wrong)
    view = bytes(served.request.view)
    frame, shown = _view(view, wrong)
    fields = _fields(served, view, compiled)
    changes = [] if contract is None else diff_contracts(contract_in(before), contract)
    findings = check_memory(bytes(served.snapshot.memory), served.workspace.environment)
    wrong += _snapshot_wrong(served, fields)
    wrong += _fields_wrong(served, fields)
    if frame is not None:
        wrong += _frame_wrong(served, frame, fields)
        wrong += _shown_wrong(shown, compiled, changes, findings)
    return Looked(
        fields=fields,
        frame=frame,
        against=None if before is None else before.artifact.approval_id,
        changes=changes,
        findings=findings,
        disagreements=wrong,
    )


def _in_force(served: Served, pinned: KeyList, wrong: list[Disagreement]) -> OpenedDossier | None:
    """Return the approval in force, proved by pinned keys and compiled anew."""
    if served.in_force is None:
        return None
    item = f"the approval in force, {served.workspace.active_approval_id}"
    try:
        opened = open_dossier(served.in_force, pinned)
    except DossierError as fault:
        wrong.append(Disagreement(item=item, why=f"{fault.flaw.item}: {fault.flaw.why}"))
        return None
    said = opened.approval
    found = (
        opened.header.tenant_id,
        said and said.workspace_id,
        opened.artifact.approval_id,
    )
    if found != (
        served.me.tenant_id,
        served.workspace.workspace_id,
        served.workspace.active_approval_id,
    ):
        wrong.append(Disagreement(item=item, why="it is one of another tenant or workspace"))
    if why := rebuilt_otherwise(opened):
        wrong.append(Disagreement(item=item, why=why))
    return opened


def _compiled(served: Served, wrong: list[Disagreement]) -> tuple[Contract | None, Compiled | None]:
    item = "the contract"
    found = read_memory(bytes(served.snapshot.memory))
    if isinstance(found, list):
        wrong.append(Disagreement(item=item, why=f"it cannot be read: {found[0].message}"))
        return None, None
    if served.snapshot.compiler_version != COMPILER_VERSION:
        why = (
            f"it is for version {served.snapshot.compiler_version} of the compiler, this is "
            f"version {COMPILER_VERSION}"
        )
        wrong.append(Disagreement(item=item, why=why))
    return found, compile_contract(found)


def _view(view: bytes, wrong: list[Disagreement]) -> tuple[Frame | None, dict[str, Json]]:
    try:
        shown = foreign.parse(view)
        if foreign.encode(shown) != view:
            wrong.append(Disagreement(item="the view", why="it is not in canonical form"))
        return msgspec.json.decode(view, type=Frame), cast("dict[str, Json]", shown)
    except (ForeignJsonError, msgspec.MsgspecError) as fault:
        wrong.append(Disagreement(item="the view", why=f"it cannot be read: {fault}"))
        return None, {}


def _fields(served: Served, view: bytes, compiled: Compiled | None) -> VoteFields:
    """Return what a vote on this request says, with every hash made here."""
    told, snapshot = served.request.vote_fields, served.snapshot
    content = snapshot_content(snapshot, told.tenant_id, served.workspace.environment)
    return VoteFields(
        purpose=told.purpose,
        tenant_id=served.me.tenant_id,
        workspace_id=served.workspace.workspace_id,
        environment=served.workspace.environment,
        request_id=served.request.request_id,
        snapshot_id=snapshot.snapshot_id,
        snapshot_hash=digest("draft_snapshot", content).hex(),
        view_hash=hash_view(view),
        source_hash=snapshot.source_snapshot_hash,
        command_history_hash=snapshot.command_history_hash,
        compiler_version=COMPILER_VERSION,
        artifact_hash="" if compiled is None else compiled.compiled_hash.hex(),
        approval_policy_hash=hash_policy(served.workspace.approval_policy),
        latest_checkpoint=told.latest_checkpoint,
    )


def _snapshot_wrong(served: Served, fields: VoteFields) -> Iterator[Disagreement]:
    request, snapshot = served.request, served.snapshot
    if snapshot.snapshot_hash != fields.snapshot_hash:
        yield Disagreement(item="the snapshot", why="its hash is not that of what it holds")
    if (snapshot.snapshot_id, snapshot.workspace_id) != (request.snapshot_id, request.workspace_id):
        yield Disagreement(item="the snapshot", why="it is not the one that the request names")


def _fields_wrong(served: Served, fields: VoteFields) -> Iterator[Disagreement]:
    if served.request.vote_type != APPROVAL_VOTE_TYPE:
        why = f"a `{served.request.vote_type}` is to be signed, not a `{APPROVAL_VOTE_TYPE}`"
        yield Disagreement(item="what is to be signed", why=why)
    for name in fields.__struct_fields__:
        here, there = getattr(fields, name), getattr(served.request.vote_fields, name)
        if here != there:
            yield Disagreement(
                item=f"what is to be signed as `{name}`", why=f"it is {there}, here it is {here}"
            )


def _frame_wrong(served: Served, frame: Frame, fields: VoteFields) -> Iterator[Disagreement]:
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
        "judgments": (frame.judgments, snapshot.judgments),
        "approval in force": (frame.diff.against, workspace.active_approval_id),
    }
    for name, (there, here) in pairs.items():
        if there != here:
            yield Disagreement(item=f"the view's {name}", why="it is another here")


def _shown_wrong(
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
