"""Reading what an ask is judged by, and putting it into the form in which it is shown."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

import msgspec

from placet.authority import store as authority
from placet.authority.checkpoints import service as checkpoints
from placet.evidence.ask_vote import ASK_VOTE_TYPE
from placet.kernel.principal import Principal
from placet.kernel.refusals import NotFound
from placet.replay.asks import rules as ask_rules
from placet.replay.asks import store as asks
from placet.replay.asks.editing import is_edited
from placet.replay.asks.model import AskClosed, AskStatus, AskView, EditedFrom, ReplayAskEdit
from placet.replay.calls.model import CallStatus, ReplayPendingCall
from placet.replay.sessions import store as sessions
from placet.replay.sessions.model import SessionStatus
from placet.replay.sessions.policies import Pinned, Policies
from placet.replay.sessions.views import may_see
from placet.storage.database import Reading, Writing
from placet.studio.approvals import store as approvals
from placet.studio.asks import rules
from placet.studio.asks.model import (
    ARGUMENTS_MAX,
    AskCase,
    AskListed,
    AskPanel,
    AskShown,
    AskVoteShown,
)
from placet.studio.workspaces import service as workspaces
from placet.studio.workspaces import store as workspace_store
from placet.studio.workspaces.rules import approvers_of
from placet.tenancy import store as tenancy
from placet.tenancy.model import Role

_LISTED: Final = frozenset(AskListed.__struct_fields__) & frozenset(AskShown.__struct_fields__)


async def read_panel(
    tx: Reading, principal: Principal, session_id: UUID, policies: Policies
) -> tuple[AskPanel, Pinned]:
    """Return who may answer the asks of a session, and its policy.

    A transaction that writes keeps all of it as it is until its end. Refuses `not_found`.
    """
    session = await sessions.get_session(tx, session_id)
    if not may_see(principal, session):
        raise NotFound(detail="there is no such thing here")
    artifact = await authority.get_artifact(tx, session.artifact_id)
    workspace_id = (await approvals.get_head(tx, artifact.approval_id)).workspace_id
    if isinstance(tx, Writing):
        await workspaces.hold_standings(tx, workspace_id)
    panel = AskPanel(
        session=session,
        workspace_id=workspace_id,
        keys=await workspaces.read_standings(tx, workspace_id),
        members=await workspace_store.list_members(tx, workspace_id),
        now=await tx.now(),
        latest=await checkpoints.to_be_seen(tx),
    )
    return panel, await policies.keep(tx, artifact)


async def is_approver(tx: Reading, panel: AskPanel) -> bool:
    """Tell whether whoever `tx` was opened for approves in the session's workspace."""
    grants = await tenancy.list_grants(tx, tx.actor_id)
    has_role = any(
        grant.role is Role.APPROVER and grant.workspace_id in {None, panel.workspace_id}
        for grant in grants
    )
    return has_role and tx.actor_id in approvers_of(panel.keys)


async def read_case(
    tx: Reading, panel: AskPanel, pinned: Pinned, call: ReplayPendingCall
) -> AskCase:
    """Return a call with its view, which the first vote froze, and what was said of it.

    Refuses `not_found` once it was erased.
    """
    if call.is_erased:
        raise NotFound(detail="what this call was to do was erased")
    found = await asks.list_asks(tx, call.session_id, [call.call_id])
    ask = found.get(call.call_id)
    view = await _view(tx, panel, pinned, call) if ask is None else ask.view
    return AskCase(
        call=call,
        checkpoint=ask_rules.checkpoint_of(pinned.policy, call.tool_name),
        view=view,
        view_hash=ask_rules.hash_view(view).hex(),
        ask=ask,
        votes=await asks.list_votes(tx, call.session_id, [call.call_id]),
    )


async def read_open_case(tx: Reading, panel: AskPanel, pinned: Pinned, call_id: UUID) -> AskCase:
    """Return a call that still waits for an answer. Refuses `not_found` and `ask_closed`."""
    call = await asks.get_call(tx, panel.session.session_id, call_id)
    check_asked(call)
    is_over = call.deadline_at is None or call.deadline_at <= await tx.now()
    # A session that does not go on grants nothing more, whatever people say.
    is_over = is_over or panel.session.status is not SessionStatus.ACTIVE
    if call.status is not CallStatus.AWAITING_APPROVAL or is_over:
        raise closed(call.status)
    case = await read_case(tx, panel, pinned, call)
    if case.status is not AskStatus.OPEN:
        raise closed(call.status)
    return case


def check_asked(call: ReplayPendingCall) -> None:
    """Refuse `not_found` for a call that people were never asked about."""
    if call.deadline_at is None:
        raise NotFound(detail="this call never waited for people")


def closed(status: CallStatus | None) -> AskClosed:
    """Return the refusal of a vote that comes too late."""
    return AskClosed(detail="this call waits for no answer any more", call_status=status)


def shown(panel: AskPanel, case: AskCase) -> AskShown:
    """Return an ask as people see it."""
    call = case.call
    assert call.deadline_at is not None, "an ask has one"  # noqa: S101 -- narrows; `check_asked` looked
    return AskShown(
        session_id=panel.session.session_id,
        call_id=call.call_id,
        step=call.step_id,
        agent=panel.session.agent,
        environment=panel.session.environment,
        tool=call.tool_name,
        status=case.status,
        call_status=call.status,
        proposed_at=call.proposed_at,
        deadline=call.deadline_at,
        tally=rules.tally_of(panel, case),
        reason_required=case.checkpoint.reason_required,
        votes=[
            AskVoteShown(
                voter_id=vote.voter_id,
                decision=vote.decision,
                reason=vote.reason,
                voted_at=vote.voted_at,
            )
            for vote in case.votes
        ],
        view=case.view.decode(),
        view_hash=case.view_hash,
        vote_type=ASK_VOTE_TYPE,
        vote_fields=rules.fields_of(panel, [case]),
    )


def listed(panel: AskPanel, case: AskCase) -> AskListed:
    """Return an ask as a list shows it, with the beginning of its arguments."""
    whole = shown(panel, case)
    view = msgspec.json.decode(whole.view, type=AskView)
    return AskListed(
        **{name: getattr(whole, name) for name in _LISTED},
        arguments=view.arguments[:ARGUMENTS_MAX],
        arguments_cut=len(view.arguments) > ARGUMENTS_MAX,
    )


async def _view(tx: Reading, panel: AskPanel, pinned: Pinned, call: ReplayPendingCall) -> bytes:
    step = await asks.list_step(tx, call)
    edit = await _edit(tx, call)
    hides = ask_rules.is_redacted(pinned.policy, call)
    salt = await asks.get_salt(tx, call, edit) if hides else b""
    edited = None if edit is None else _edited(edit, step)
    view = ask_rules.view_of(pinned.policy, panel.session, call, step, salt, edited)
    return ask_rules.view_bytes(view)


async def _edit(tx: Reading, call: ReplayPendingCall) -> ReplayAskEdit | None:
    """Return the edit that a call came by, if it did."""
    if not is_edited(call):
        return None
    found = await asks.list_edits(tx, call.session_id, [call.call_id])
    return next(each for each in found if each.new_call_id == call.call_id)


def _edited(edit: ReplayAskEdit, step: Sequence[ReplayPendingCall]) -> EditedFrom:
    was = next(each for each in step if each.call_id == edit.call_id)
    return EditedFrom(
        call_id=edit.call_id,
        arguments_hash=was.arguments_hash.hex(),
        editor_id=edit.editor_id,
        reason=edit.reason,
        edited_at=edit.edited_at,
    )
