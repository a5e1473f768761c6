"""What the tests of break-glass share: an approval that stands by, and three operators."""

from dataclasses import dataclass
from typing import Self
from uuid import UUID

import msgspec
from msgspec.structs import asdict
from tests.studio.story import AGENT, LOOKUP, Signer, Story, contract

from placet.events.model import StreamId, StreamKind, tenant_stream
from placet.events.store import list_events
from placet.evidence.break_glass import BreakGlassVote, sign_break_glass
from placet.evidence.dsse import encode_envelope
from placet.evidence.ed25519 import SigningKey
from placet.evidence.vote import VotePurpose
from placet.kernel.principal import Environment
from placet.plans import service as plans
from placet.plans.model import GovernancePlan
from placet.storage.database import Writing
from placet.studio.approvals import store as approvals
from placet.studio.approvals.model import ApprovalHead
from placet.studio.break_glass import service
from placet.studio.break_glass.model import ActivationAnswer, EndActivation, SignActivation
from placet.studio.workspaces.model import GovernanceWorkspace
from placet.tenancy.model import Role

ROLES = (Role.APPROVER, Role.AUTHOR, Role.OPERATOR)


@dataclass
class Scene:
    """A workspace, three operators with keys, and an approval that stands by.

    Only `ada` approves in the workspace; the keys of the others were let in elsewhere.
    """

    story: Story
    ada: Signer
    bob: Signer
    cy: Signer
    workspace: GovernanceWorkspace
    standby: ApprovalHead
    artifact_hash: str

    @classmethod
    async def build(cls, story: Story, agent: str = AGENT) -> Self:
        """Go the way to an approval that stands by; nothing is in force."""
        ada, bob, cy = [
            Signer(*await story.workplace.person(name, *ROLES)) for name in ("ada", "bob", "cy")
        ]
        workspace = await story.workspace(ada, agent=agent)
        for index, signer in enumerate((bob, cy)):
            await story.workspace(signer, agent=f"{agent}-elsewhere-{index}")
        _, _, request = await story.asked(
            workspace, contract(LOOKUP, agent=agent), VotePurpose.BREAK_GLASS
        )
        answer = await story.vote(request, ada)
        assert answer.approval_id is not None
        assert answer.compiled_hash is not None
        async with story.db.reading(story.founder) as tx:
            standby = await approvals.get_head(tx, answer.approval_id)
        return cls(story, ada, bob, cy, workspace, standby, answer.compiled_hash)

    def opening(
        self,
        signer: Signer,
        *,
        minutes: int = 30,
        key: SigningKey | None = None,
        **otherwise: object,
    ) -> SignActivation:
        """Return the signed vote that opens an activation; `otherwise` changes fields."""
        said: dict[str, object] = {
            "tenant_id": self.workspace.tenant_id,
            "workspace_id": self.workspace.workspace_id,
            "environment": self.workspace.environment,
            "activation_id": self.story.ids.new(),
            "approval_id": self.standby.approval_id,
            "artifact_hash": self.artifact_hash,
            "minutes": minutes,
            "reason": "the payment provider is down",
            "latest_checkpoint": None,
        }
        return signed(signer, said | otherwise, key)

    async def open(self, signer: Signer, *, minutes: int = 30) -> ActivationAnswer:
        """Open an activation as an operator."""
        return await self.hand_in(signer, self.opening(signer, minutes=minutes))

    async def hand_in(self, signer: Signer, vote: SignActivation) -> ActivationAnswer:
        """Open an activation with a vote that is signed already."""
        async with self.story.db.writing(signer.principal) as tx:
            return await service.open_activation(tx, vote, self.story.ids)

    async def confirm(
        self, opened: ActivationAnswer, signer: Signer, **otherwise: object
    ) -> ActivationAnswer:
        """Confirm an activation as an operator; `otherwise` changes what is signed."""
        vote = signed(signer, asdict(opened.vote_fields) | otherwise)
        async with self.story.db.writing(signer.principal) as tx:
            return await self.confirming(tx, opened.activation_id, vote)

    async def confirming(
        self, tx: Writing, activation_id: UUID, vote: SignActivation
    ) -> ActivationAnswer:
        """Confirm an activation in a transaction that is open."""
        return await service.confirm_activation(tx, activation_id, vote, self.story.ids)

    async def activated(self, *, minutes: int = 30) -> ActivationAnswer:
        """Go the whole way: ada opens, bob confirms."""
        return await self.confirm(await self.open(self.ada, minutes=minutes), self.bob)

    async def end(self, activation_id: UUID, signer: Signer) -> ActivationAnswer:
        """End an activation before its time."""
        asked = EndActivation(reason="the provider is back")
        async with self.story.db.writing(signer.principal) as tx:
            return await service.end_activation(tx, activation_id, asked, self.story.ids)

    async def show(self, activation_id: UUID) -> ActivationAnswer:
        """Return an activation as it counts now."""
        async with self.story.db.reading(self.story.founder) as tx:
            return await service.show_activation(tx, activation_id)

    async def plan(self) -> GovernancePlan:
        """Return the plan as it counts now."""
        async with self.story.db.reading(self.story.founder) as tx:
            plan = await plans.find_plan(tx, self.workspace.agent, Environment.STAGING)
        assert plan is not None
        return plan

    async def told(self, kind: StreamKind = StreamKind.WORKSPACE) -> list[str]:
        """Return the types of the events of the workspace's stream, or of the tenant's one."""
        stream = StreamId(self.workspace.workspace_id)
        if kind is not StreamKind.WORKSPACE:
            stream = tenant_stream(self.workspace.tenant_id, kind)
        async with self.story.db.reading(self.story.founder) as tx:
            return [event.type for event in await list_events(tx, stream, after=0, limit=200)]


def signed(
    signer: Signer, said: dict[str, object], key: SigningKey | None = None
) -> SignActivation:
    """Return a signed vote of somebody, by their own key or another."""
    by = key or signer.key
    whole = {"voter_id": signer.principal.actor_id, "key_id": by.key_id} | said
    vote = msgspec.convert(whole, BreakGlassVote)
    return SignActivation(envelope=msgspec.Raw(encode_envelope(sign_break_glass(vote, by))))
