"""Controls on one session."""

from typing import Final
from uuid import UUID

import msgspec

from placet.events.model import new_event
from placet.kernel.ids import Ids
from placet.kernel.principal import Scope
from placet.kernel.refusals import MalformedBody
from placet.replay.controls import store
from placet.replay.controls.model import (
    ControlAction,
    ControlAnswer,
    ControlsFull,
    FilterTools,
    LabelsCleared,
    LabelSession,
    LabelTaken,
    ReportBypass,
    SessionBypassed,
    SessionLabelled,
    ToolsFiltered,
)
from placet.replay.controls.store import ControlWrite, Once
from placet.replay.sessions.codes import refusal
from placet.replay.sessions.model import SessionStatus
from placet.storage.database import HotPool, HotRow
from placet.storage.idempotency import check_told
from placet.tenancy.model import ParsedKey

_KEPT: Final = msgspec.json.Decoder(ControlAnswer)
_BOTH: Final = (Scope.RUNTIME, Scope.OPERATE)
_OPERATORS: Final = (Scope.OPERATE,)


async def label_session(  # noqa: PLR0913, PLR0917 -- what the hot path takes, no more
    hot: HotPool, ids: Ids, key: ParsedKey, session_id: UUID, asked: LabelSession, once: Once
) -> ControlAnswer:
    """Put labels on a session, or clear some; sent again, the first answer and no second effect.

    Refuses `malformed_body` unless exactly one of the two is asked, `idempotency_conflict` where
    the key stands for another request, `answer_erased` where the first answer is gone,
    `label_taken` to an agent that would change one, `controls_full`, and as what a session has
    ended.
    """
    if bool(asked.add) == bool(asked.clear):
        raise MalformedBody(detail="name labels either to add or to clear", errors=[])
    if asked.add:
        write = ControlWrite(
            action=ControlAction.LABEL,
            scopes=_BOTH,
            labels=asked.add,
            event=new_event(ids, SessionLabelled(labels=asked.add)),
            once=once,
        )
    else:
        write = ControlWrite(
            action=ControlAction.CLEAR_LABELS,
            scopes=_OPERATORS,
            names=asked.clear,
            event=new_event(ids, LabelsCleared(names=list(asked.clear))),
            once=once,
        )
    return _answer(session_id, await store.control_session(hot, key, session_id, write))


async def filter_tools(
    hot: HotPool, ids: Ids, key: ParsedKey, session_id: UUID, asked: FilterTools
) -> ControlAnswer:
    """Take tools away from a session: they are denied from the next decision on, for good.

    Refuses `controls_full`, and as what a session has ended.
    """
    said = ToolsFiltered(tools=list(asked.tools), reason=asked.reason)
    write = ControlWrite(
        action=ControlAction.FILTER,
        scopes=_OPERATORS,
        names=asked.tools,
        event=new_event(ids, said),
    )
    return _answer(session_id, await store.control_session(hot, key, session_id, write))


async def report_bypass(
    hot: HotPool, ids: Ids, key: ParsedKey, session_id: UUID, asked: ReportBypass
) -> ControlAnswer:
    """Keep the word that an agent acted around its grants, and let the session go no further.

    A session that has ended keeps the word too, and stays what it is.
    """
    write = ControlWrite(
        action=ControlAction.BYPASS,
        scopes=_BOTH,
        reason=asked.reason,
        event=new_event(ids, SessionBypassed(reason=asked.reason)),
    )
    return _answer(session_id, await store.control_session(hot, key, session_id, write))


def _answer(session_id: UUID, row: HotRow) -> ControlAnswer:
    match row["code"]:
        case "ok":
            return ControlAnswer(
                session_id=session_id,
                status=SessionStatus(row["status"]),
                labels=msgspec.json.decode(row["labels"], type=dict[str, str]),
                filtered_tools=msgspec.json.decode(row["filtered"], type=list[str]),
                state_version=row["state_version"],
                control_revision=row["control_revision"],
                replayed=row["replayed"],
            )
        case "kept":
            check_told(row["answer"])
            return msgspec.structs.replace(_KEPT.decode(row["answer"]), replayed=True)
        case "label_taken":
            raise LabelTaken(detail="one of these labels has another value")
        case "controls_full":
            raise ControlsFull(detail="that would be more than a session may have")
        case code:
            raise refusal(code, scope="operate")
