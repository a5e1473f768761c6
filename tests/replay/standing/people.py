"""Standing grants of a desk's people."""

import json
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import msgspec
from tests.replay.asks.people import AskDesk
from tests.replay.desk import Worker
from tests.studio.story import Signer

from placet.evidence.dsse import encode_envelope
from placet.evidence.standing import Standing, sign_standing

PATH = "/api/v1/replay/standing-grants"
SHOUTS = [{"path": "$.reason", "matches": "shouts"}]


async def terms(desk: AskDesk, tool: str = "escalate") -> httpx.Response:
    """Ask for what a standing grant of a tool signs."""
    return await desk.get(f"{PATH}/terms/{desk.workspace.workspace_id}/{tool}", desk.ada.api_key)


async def standing(
    desk: AskDesk, signer: Signer | None = None, tool: str = "escalate", **changed: object
) -> Standing:
    """Return what somebody signs who says yes to calls of a tool that are yet to come."""
    signer = signer or desk.ada
    found = (await terms(desk, tool)).json()
    async with desk.db.reading(desk.workplace.founder) as tx:
        now: datetime = await tx.now()
    said: dict[str, Any] = {
        "standing_id": str(desk.ids.new()),
        **{name: found[name] for name in ("tenant_id", "workspace_id", "agent", "environment")},
        **{name: found[name] for name in ("tool", "schema_hash", "checkpoint_hash")},
        "arguments": SHOUTS,
        "uses": 2,
        "expires_at": now + timedelta(days=1),
        "reason": "they always shout",
        "granted_by": str(signer.principal.actor_id),
        "key_id": signer.key.key_id,
    }
    return msgspec.convert(said | changed, Standing)


async def give(
    desk: AskDesk, said: Standing | None = None, signer: Signer | None = None
) -> httpx.Response:
    """Hand in a standing grant."""
    signer = signer or desk.ada
    envelope = sign_standing(said or await standing(desk, signer), signer.key)
    body = {"envelope": json.loads(encode_envelope(envelope))}
    return await desk.post(PATH, body, signer.api_key)


async def given(desk: AskDesk, signer: Signer | None = None, **changed: object) -> UUID:
    """Return the id of a standing grant that was put in force."""
    answered = await give(desk, await standing(desk, signer, **changed), signer)  # type: ignore[arg-type]  # -- `tool` is text
    assert answered.status_code == 201, answered.text
    return UUID(answered.json()["standing_id"])


async def revoke(desk: AskDesk, standing_id: UUID) -> httpx.Response:
    """End a standing grant."""
    return await desk.post(f"{PATH}/{standing_id}/revoke", {"reason": "no more"}, desk.ben.api_key)


async def shown(desk: AskDesk, standing_id: UUID) -> dict[str, Any]:
    """Return a standing grant as it is listed."""
    items = (await desk.get(PATH, desk.ada.api_key)).json()["items"]
    (found,) = [one for one in items if one["standing_id"] == str(standing_id)]
    return dict(found)


async def statuses(worker: Worker, *calls: tuple[str, dict[str, Any]]) -> list[str]:
    """Propose calls, and return what became of each."""
    return [call["status"] for call in await worker.propose(*calls)]
