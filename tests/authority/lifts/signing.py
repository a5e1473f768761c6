"""People with keys, and the words on a lift that they sign."""

import base64
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import msgspec

from placet.authority.model import PersonKey
from placet.authority.store import insert_person_key
from placet.evidence.dsse import encode_envelope
from placet.evidence.ed25519 import SigningKey
from placet.evidence.lift_vote import LiftAct, LiftVote, sign_lift_vote
from placet.kernel.principal import Principal
from placet.storage.database import Database

HELD: Final = timedelta(hours=1)
"""For how long a person has had a key, unless told."""


async def enrolled(db: Database, who: Principal, held: timedelta = HELD) -> SigningKey:
    """Return a key that a person signs with, which nobody confirmed."""
    key = SigningKey.generate()
    async with db.writing(who) as tx:
        row = PersonKey(
            tenant_id=who.tenant_id,
            key_id=key.key_id,
            actor_id=who.actor_id,
            public_key=key.public.raw,
            proof=b"{}",
            confirmed_by=[],
            enrolled_at=await tx.now() - held,
        )
        assert await insert_person_key(tx, row)
    return key


def vote_on(
    control: dict[str, Any], act: LiftAct, lift_id: UUID, who: Principal, key: SigningKey
) -> LiftVote:
    """Return what somebody is to sign of a control, as the service shows it."""
    return LiftVote(
        tenant_id=who.tenant_id,
        act=act,
        lift_id=lift_id,
        control_id=UUID(str(control["control_id"])),
        kind=control["kind"],
        target=control["target"],
        set_epoch=control.get("set_epoch") or control["control_epoch"],
        reason="it is over",
        voter_id=who.actor_id,
        key_id=key.key_id,
    )


def signed(vote: LiftVote, key: SigningKey, **other: Any) -> bytes:  # noqa: ANN401 -- any field
    """Return a signed word, with some fields of another kind."""
    return encode_envelope(sign_lift_vote(msgspec.structs.replace(vote, **other), key))


def body_of(vote: LiftVote, key: SigningKey) -> dict[str, str]:
    """Return the body that asks for a lift, or agrees to one."""
    return {"reason": vote.reason, "vote": base64.b64encode(signed(vote, key)).decode()}
