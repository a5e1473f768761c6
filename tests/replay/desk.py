"""A refund desk that a test can run: an approved contract, its keys, and workers over HTTP."""

import json
from typing import Any
from uuid import UUID

import httpx
from tests.authority.lifts.signing import body_of, enrolled, vote_on
from tests.conftest import Workplace
from tests.studio.story import Story

from placet.authority.server_keys import ServerKeys
from placet.evidence.lift_vote import LiftAct
from placet.kernel.ids import Ids
from placet.kernel.principal import Environment
from placet.plans.model import Enforcement
from placet.storage.database import Database
from placet.studio.workspaces import service as workspaces
from placet.studio.workspaces.model import ApprovalPolicy, CreateWorkspace
from placet.tenancy.model import Role

AGENT = "refund-desk"
REQUEST_HASH = "ab" * 32

ORDER_ID: dict[str, Any] = {"type": "string", "pattern": "^ord_[a-z0-9]{8}$"}


def _schema(**properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(properties),
        "properties": properties,
    }


CONTRACT: dict[str, Any] = {
    "schema_version": "1",
    "agent": AGENT,
    "session": {
        "phases": [
            {"name": "intake", "initial": True},
            {"name": "verified"},
            {"name": "closed", "terminal": True},
        ],
        "transitions": {"intake": ["verified"], "verified": ["closed"]},
        "risk_defaults": {"read": "allow", "write": "allow"},
        "gate": "strip_partial",
    },
    "tools": [
        {
            "tool": "lookup_order",
            "server": "orders",
            "side_effect": "read",
            "evidence_class": "ack_only",
            "commit_requirement": "acknowledged",
            "phases": {"valid_in": ["intake", "verified"], "advances_to": "verified"},
            "input_schema": _schema(order_id=ORDER_ID),
        },
        {
            "tool": "note",
            "side_effect": "write",
            "evidence_class": "ack_only",
            "commit_requirement": "acknowledged",
            "input_schema": _schema(text={"type": "string"}),
            "timeouts": {"total_ms": 1000},
        },
        {
            "tool": "change_payout_account",
            "side_effect": "write",
            "evidence_class": "ack_only",
            "commit_requirement": "acknowledged",
            "input_schema": _schema(account={"type": "string"}),
        },
        {
            "tool": "issue_refund",
            "server": "orders",
            "side_effect": "financial",
            "evidence_class": "local_transaction",
            "commit_requirement": "acknowledged",
            "decision": "allow",
            "phases": {"valid_in": ["verified"]},
            "requires": [
                {
                    "tool": "lookup_order",
                    "output": [{"path": "$.status", "equals": "delivered"}],
                    "same": [{"theirs": "$.order_id", "ours": "$.order_id"}],
                    "within_seconds": 900,
                }
            ],
            "forbidden_after": ["change_payout_account"],
            "arguments": [{"path": "$.amount_cents", "gte": 1, "lte": 50000}],
            "effect_key": ["$.order_id"],
            "input_schema": _schema(order_id=ORDER_ID, amount_cents={"type": "integer"}),
        },
        {
            "tool": "escalate",
            "side_effect": "write",
            "evidence_class": "ack_only",
            "commit_requirement": "acknowledged",
            "decision": "ask",
            "input_schema": _schema(reason={"type": "string"}),
        },
        {
            "tool": "delete_customer",
            "side_effect": "destructive",
            "evidence_class": "local_transaction",
            "commit_requirement": "acknowledged",
            "decision": "deny",
            "input_schema": _schema(customer={"type": "string"}),
        },
        {
            "tool": "close_case",
            "side_effect": "write",
            "evidence_class": "ack_only",
            "commit_requirement": "acknowledged",
            "phases": {"valid_in": ["verified"], "advances_to": "closed"},
            "input_schema": _schema(case_id={"type": "string"}),
        },
    ],
}


