"""A desk whose contract asks people, and the people who answer."""

import json
from collections.abc import Sequence
from copy import deepcopy
from typing import Any
from uuid import UUID

import httpx
import msgspec
from tests.replay.desk import AGENT, CONTRACT, Desk, Worker
from tests.studio.story import Signer, Story

from placet.authority.server_keys import ServerKeys
from placet.evidence.ask_vote import AskDecision, AskedCall, AskVote, sign_ask_vote
from placet.evidence.dsse import encode_envelope
from placet.evidence.vote import CheckpointSeen
from placet.kernel.principal import Environment
from placet.plans.model import Enforcement
from placet.studio.workspaces import service as workspaces
from placet.studio.workspaces.model import ApprovalGroup, ApprovalPolicy, CreateWorkspace
from placet.tenancy.model import Role

ENVIRONMENT = Environment.STAGING
ESCALATE = ("escalate", {"reason": "the customer shouts"})
WIRE = (
    "wire_money",
    {"account": "acc_1", "cents": 5, "card": {"number": "4111", "codes": ["a", "b"]}},
)
HOLD = ("hold_case", {"case": "c1"})


def _tool(tool: str, checkpoint: dict[str, Any], **more: object) -> dict[str, Any]:
    return {
        "tool": tool,
        "side_effect": "write",
        "evidence_class": "ack_only",
        "commit_requirement": "acknowledged",
        "checkpoint": checkpoint,
        **more,
    }


ASKING = (
    _tool(
        "wire_money",
        {
            "all_of": [{"role": "approver", "count": 2}, {"role": "legal"}],
            "expires_seconds": 3600,
            "reason_required": True,
        },
        effect_key=["$.account"],
        redact=["$.card.number", "$.card.codes[*]", "$.nothing"],
    ),
    _tool("hold_case", {"all_of": [{"role": "legal"}]}, effect_key=["$.case"]),
)


def asking(gate: str = "strip_partial") -> dict[str, Any]:
    """Return the desk's contract with tools that ask for more than one approver."""
    document = deepcopy(CONTRACT)
    document["session"]["gate"] = gate
    document["tools"] = [*document["tools"], *ASKING]
    return document


