"""Reading a session with its open calls."""

from uuid import UUID

import msgspec

from placet.kernel.principal import Principal
from placet.replay.calls import store as calls
from placet.replay.pending import store
from placet.replay.pending.model import RECEIPTS_MAX, SessionQuery, SessionWithPending
from placet.replay.pending.rules import show_call
from placet.replay.sessions.views import check_reach, show_sessions
from placet.storage.database import Reading


async def read_session(
    tx: Reading, principal: Principal, session_id: UUID, asked: SessionQuery
) -> SessionWithPending:
    """Return a session that this key may see. Refuses `not_found` for every other."""
    session = await check_reach(tx, principal, session_id)
    pending = None
    if asked.include is not None:
        found = await calls.list_open_calls(tx, session_id)
        receipts = await store.list_first_receipts(
            tx, session_id, [call.call_id for call in found], limit=RECEIPTS_MAX
        )
        pending = [show_call(call, receipts.get(call.call_id, [])) for call in found]
    (view,) = await show_sessions(tx, [session])
    return SessionWithPending(**msgspec.structs.asdict(view), pending=pending)