class Desk:
    """One tenant with an approved contract, and the keys of its agent and its operator."""

    def __init__(
        self, client: httpx.AsyncClient, db: Database, ids: Ids, workplace: Workplace
    ) -> None:
        """Stand on a running service and a fresh tenant."""
        self.client = client
        self.db = db
        self.ids = ids
        self.workplace = workplace
        self.runtime_key = ""
        self.operator_key = ""
        self.approval_id: UUID | None = None

    async def approve(
        self,
        server_keys: ServerKeys,
        document: dict[str, Any] | None = None,
        environment: Environment = Environment.STAGING,
        agent: str = AGENT,
        enforcement: Enforcement = Enforcement.BLOCK,
    ) -> None:
        """Have a contract approved and put in force, and make the keys."""
        self.story = story = Story(self.db, self.ids, self.workplace, server_keys)
        self.signer = signer = await story.signer()
        asked = CreateWorkspace(
            agent=agent,
            environment=environment,
            enforcement=enforcement,
            approval_policy=ApprovalPolicy(),
            approvers=(signer.enrolment(agent=agent, environment=environment),),
        )
        async with self.db.writing(story.founder) as tx:
            self.workspace = await workspaces.create_workspace(tx, asked, self.ids)
        await self.approve_again(document)
        self.runtime, self.runtime_key = await self.workplace.agent(agent, environment)
        self.operator, self.operator_key = await self.workplace.person("op", Role.OPERATOR)

    async def approve_again(self, document: dict[str, Any] | None = None) -> None:
        """Have a contract approved in place of what is in force."""
        _, _, request = await self.story.asked(self.workspace, document or CONTRACT)
        self.approval_id = (await self.story.vote(request, self.signer)).approval_id

    async def post(
        self, path: str, body: object, key: str | None = None, **headers: str
    ) -> httpx.Response:
        """Send a request with the runtime key, or another."""
        return await self.client.post(
            path,
            content=json.dumps(body),
            headers={
                "Authorization": f"Bearer {key or self.runtime_key}",
                "Content-Type": "application/json",
                "Idempotency-Key": self.ids.new().hex,
                **{name.replace("_", "-"): value for name, value in headers.items()},
            },
        )

    async def get(self, path: str, key: str | None = None) -> httpx.Response:
        """Read with the runtime key, or another."""
        return await self.client.get(
            path, headers={"Authorization": f"Bearer {key or self.runtime_key}"}
        )

    async def session(self) -> UUID:
        """Open a session."""
        answered = await self.post("/api/v1/replay/sessions", {})
        assert answered.status_code == 201, answered.text
        return UUID(answered.json()["session_id"])

    async def worker(self, session_id: UUID | None = None, **lease: object) -> "Worker":
        """Return a worker that holds the lease of a session."""
        worker = Worker(self, session_id or await self.session())
        granted = await worker.lease("grant", **lease)
        assert granted.status_code == 200, granted.text
        return worker

    async def kill_tenant(self) -> httpx.Response:
        """Stop the whole tenant."""
        return await self.kill("tenant")

    async def kill(self, kind: str, target: str = "") -> httpx.Response:
        """Stop something wider than a session."""
        asked = {"kind": kind, "target": target, "effect": "kill", "reason": "enough"}
        return await self.post("/api/v1/authority/controls", asked, self.operator_key)

    async def lift(self, killed: httpx.Response) -> dict[str, Any]:
        """Have two operators lift what was stopped."""
        other, second = await self.workplace.person("second", Role.OPERATOR)
        path, control, lift_id = "/api/v1/authority", killed.json(), self.ids.new()
        keys = await enrolled(self.db, self.operator), await enrolled(self.db, other)
        asked = vote_on(control, LiftAct.ASK, lift_id, self.operator, keys[0])
        agreed = vote_on(control, LiftAct.CONFIRM, lift_id, other, keys[1])
        lifts = f"{path}/controls/{control['control_id']}/lifts"
        lift = await self.post(lifts, body_of(asked, keys[0]), self.operator_key)
        assert lift.status_code == 201, lift.text
        lifted = await self.post(
            f"{path}/lifts/{lift_id}/confirm", body_of(agreed, keys[1]), second
        )
        assert lifted.status_code == 200, lifted.text
        made: dict[str, Any] = lifted.json()
        return made


