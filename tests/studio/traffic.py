"""An agent that works under an approved contract, and candidates that are held to what it did."""

import copy
from typing import Any

import httpx
from tests.conftest import Workplace
from tests.replay.desk import AGENT, CONTRACT, Desk, Worker
from tests.studio.story import Story, importing

from placet.authority.server_keys import ServerKeys
from placet.kernel.ids import Ids
from placet.kernel.principal import Environment
from placet.plans.model import Enforcement
from placet.storage.database import Database
from placet.studio.drafts.model import BusinessDraft
from placet.studio.snapshots.model import BusinessDraftSnapshot
from placet.studio.workspaces import service as workspace_service
from placet.studio.workspaces import store as workspaces
from placet.studio.workspaces.model import CreateWorkspace, GovernanceWorkspace
from placet.tenancy.model import Role

ORDER = "ord_abcd1234"
OTHER = "ord_zzzz9999"


class Traffic:
    """One tenant whose agent works at a refund desk, and the authors who write for it."""

    def __init__(self, client: httpx.AsyncClient, db: Database, ids: Ids, place: Workplace) -> None:
        """Stand on a running service and a fresh tenant."""
        self.db = db
        self.desk = Desk(client, db, ids, place)

    async def begin(self, keys: ServerKeys, document: dict[str, Any] | None = None) -> None:
        """Have a contract approved, and make the keys."""
        self.story = story = Story(self.db, self.desk.ids, self.desk.workplace, keys)
        self.signer = await story.signer()
        asked = CreateWorkspace(
            agent=AGENT,
            environment=Environment.STAGING,
            enforcement=Enforcement.BLOCK,
            approvers=(self.signer.enrolment(),),
        )
        async with self.db.writing(story.founder) as tx:
            made = await workspace_service.create_workspace(tx, asked, self.desk.ids)
        _, _, request = await story.asked(made, document or CONTRACT)
        await story.vote(request, self.signer)
        place = self.desk.workplace
        _, self.desk.runtime_key = await place.agent(AGENT, Environment.STAGING)
        _, self.desk.operator_key = await place.person("op", Role.OPERATOR)

    async def workspace(self) -> GovernanceWorkspace:
        """Return the workspace as it is now."""
        async with self.db.reading(self.story.founder) as tx:
            found = await workspaces.find_workspace_of(tx, AGENT, Environment.STAGING)
        assert found is not None
        return found

    async def candidate(
        self, document: dict[str, Any]
    ) -> tuple[BusinessDraft, BusinessDraftSnapshot]:
        """Freeze a contract in a draft of its own."""
        draft = await self.story.draft(await self.workspace())
        await self.story.command(draft, importing(document))
        return draft, await self.story.snapshot(draft)

    async def approve(self, snapshot: BusinessDraftSnapshot) -> None:
        """Have a candidate approved, and put in force."""
        request = await self.story.request(snapshot)
        answer = await self.story.vote(request, self.signer)
        assert answer.approval_id is not None

    async def revoke(self) -> None:
        """Revoke what is in force."""
        approval_id = (await self.workspace()).active_approval_id
        path = f"/api/v1/studio/approvals/{approval_id}/revoke"
        answer = await self.desk.post(path, {"reason": "wrong"}, self.desk.operator_key)
        assert answer.status_code == 200, answer.text

    async def refunds(self, *amounts: int, order: str = ORDER) -> Worker:
        """Work in one session: look an order up, and pay once for each amount."""
        worker = await self.desk.worker()
        await worker.look_up(order)
        for amount in amounts:
            await pay(worker, order, amount)
        return worker


async def pay(worker: Worker, order: str, amount: int) -> dict[str, Any]:
    """Ask for a refund, and report that it failed where it was granted: the order stays open."""
    asked = ("issue_refund", {"order_id": order, "amount_cents": amount})
    (call,) = await worker.propose(asked)
    if call["status"] == "granted":
        await worker.report(call, "failed")
    return call


def changed(name: str, **fields: object) -> dict[str, Any]:
    """Return the desk's contract with other fields of one tool; None takes a field away."""
    document = copy.deepcopy(CONTRACT)
    (tool,) = [one for one in document["tools"] if one["tool"] == name]
    for field, value in fields.items():
        if value is None:
            tool.pop(field, None)
        else:
            tool[field] = value
    return document


def capped(most: int) -> dict[str, Any]:
    """Return the desk's contract with another bound on refunds."""
    return changed("issue_refund", arguments=[{"path": "$.amount_cents", "gte": 1, "lte": most}])


__all__ = ["AGENT", "CONTRACT", "ORDER", "OTHER", "Traffic", "capped", "changed", "pay"]
