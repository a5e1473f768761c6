"""The authority path as a story that a test can enter at any point."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import msgspec
from msgspec.structs import asdict
from tests.conftest import Workplace

from placet.authority.server_keys import ServerKeys
from placet.evidence import vote as evidence
from placet.evidence.dsse import encode_envelope
from placet.evidence.ed25519 import SigningKey
from placet.evidence.first_approver import first_naming, sign_first_proof
from placet.evidence.vote import VoteDecision, VotePurpose
from placet.kernel.ids import Ids
from placet.kernel.principal import Environment, Principal
from placet.storage.database import Database
from placet.studio.drafts import service as drafts
from placet.studio.drafts.grounds.model import NameSpan
from placet.studio.drafts.model import (
    AppliedCommand,
    ApplyCommand,
    BusinessDraft,
    Command,
    ImportContract,
    OpenDraft,
)
from placet.studio.origins import service as origins
from placet.studio.requests import service as requests
from placet.studio.requests.model import ApprovalRequest, RequestApproval
from placet.studio.snapshots import service as snapshots
from placet.studio.snapshots.model import BusinessDraftSnapshot, TakeSnapshot
from placet.studio.sources import service as sources
from placet.studio.sources.model import (
    AddSource,
    Provenance,
    SourceKind,
    SourceMedia,
    SourceSummary,
)
from placet.studio.votes import service as votes
from placet.studio.votes.model import CastVote, VoteAnswer
from placet.studio.workspaces import service as workspaces
from placet.studio.workspaces.model import (
    ApprovalPolicy,
    CreateWorkspace,
    GovernanceWorkspace,
    NameApprover,
)
from placet.tenancy.model import Role

AGENT = "refund-desk"

LOOKUP: dict[str, Any] = {
    "tool": "lookup_order",
    "side_effect": "read",
    "evidence_class": "ack_only",
    "commit_requirement": "acknowledged",
    "decision": "allow",
    "input_schema": {
        "type": "object",
        "additionalProperties": False,
        "required": ["order_id"],
        "properties": {"order_id": {"type": "string"}, "weight": {"multipleOf": 0.01}},
    },
}
REFUND: dict[str, Any] = {
    "tool": "issue_refund",
    "side_effect": "financial",
    "evidence_class": "local_transaction",
    "commit_requirement": "acknowledged",
    "decision": "allow",
    "input_schema": {
        "type": "object",
        "additionalProperties": False,
        "required": ["order_id", "amount_cents"],
        "properties": {"order_id": {"type": "string"}, "amount_cents": {"type": "integer"}},
    },
    "arguments": [{"path": "$.amount_cents", "gte": 1, "lte": 50000}],
    "effect_key": ["$.order_id"],
}


def contract(*tools: dict[str, Any], agent: str = AGENT, **session: object) -> dict[str, Any]:
    """Return a contract of these tools, or of the two usual ones."""
    whole: dict[str, Any] = {"schema_version": "1", "agent": agent, "tools": list(tools)}
    if not tools:
        whole["tools"] = [LOOKUP, REFUND]
    if session:
        whole["session"] = session
    return whole


def raw(value: object) -> msgspec.Raw:
    """Return a value as raw JSON, as it stands in a body."""
    return msgspec.Raw(msgspec.json.encode(value))


def importing(document: dict[str, Any]) -> ImportContract:
    """Return the command that sets a whole contract."""
    return ImportContract(contract=raw(document))


@dataclass
class Signer:
    """A person with a key of their own."""

    principal: Principal
    api_key: str
    key: SigningKey = field(default_factory=SigningKey.generate)

    def enrolment(
        self,
        *groups: str,
        agent: str = AGENT,
        environment: Environment = Environment.STAGING,
        succeeds: UUID | None = None,
    ) -> NameApprover:
        """Return this person's key with the proof that they agree to be a first approver there."""
        principal = self.principal
        naming = first_naming(principal.tenant_id, agent, environment, groups, succeeds)
        proof = sign_first_proof(naming, principal.actor_id, self.key)
        return NameApprover(
            actor_id=principal.actor_id,
            public_key=self.key.public.raw,
            proof=encode_envelope(proof),
            groups=groups,
        )