class Worker:
    """One process that works on a session, as far as the service can tell."""

    def __init__(self, desk: Desk, session_id: UUID) -> None:
        """Have a name of its own and no lease yet."""
        self.desk = desk
        self.session_id = session_id
        self.path = f"/api/v1/replay/sessions/{session_id}"
        self.holder = f"worker-{desk.ids.new().hex}"
        self.binding = ""
        self.fence = (0, 0)

    async def post(self, verb: str, body: object, key: str | None = None) -> httpx.Response:
        """Send a request with the present binding."""
        bound = {"Placet-Binding": self.binding} if self.binding else {}
        return await self.desk.post(f"{self.path}/{verb}", body, key, **bound)

    async def lease(self, action: str = "grant", **more: object) -> httpx.Response:
        """Change the lease, and take over the binding of the answer."""
        key = self.desk.operator_key if action == "steal" else None
        asked = {
            "action": action,
            "holder": self.holder,
            "request_id": str(self.desk.ids.new()),
            **more,
        }
        answered = await self.post("lease", asked, key)
        if answered.status_code == 200:
            body = answered.json()
            self.binding = body["binding"]
            self.fence = (body["fence"]["epoch"], body["fence"]["n"])
        return answered

    async def prepare(self, **more: object) -> dict[str, Any]:
        """Make a prepared request."""
        answered = await self.post("preflight", {"request_hash": REQUEST_HASH, **more})
        assert answered.status_code == 200, answered.text
        made: dict[str, Any] = answered.json()
        return made

    def proposal(self, prepared: dict[str, Any], *calls: tuple[str, object]) -> dict[str, Any]:
        """Return the body of a proposal; arguments that are text are sent as they are."""
        return {
            "prepared_request_id": prepared["prepared_request_id"],
            "request_hash": prepared["request_hash"],
            "tool_calls": [
                {
                    "id": f"call_{place}",
                    "name": name,
                    "arguments": given if isinstance(given, str) else json.dumps(given),
                }
                for place, (name, given) in enumerate(calls)
            ],
        }

    async def try_propose(self, *calls: tuple[str, object]) -> httpx.Response:
        """Prepare and propose, and return the answer whatever it is."""
        prepared = await self.prepare()
        return await self.post("proposals", self.proposal(prepared, *calls))

    async def propose(self, *calls: tuple[str, object]) -> list[dict[str, Any]]:
        """Prepare and propose, and return what became of the calls."""
        answered = await self.try_propose(*calls)
        assert answered.status_code == 200, answered.text
        made: list[dict[str, Any]] = answered.json()["calls"]
        return made

    async def start(self, call: dict[str, Any], start_id: UUID | None = None) -> httpx.Response:
        """Redeem a grant."""
        asked = {"start_id": str(start_id or self.desk.ids.new())}
        return await self.post(f"calls/{call['call_id']}/start", asked)

    async def report(
        self, call: dict[str, Any], status: str = "succeeded", output: object = None, **more: object
    ) -> dict[str, Any]:
        """Report a receipt."""
        answered = await self.post("receipts", self.receipt(call, status, output, **more))
        assert answered.status_code == 200, answered.text
        made: dict[str, Any] = answered.json()
        return made

    def receipt(
        self, call: dict[str, Any], status: str = "succeeded", output: object = None, **more: object
    ) -> dict[str, Any]:
        """Return the body of a receipt."""
        return {
            "call_id": call["call_id"],
            "idempotency_key": self.desk.ids.new().hex,
            "status": status,
            "arguments_hash": call["arguments_hash"],
            "output": None if output is None else json.dumps(output),
            **more,
        }

    async def look_up(self, order_id: str) -> dict[str, Any]:
        """Look an order up, all the way to the commit."""
        (call,) = await self.propose(("lookup_order", {"order_id": order_id}))
        assert call["status"] == "granted", call
        return await self.report(call, output={"status": "delivered", "total_cents": 4000})

    async def read(self, include: str | None = None) -> dict[str, Any]:
        """Return the session as the service shows it."""
        query = f"?include={include}" if include else ""
        answered = await self.desk.get(f"{self.path}{query}")
        assert answered.status_code == 200, answered.text
        made: dict[str, Any] = answered.json()
        return made

    async def events(self) -> list[dict[str, Any]]:
        """Return every event of the session."""
        answered = await self.desk.get(f"{self.path}/events?limit=200")
        assert answered.status_code == 200, answered.text
        made: list[dict[str, Any]] = answered.json()["items"]
        return made
