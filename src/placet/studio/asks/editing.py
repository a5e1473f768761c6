"""Putting other arguments in the place of a call that waits for people."""

from typing import Final
from uuid import UUID

from placet.events.model import new_event
from placet.kernel.ids import ActorId, Ids
from placet.kernel.principal import Principal
from placet.replay.asks import store as asks
from placet.replay.asks.editing import EDITS_MAX, next_ordinal, read_edit
from placet.replay.asks.model import CallEdited, EditedCall
from placet.replay.asks.writes import EditWrite
from placet.replay.calls.events import AskOpened
from placet.replay.calls.model import ReplayPendingCall
from placet.replay.sessions.codes import STALE, refusal
from placet.replay.sessions.policies import Pinned, Policies
from placet.storage.database import Writing
from placet.studio.asks import reading
from placet.studio.asks.model import (
    AskCase,
    AskEdited,
    AskPanel,
    EditAsk,
    EditFlaw,
    EditObjection,
    EditRefused,
)
from placet.studio.asks.rules import roles_of

ATTEMPTS: Final = 4
"""Once, and three times on what another vote or edit left that was first."""


async def edit_ask(  # noqa: PLR0913, PLR0917 -- who, which call, the edit, and what judges it
    tx: Writing,
    principal: Principal,
    place: tuple[UUID, UUID],
    asked: EditAsk,
    policies: Policies,
    ids: Ids,
) -> AskEdited:
    """Supersede a call that waits by one with other arguments, which is asked about anew.

    Whoever `tx` was opened for must be somebody whom the call asks. Votes on the old call count
    for nothing then; the editor signs one on the new call as everybody does. Refuses `not_found`,
    `ask_closed`, and `edit_refused` with everything that stands against the edit.
    """
    session_id, call_id = place
    panel, pinned = await reading.read_panel(tx, principal, session_id, policies)
    has_role = await reading.is_approver(tx, panel)
    for _ in range(ATTEMPTS):
        case = await reading.read_open_case(tx, panel, pinned, call_id)
        write = _decide(tx.actor_id, panel, pinned, case, asked, has_role=has_role)
        ordinal = next_ordinal(await asks.list_step(tx, case.call))
        if not isinstance(write, EditedCall):
            raise _refused(write)
        if ordinal is None:
            detail = f"calls of this response were edited {EDITS_MAX} times, which is enough"
            raise _refused([EditObjection(code=EditFlaw.TOO_MANY, detail=detail)])
        new = ids.new()
        said = _said(case.call, new, ordinal, write, (tx.actor_id, asked.reason))
        opened = AskOpened(call_id=new, tool=case.call.tool_name, expires_seconds=None)
        code = await asks.edit(
            tx,
            EditWrite(
                session_id=session_id,
                call_id=call_id,
                new_call_id=new,
                ordinal=ordinal,
                seen=0 if case.ask is None else case.ask.votes,
                reason=asked.reason,
                edited=write,
                events=[new_event(ids, said), new_event(ids, opened)],
            ),
        )
        match code:
            case "ok":
                call = await asks.get_call(tx, session_id, new)
                shown = reading.shown(panel, await reading.read_case(tx, panel, pinned, call))
                return AskEdited(superseded=call_id, ask=shown)
            case "ask_closed":
                raise reading.closed(None)
            case "redo":
                continue
            case code:
                raise refusal(code)
    raise refusal(STALE)


def _decide(  # noqa: PLR0913 -- who edits, whom is asked, which call, and what it becomes
    editor_id: ActorId,
    panel: AskPanel,
    pinned: Pinned,
    case: AskCase,
    asked: EditAsk,
    *,
    has_role: bool,
) -> EditedCall | list[EditObjection]:
    """Return the edited call, or everything that stands against it."""
    found = _check_editor(editor_id, panel, case, has_role=has_role)
    made = read_edit(pinned.policy, case.call, asked.arguments)
    if isinstance(made, list):
        found += [EditObjection(code=EditFlaw.ARGUMENTS_REFUSED, detail=why) for why in made]
        return found
    return found or made


def _check_editor(
    editor_id: ActorId, panel: AskPanel, case: AskCase, *, has_role: bool
) -> list[EditObjection]:
    if not has_role:
        detail = "the editor is no approver of the session's workspace"
        return [EditObjection(code=EditFlaw.NOT_AN_APPROVER, detail=detail)]
    own = [key_id for key_id, (key, _) in panel.keys.items() if key.actor_id == editor_id]
    roles = {role for key_id in own for role in roles_of(panel, key_id)}
    wanted = {group.role for group in case.checkpoint.all_of}
    if roles & wanted:
        return []
    names = ", ".join(f"`{name}`" for name in sorted(wanted))
    detail = f"the editor has none of the roles that the call asks for: {names}"
    return [EditObjection(code=EditFlaw.ROLE_MISSING, detail=detail)]


def _said(
    call: ReplayPendingCall,
    new_call_id: UUID,
    ordinal: int,
    edited: EditedCall,
    who: tuple[ActorId, str],
) -> CallEdited:
    editor_id, reason = who
    return CallEdited(
        call_id=call.call_id,
        new_call_id=new_call_id,
        prepared_request_id=call.prepared_request_id,
        ordinal=ordinal,
        tool_call_id=call.tool_call_id,
        tool=call.tool_name,
        arguments_hash=edited.arguments_hash.hex(),
        effect_key=None if edited.effect_key is None else edited.effect_key.hex(),
        editor_id=editor_id,
        reason=reason,
    )


def _refused(reasons: list[EditObjection]) -> EditRefused:
    return EditRefused(detail="; ".join(one.detail for one in reasons), reasons=reasons)