class AskDesk(Desk):
    """A desk with two approvers, `ada` and `ben`; ben alone is in the group `legal`."""

    async def approve_asking(
        self, server_keys: ServerKeys, document: dict[str, Any], names: Sequence[str] = ("ben",)
    ) -> None:
        """Have a contract approved that asks people, and make everybody's keys."""
        self.story = story = Story(self.db, self.ids, self.workplace, server_keys)
        self.ada = self.signer = await story.signer("ada")
        self.ben = await story.signer("ben")
        legal = ("legal",) if "ben" in names else ()
        asked = CreateWorkspace(
            agent=AGENT,
            environment=ENVIRONMENT,
            enforcement=Enforcement.BLOCK,
            approval_policy=ApprovalPolicy(
                groups=tuple(ApprovalGroup(name=name) for name in legal)
            ),
            approvers=(
                self.ada.enrolment(environment=ENVIRONMENT),
                self.ben.enrolment(*legal, environment=ENVIRONMENT),
            ),
        )
        async with self.db.writing(story.founder) as tx:
            self.workspace = await workspaces.create_workspace(tx, asked, self.ids)
        _, _, request = await story.asked(self.workspace, document)
        await story.vote(request, self.ada) if not legal else await story.vote(request, self.ben)
        self.runtime, self.runtime_key = await self.workplace.agent(AGENT, ENVIRONMENT)
        self.operator, self.operator_key = await self.workplace.person("op", Role.OPERATOR)

    async def ask(self, call: dict[str, Any], session_id: UUID, key: str = "") -> dict[str, Any]:
        """Return what is asked about a call."""
        path = f"/api/v1/replay/sessions/{session_id}/calls/{call['call_id']}/ask"
        answered = await self.get(path, key or self.ada.api_key)
        assert answered.status_code == 200, answered.text
        made: dict[str, Any] = answered.json()
        return made

    async def vote(
        self,
        place: UUID,
        signer: Signer,
        *calls: dict[str, Any],
        decision: str = "approve",
        reason: str | None = "I called the customer",
        **changed: object,
    ) -> httpx.Response:
        """Look at calls of the session `place`, and hand in one signed vote on all of them."""
        shown = [await self.ask(call, place, signer.api_key) for call in calls]
        vote = self.ballot(signer, shown, decision, reason, **changed)
        return await self.hand_in(place, signer, calls[0], vote)

    def ballot(
        self,
        signer: Signer,
        shown: Sequence[dict[str, Any]],
        decision: str = "approve",
        reason: str | None = "I called the customer",
        **changed: object,
    ) -> AskVote:
        """Return what somebody signs who was shown these asks."""
        fields = shown[0]["vote_fields"]
        named = sorted(
            (one["vote_fields"]["calls"][0] for one in shown),
            key=lambda c: UUID(c["call_id"]).bytes,
        )
        said: dict[str, Any] = {
            "tenant_id": UUID(fields["tenant_id"]),
            "workspace_id": UUID(fields["workspace_id"]),
            "environment": Environment(fields["environment"]),
            "session_id": UUID(fields["session_id"]),
            "decision": AskDecision(decision),
            "calls": tuple(
                AskedCall(
                    call_id=UUID(one["call_id"]),
                    arguments_hash=one["arguments_hash"],
                    view_hash=one["view_hash"],
                )
                for one in named
            ),
            "reason": reason,
            "voter_id": signer.principal.actor_id,
            "key_id": signer.key.key_id,
            "latest_checkpoint": msgspec.convert(
                fields["latest_checkpoint"], CheckpointSeen | None
            ),
        }
        return AskVote(**(said | changed))

    async def edit(
        self,
        worker: Worker,
        call: dict[str, Any],
        arguments: object,
        signer: Signer | None = None,
        reason: str = "the amount is wrong",
    ) -> httpx.Response:
        """Put a call with other arguments in the place of one that waits."""
        text = arguments if isinstance(arguments, str) else json.dumps(arguments)
        path = f"{worker.path}/calls/{call['call_id']}/edit"
        asked = {"arguments": text, "reason": reason}
        return await self.post(path, asked, (signer or self.ada).api_key)

    async def edited(
        self, worker: Worker, call: dict[str, Any], arguments: object, signer: Signer | None = None
    ) -> dict[str, Any]:
        """Return what is asked about the call that an edit made."""
        answered = await self.edit(worker, call, arguments, signer)
        assert answered.status_code == 201, answered.text
        made: dict[str, Any] = answered.json()["ask"]
        return made

    async def yes(self, worker: Worker, *calls: dict[str, Any]) -> None:
        """Have everybody say yes to calls."""
        for signer in (self.ben, self.ada):
            for call in calls:
                shown = await self.ask(call, worker.session_id)
                if shown["status"] == "open":
                    said = await self.vote(worker.session_id, signer, call)
                    assert said.status_code == 201, said.text

    async def claim(
        self, worker: Worker, call: dict[str, Any], claim_id: UUID | None = None
    ) -> httpx.Response:
        """Claim a call as the worker that holds the lease."""
        asked = {"claim_id": str(claim_id or self.ids.new())}
        return await worker.post(f"calls/{call['call_id']}/claim", asked)

    async def hand_in(
        self, session_id: UUID, signer: Signer, call: dict[str, Any], vote: AskVote
    ) -> httpx.Response:
        """Hand in a vote, signed with somebody's key."""
        envelope = json.loads(encode_envelope(sign_ask_vote(vote, signer.key)))
        path = f"/api/v1/replay/sessions/{session_id}/calls/{call['call_id']}/vote"
        return await self.post(path, {"envelope": envelope}, signer.api_key)
