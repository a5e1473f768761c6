"""Putting a control in force."""

from uuid import UUID

from placet.authority.controls import store
from placet.authority.controls.model import (
    ControlEffect,
    ControlInForce,
    ControlKind,
    ControlSet,
    SetControl,
)
from placet.authority.controls.rules import check_target
from placet.events.model import new_event
from placet.kernel.hashing import digest
from placet.kernel.ids import Ids, derived_id
from placet.kernel.refusals import IdempotencyConflict, ScopeMissing, Unauthenticated
from placet.storage.database import HotPool, Writing
from placet.tenancy.model import ParsedKey


async def kill_artifact(
    tx: Writing, artifact_id: UUID, reason: str, control_id: UUID, ids: Ids
) -> int:
    """Keep whatever was compiled to this artifact from being granted or started, for ever.

    Returns the epoch from which no grant passes. Comes last in a transaction: it waits for the
    grants under way, and later ones wait for it.
    """
    said = ControlSet(
        control_id=control_id,
        kind=ControlKind.ARTIFACT,
        target=str(artifact_id),
        effect=ControlEffect.KILL,
        reason=reason,
    )
    return await store.add_control(tx, said, new_event(ids, said))


async def set_control(
    hot: HotPool, ids: Ids, key: ParsedKey, asked: SetControl, idempotency_key: str
) -> ControlInForce:
    """Put a control in force. The same idempotency key again is the same control.

    Refuses `malformed_body` for a target that does not go with the kind.
    """
    check_target(asked)
    control_id = control_id_of(key, idempotency_key)
    kind = ControlKind(asked.kind)
    said = ControlSet(
        control_id=control_id,
        kind=kind,
        target=asked.target,
        effect=asked.effect,
        reason=asked.reason,
    )
    row = await store.set_control(
        hot,
        key.key_id,
        key.secret_hash,
        control_id,
        asked,
        new_event(ids, said),
    )
    match row["code"]:
        case "ok":
            return ControlInForce(
                control_id=control_id,
                kind=kind,
                target=asked.target,
                effect=asked.effect,
                control_epoch=row["control_epoch"],
                set_at=row["set_at"],
            )
        case "forbidden":
            raise ScopeMissing(detail="this key lacks the scope `operate`", scope="operate")
        case "idempotency_conflict":
            raise IdempotencyConflict(detail="this `Idempotency-Key` stands for another control")
        case _:
            raise Unauthenticated(detail="no live API key came with the request")


def control_id_of(key: ParsedKey, idempotency_key: str) -> UUID:
    """Return the id of the control that an idempotency key of this API key stands for."""
    return derived_id(digest("control_id", key.key_id.encode(), idempotency_key.encode()))
