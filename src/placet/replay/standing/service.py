"""Ending a standing grant."""

from uuid import UUID

from placet.authority.controls import store as controls
from placet.events import store as events
from placet.events.model import StreamKind, new_event, tenant_stream
from placet.kernel.ids import Ids
from placet.kernel.principal import Principal
from placet.replay.sessions.codes import refusal
from placet.replay.standing import store
from placet.replay.standing.model import ReplayStandingGrant, StandingRevoked
from placet.storage.database import Writing


async def end_grant(
    tx: Writing, principal: Principal, standing_id: UUID, reason: str, ids: Ids
) -> ReplayStandingGrant:
    """End a standing grant: no call is granted by it from the answer on. Returns it as it is then.

    Refuses `not_found`, and `transition_not_allowed` for one that was revoked before.
    """
    grant = await store.get_grant(tx, principal, standing_id)
    said = StandingRevoked(
        standing_id=standing_id,
        agent=grant.agent,
        environment=grant.environment,
        tool=grant.tool_name,
        reason=reason,
    )
    # Race: the stream and the gate before the grant, as everywhere; a call that passed the gate may
    # wait for the grant while another revocation waits for that call.
    stream = tenant_stream(tx.tenant_id, StreamKind.AUTHORITY)
    await controls.raise_epoch(tx, stream, StreamKind.AUTHORITY)
    code = await store.revoke_grant(tx, standing_id, reason)
    if code != "ok":
        raise refusal(code)
    # Race: told after the lock, so that no call that it granted is told of later than this.
    await events.append(tx, stream, StreamKind.AUTHORITY, [new_event(ids, said)])
    return await store.get_grant(tx, principal, standing_id)