class Story:
    """One tenant's way from a workspace to an approval. Each step commits."""

    def __init__(self, db: Database, ids: Ids, workplace: Workplace, keys: ServerKeys) -> None:
        """Stand on a tenant whose founder authors, and on the service's own keys."""
        self.db = db
        self.ids = ids
        self.workplace = workplace
        self.founder = workplace.founder
        self.keys = keys

    async def signer(self, name: str = "ada") -> Signer:
        """Return a new person with the role `approver`."""
        return Signer(*await self.workplace.person(name, Role.APPROVER, Role.AUTHOR))

    async def workspace(
        self,
        *approvers: Signer,
        environment: Environment = Environment.STAGING,
        policy: ApprovalPolicy | None = None,
        agent: str = AGENT,
        groups: tuple[tuple[str, ...], ...] = (),
        succeeds: UUID | None = None,
    ) -> GovernanceWorkspace:
        """Open a workspace with these first approvers; `groups` are those of each of them."""
        theirs = groups or ((),) * len(approvers)
        asked = CreateWorkspace(
            agent=agent,
            environment=environment,
            approval_policy=policy or ApprovalPolicy(),
            approvers=tuple(
                approver.enrolment(*names, agent=agent, environment=environment, succeeds=succeeds)
                for approver, names in zip(approvers, theirs, strict=True)
            ),
        )
        async with self.db.writing(self.founder) as tx:
            return await workspaces.create_workspace(tx, asked, self.ids)

    async def draft(
        self, workspace: GovernanceWorkspace, parent: UUID | None = None
    ) -> BusinessDraft:
        """Open a draft."""
        asked = OpenDraft(parent_draft_id=parent)
        async with self.db.writing(self.founder) as tx:
            return await drafts.open_draft(tx, workspace.workspace_id, asked, self.ids)

    async def source(
        self,
        workspace: GovernanceWorkspace,
        content: str = "Refund within 30 days.",
        kind: SourceKind = SourceKind.MANUAL_NOTE,
        media_type: SourceMedia = SourceMedia.TEXT,
    ) -> SourceSummary:
        """Add material to a workspace: a note, if nothing else is said."""
        asked = AddSource(
            kind=kind,
            title="Refunds",
            media_type=media_type,
            content=content,
            provenance=Provenance(origin="the refund team"),
        )
        material = await sources.examine(asked)
        async with self.db.writing(self.founder) as tx:
            return (await sources.add_source(tx, workspace.workspace_id, material, self.ids))[0]

    async def command(  # noqa: PLR0913 -- what may be said of a command, each by its name
        self,
        draft: BusinessDraft,
        command: Command,
        *,
        expected: int = 0,
        by: Principal | None = None,
        reason: str | None = None,
        sources: Iterable[NameSpan] = (),
    ) -> AppliedCommand:
        """Apply a command at a version."""
        asked = ApplyCommand(
            expected_draft_version=expected,
            command=command,
            reason=reason,
            sources=tuple(sources),
        )
        async with self.db.writing(by or self.founder) as tx:
            return await origins.apply_command(tx, draft.draft_id, asked, "key", self.ids)

    async def snapshot(self, draft: BusinessDraft, *, expected: int = 1) -> BusinessDraftSnapshot:
        """Freeze a draft at a version."""
        asked = TakeSnapshot(expected_draft_version=expected)
        async with self.db.writing(self.founder) as tx:
            return await snapshots.take_snapshot(tx, draft.draft_id, asked, self.ids)

    async def request(
        self,
        snapshot: BusinessDraftSnapshot,
        deadline_seconds: int = 3600,
        purpose: VotePurpose = VotePurpose.ORDINARY,
    ) -> ApprovalRequest:
        """Ask for the approval of a snapshot."""
        asked = RequestApproval(
            snapshot_id=snapshot.snapshot_id, deadline_seconds=deadline_seconds, purpose=purpose
        )
        async with self.db.writing(self.founder) as tx:
            return await requests.request_approval(tx, asked, self.ids)

    async def asked(
        self,
        workspace: GovernanceWorkspace,
        document: dict[str, Any] | None = None,
        purpose: VotePurpose = VotePurpose.ORDINARY,
    ) -> tuple[BusinessDraft, BusinessDraftSnapshot, ApprovalRequest]:
        """Go from a workspace to an open request for a contract, by one import."""
        draft = await self.draft(workspace)
        await self.command(draft, importing(document or contract(agent=workspace.agent)))
        snapshot = await self.snapshot(draft)
        return draft, snapshot, await self.request(snapshot, purpose=purpose)

    async def ballot(
        self,
        request: ApprovalRequest,
        signer: Signer,
        decision: VoteDecision = VoteDecision.APPROVE,
        **otherwise: object,
    ) -> CastVote:
        """Return a signed vote on a request; `otherwise` changes fields before it is signed."""
        async with self.db.reading(self.founder) as tx:
            shown = await requests.show_request(tx, request.request_id)
        said = asdict(shown.vote_fields) | {
            "decision": decision,
            "voter_id": signer.principal.actor_id,
            "key_id": signer.key.key_id,
        }
        vote = evidence.ApprovalVote(**(said | otherwise))
        return CastVote(envelope=msgspec.Raw(encode_envelope(evidence.sign_vote(vote, signer.key))))

    async def hand_in(
        self, request: ApprovalRequest, ballot: CastVote, by: Principal
    ) -> VoteAnswer:
        """Hand a signed vote in as somebody."""
        async with self.db.writing(by) as tx:
            return await votes.cast_vote(tx, request.request_id, ballot, self.keys, self.ids)

    async def vote(
        self,
        request: ApprovalRequest,
        signer: Signer,
        decision: VoteDecision = VoteDecision.APPROVE,
    ) -> VoteAnswer:
        """Sign and hand in a vote."""
        return await self.hand_in(
            request, await self.ballot(request, signer, decision), signer.principal
        )

    async def approved(
        self,
        document: dict[str, Any] | None = None,
        environment: Environment = Environment.STAGING,
        agent: str = AGENT,
    ) -> VoteAnswer:
        """Go the whole way: a workspace, a contract, one signature, and a plan in force."""
        signer = await self.signer()
        workspace = await self.workspace(signer, environment=environment, agent=agent)
        _, _, request = await self.asked(workspace, document)
        return await self.vote(request, signer)
