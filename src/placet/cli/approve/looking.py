"""Compiling and comparing a request here, and naming whatever the service says otherwise.

Pure: what was served and the pinned keys go in, what was found comes out.
"""

from collections.abc import Iterator
from typing import Final, cast
from uuid import UUID

import msgspec

from placet.cli.approve.comparing import (
    Disagreement,
    Frame,
    fields_wrong,
    frame_wrong,
    shown_wrong,
    snapshot_wrong,
)
from placet.cli.approve.in_force import base_wrong
from placet.cli.approve.served import Served
from placet.cli.rebuilding import contract_in, rebuilt_otherwise
from placet.cli.seen import Seen
from placet.evidence.bundle import KeyList
from placet.evidence.dossier import ApprovalLine
from placet.evidence.verify import DossierError
from placet.evidence.verify_dossier import OpenedDossier, open_dossier
from placet.kernel import foreign
from placet.kernel.foreign import ForeignJsonError, Json
from placet.kernel.hashing import digest
from placet.kernel.value import Value
from placet.policy.compile import Compiled, compile_contract
from placet.policy.diff.change import Change
from placet.policy.diff.contracts import diff_contracts
from placet.policy.finding import Finding
from placet.policy.model import Contract
from placet.policy.projection import COMPILER_VERSION
from placet.studio.dossiers.rules import snapshot_content
from placet.studio.requests.model import RequestId, VoteFields
from placet.studio.requests.rules import hash_policy, hash_view
from placet.studio.snapshots.rules import check_memory, read_memory

NOTHING: Final = Seen()
GONE: Final = (
    "the service says that nothing is in force, and something was when you last looked; ask "
    "whether it ended"
)
OLDER: Final = (
    "of the compiler, another than this: its contract is compared, and not compiled to the artifact"
)


class Looked(Value, frozen=True):
    """What was found here. `fields` is what a vote signs, but for decision, voter and key.

    `frame` is null where the view cannot be read; `against` is the approval that `changes` are
    against, null where nothing is in force, and `base` what it says of itself. `notes` are what a
    person must know and what is no disagreement.
    """

    fields: VoteFields
    frame: Frame | None
    against: UUID | None
    base: ApprovalLine | None
    notes: list[str]
    changes: list[Change]
    findings: list[Finding]
    disagreements: list[Disagreement]


def look(served: Served, pinned: KeyList, asked: UUID, seen: Seen = NOTHING) -> Looked:
    """Return what was found here of a request, and every disagreement with what was served.

    `asked` is the id of the request that the person named; no other is looked at in its place.
    `seen` is what was in force in this workspace when it was looked at before.
    """
    wrong: list[Disagreement] = []
    if served.request.request_id != asked:
        why = f"it is {served.request.request_id}, and {asked} was asked for"
        wrong.append(Disagreement(item="the request", why=why))
    notes: list[str] = []
    before = _in_force(served, pinned, wrong, notes)
    wrong += _gone_back(before, seen)
    if before is None and seen.approvals:
        notes.append(GONE)
    contract, compiled = _compiled(served, wrong)
    view = bytes(served.request.view)
    frame, shown = _view(view, wrong)
    fields = _fields(served, view, compiled, asked)
    changes = [] if contract is None else diff_contracts(contract_in(before), contract)
    findings = check_memory(bytes(served.snapshot.memory), served.workspace.environment)
    wrong += snapshot_wrong(served, fields)
    wrong += fields_wrong(served, fields)
    if frame is not None:
        wrong += frame_wrong(served, frame, fields)
        wrong += shown_wrong(shown, compiled, changes, findings)
    return Looked(
        fields=fields,
        frame=frame,
        against=None if before is None else before.artifact.approval_id,
        base=None if before is None else before.approval,
        notes=notes,
        changes=changes,
        findings=findings,
        disagreements=wrong,
    )


def _in_force(
    served: Served, pinned: KeyList, wrong: list[Disagreement], notes: list[str]
) -> OpenedDossier | None:
    """Return the approval in force, proved by pinned keys and compiled anew."""
    if served.in_force is None:
        return None
    item = f"the approval in force, {served.workspace.active_approval_id}"
    try:
        opened = open_dossier(served.in_force, pinned)
    except DossierError as fault:
        wrong.append(Disagreement(item=item, why=f"{fault.flaw.item}: {fault.flaw.why}"))
        return None
    wrong += [Disagreement(item=item, why=why) for why in base_wrong(served, opened)]
    if opened.artifact.compiler_version != COMPILER_VERSION and contract_in(opened) is not None:
        notes.append(f"in force was compiled by version {opened.artifact.compiler_version} {OLDER}")
    elif why := rebuilt_otherwise(opened):
        wrong.append(Disagreement(item=item, why=why))
    return opened


def _gone_back(before: OpenedDossier | None, seen: Seen) -> Iterator[Disagreement]:
    """Yield why what is served as in force cannot be, after what was seen before."""
    line = None if before is None else before.approval
    if line is not None and (why := seen.why_not(line.approval_id, line.approval_version)):
        yield Disagreement(item=f"the approval in force, {line.approval_id}", why=why)


def _compiled(served: Served, wrong: list[Disagreement]) -> tuple[Contract | None, Compiled | None]:
    item = "the contract"
    found = read_memory(bytes(served.snapshot.memory))
    if isinstance(found, list):
        wrong.append(Disagreement(item=item, why=f"it cannot be read: {found[0].message}"))
        return None, None
    if found.agent != served.workspace.agent:
        why = f"it is for agent {found.agent}, the workspace is of {served.workspace.agent}"
        wrong.append(Disagreement(item=item, why=why))
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


def _fields(served: Served, view: bytes, compiled: Compiled | None, asked: UUID) -> VoteFields:
    """Return what a vote on this request says, with every hash made here."""
    told, snapshot = served.request.vote_fields, served.snapshot
    content = snapshot_content(snapshot, told.tenant_id, served.workspace.environment)
    return VoteFields(
        purpose=told.purpose,
        tenant_id=served.me.tenant_id,
        workspace_id=served.workspace.workspace_id,
        environment=served.workspace.environment,
        request_id=RequestId(asked),
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
