"""What reaches further than one session: kills, what was out under them, and their lifting."""

from collections.abc import AsyncIterator
from typing import Final, Literal
from uuid import UUID

from placet.authority.controls.model import (
    ControlEffect,
    ControlInForce,
    ControlView,
    SetControl,
)
from placet.authority.lifts.model import AskLift, ConfirmLift, LiftView
from placet.evidence.dsse import encode_envelope
from placet.evidence.ed25519 import SigningKey
from placet.evidence.lift_vote import LiftAct, LiftVote, sign_lift_vote
from placet.kernel.ids import Ids
from placet.kernel.paging import Page
from placet.replay.controls.model import UnconfirmedCall
from placet.sdk.caller import path_of
from placet.sdk.studio.door import Door
from placet.tenancy.model import Me

_CONTROLS: Final = "/authority/controls"


class Controls:
    """The kills of a tenant, of its agents and of its tools."""

    def __init__(self, door: Door) -> None:
        """Ask through a door."""
        self._door = door

    async def kill(
        self,
        kind: Literal["tenant", "agent", "tool"],
        target: str = "",
        *,
        reason: str,
        key: str | None = None,
    ) -> ControlInForce:
        """Stop a tenant, an agent or a tool: nothing of it is granted from the answer on."""
        asked = SetControl(kind=kind, target=target, effect=ControlEffect.KILL, reason=reason)
        return await self._door.post(_CONTROLS, ControlInForce, asked, key=key)

    async def get(self, control_id: UUID) -> ControlView:
        """Return one control."""
        return await self._door.get(path_of(f"{_CONTROLS}/{{id}}", id=control_id), ControlView)

    def every(self) -> AsyncIterator[ControlView]:
        """Yield every control, lifted ones too, the latest first."""
        return self._door.every(_CONTROLS, Page[ControlView])

    def unconfirmed(self, control_id: UUID) -> AsyncIterator[UnconfirmedCall]:
        """Yield the calls whose grants were out when a control was set, and are not settled."""
        path = path_of(f"{_CONTROLS}/{{id}}/unconfirmed", id=control_id)
        return self._door.every(path, Page[UnconfirmedCall])

    def lifts(self, control_id: UUID) -> AsyncIterator[LiftView]:
        """Yield who asked for a control to be lifted, and who agreed, the latest first."""
        return self._door.every(path_of(f"{_CONTROLS}/{{id}}/lifts", id=control_id), Page[LiftView])

    async def ask_lift(
        self, control: ControlView, me: Me, signer: SigningKey | None, *, reason: str, ids: Ids
    ) -> LiftView:
        """Sign, as an operator, that a control is to be lifted. Nothing passes yet.

        `signer` is none only where nobody in the tenant has a key to sign with.
        """
        vote = None
        if signer is not None:
            vote = _signed(LiftAct.ASK, control, UUID(str(ids.new())), me, signer, reason)
        path = path_of(f"{_CONTROLS}/{{id}}/lifts", id=control.control_id)
        return await self._door.post(path, LiftView, AskLift(reason=reason, vote=vote))

    async def confirm_lift(
        self, control: ControlView, lift_id: UUID, me: Me, signer: SigningKey | None, *, reason: str
    ) -> LiftView:
        """Sign as the second operator: grants pass again from the answer on."""
        vote = None
        if signer is not None:
            vote = _signed(LiftAct.CONFIRM, control, lift_id, me, signer, reason)
        path = path_of("/authority/lifts/{id}/confirm", id=lift_id)
        return await self._door.post(path, LiftView, ConfirmLift(reason=reason, vote=vote))


def _signed(  # noqa: PLR0913, PLR0917 -- what is signed, part by part
    act: LiftAct, control: ControlView, lift_id: UUID, me: Me, signer: SigningKey, reason: str
) -> bytes:
    vote = LiftVote(
        tenant_id=me.tenant_id,
        act=act,
        lift_id=lift_id,
        control_id=control.control_id,
        kind=control.kind.value,
        target=control.target,
        set_epoch=control.set_epoch,
        reason=reason,
        voter_id=me.actor.actor_id,
        key_id=signer.key_id,
    )
    return encode_envelope(sign_lift_vote(vote, signer))
