"""Actors, roles and keys over HTTP: done once, shown once, and seen by nobody else."""

from typing import Any

import asyncpg
import httpx
import msgspec
import pytest
from tests.conftest import Server, Workplace, found

from placet.events.model import StreamKind, tenant_stream
from placet.events.store import list_events
from placet.kernel.ids import Ids
from placet.kernel.principal import Environment
from placet.storage.database import Database
from placet.tenancy.model import Role

ACTORS = "/api/v1/tenancy/actors"
GRANTS = "/api/v1/tenancy/role-grants"
KEYS = "/api/v1/tenancy/api-keys"
ME = "/api/v1/tenancy/me"


class Caller:
    """Somebody with a key, who names a fresh idempotency key unless told otherwise."""

    def __init__(self, client: httpx.AsyncClient, key: str) -> None:
        """Speak with this key."""
        self._client = client
        self._headers = {"Authorization": f"Bearer {key}"}
        self._asked = 0

    async def get(self, path: str) -> httpx.Response:
        """Ask."""
        return await self._client.get(path, headers=self._headers)

    async def post(
        self, path: str, body: dict[str, Any] | None = None, *, key: str | None = None
    ) -> httpx.Response:
        """Change something."""
        self._asked += 1
        headers = self._headers | {"Idempotency-Key": key or f"call-{self._asked}"}
        if body is None:
            return await self._client.post(path, headers=headers)
        return await self._client.post(path, headers=headers, json=body)

    async def actor(self, kind: str = "person", *roles: str) -> str:
        """Return the id of a new actor with these roles."""
        made = (await self.post(ACTORS, {"kind": kind, "name": "Ada"})).json()
        for role in roles:
            await self.post(GRANTS, {"actor_id": made["actor_id"], "role": role})
        return str(made["actor_id"])

    async def key(self, actor: str, *scopes: str, **more: str) -> dict[str, Any]:
        """Return a new key of an actor."""
        body = {"actor_id": actor, "name": "a key", "scopes": list(scopes), **more}
        answer = await self.post(KEYS, body)
        assert answer.status_code == 201, answer.text
        issued: dict[str, Any] = answer.json()
        return issued


async def everything(admin_url: str) -> bytes:
    """Return all that is stored of tenancy, events and answers, of every tenant, as text."""
    connection = await asyncpg.connect(admin_url)
    tables = ("tenancy_api_key", "api_key_lookup", "event_body", "idempotency_answer")
    rows = [
        str(row["t"])
        for table in tables
        for row in await connection.fetch(f"SELECT t::text FROM placet.{table} t")  # noqa: S608 -- the names above
    ]
    await connection.close()
    return "\n".join(rows).encode()


@pytest.fixture
def admin(client: httpx.AsyncClient, workplace: Workplace) -> Caller:
    """The founder of a fresh tenant."""
    return Caller(client, workplace.founder_key)


async def test_me_is_whom_the_key_speaks_for(admin: Caller, workplace: Workplace) -> None:
    me = (await admin.get(ME)).json()
    assert me["tenant_id"] == str(workplace.tenant_id)
    assert me["actor"]["actor_id"] == str(workplace.founder.actor_id)
    assert me["key_id"] == workplace.founder.key_id
    assert {grant["role"] for grant in me["roles"]} == set(Role)


async def test_a_runtime_key_speaks_for_its_agent_in_its_environment(
    client: httpx.AsyncClient, workplace: Workplace
) -> None:
    _, key = await workplace.agent("desk", Environment.STAGING)
    me = (await Caller(client, key).get(ME)).json()
    assert (me["agent"], me["environment"], me["scopes"]) == ("desk", "staging", ["runtime"])


async def test_an_issued_key_opens_what_its_scopes_open_and_nothing_else(
    admin: Caller, client: httpx.AsyncClient
) -> None:
    issued = await admin.key(await admin.actor("person", "viewer"), "read")
    viewer = Caller(client, issued["api_key"])
    assert (await viewer.get(ACTORS)).status_code == 200
    refused = await viewer.post(ACTORS, {"kind": "person", "name": "Eve"})
    assert refused.status_code == 403
    assert refused.json()["scope"] == "admin"


async def test_a_repeat_has_one_effect_and_the_same_answer(admin: Caller) -> None:
    body = {"kind": "agent", "name": "desk"}
    first = await admin.post(ACTORS, body, key="once")
    second = await admin.post(ACTORS, body, key="once")
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert "Idempotency-Replayed" not in first.headers
    assert second.headers["Idempotency-Replayed"] == "true"
    assert len((await admin.get(ACTORS)).json()["items"]) == 2


async def test_one_idempotency_key_cannot_stand_for_two_requests(admin: Caller) -> None:
    await admin.post(ACTORS, {"kind": "agent", "name": "desk"}, key="once")
    other = await admin.post(ACTORS, {"kind": "agent", "name": "desk 2"}, key="once")
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")
    assert len((await admin.get(ACTORS)).json()["items"]) == 2


async def test_one_idempotency_key_cannot_stand_for_the_same_body_at_another_id(
    admin: Caller,
) -> None:
    one, two = await admin.actor(), await admin.actor()
    assert (await admin.post(f"{ACTORS}/{one}/disable", key="once")).status_code == 200
    other = await admin.post(f"{ACTORS}/{two}/disable", key="once")
    assert other.json()["code"] == "idempotency_conflict"


async def test_a_refused_request_leaves_its_idempotency_key_free(admin: Caller) -> None:
    actor = await admin.actor()
    body = {"actor_id": actor, "name": "k", "scopes": ["read"]}
    assert (await admin.post(KEYS, body, key="once")).status_code == 422
    await admin.post(GRANTS, {"actor_id": actor, "role": "viewer"})
    assert (await admin.post(KEYS, body, key="once")).status_code == 201


async def test_a_secret_is_shown_once_and_not_again_to_a_repeat(admin: Caller) -> None:
    actor = await admin.actor("person", "viewer")
    body = {"actor_id": actor, "name": "k", "scopes": ["read"]}
    first = await admin.post(KEYS, body, key="once")
    again = await admin.post(KEYS, body, key="once")
    text = first.json()["api_key"]
    assert text.startswith(f"plc_any_{first.json()['key']['key_id']}_")
    assert (again.json()["api_key"], again.json()["key"]) == (None, first.json()["key"])
    secret = text.rpartition("_")[2]
    assert secret not in again.text
    assert secret not in (await admin.get(KEYS)).text


async def test_a_secret_is_stored_nowhere(
    admin: Caller, server: Server, database_name: str
) -> None:
    issued = await admin.key(await admin.actor("person", "viewer"), "read")
    secret = issued["api_key"].rpartition("_")[2].encode()
    stored = await everything(server.admin(database_name))
    assert issued["key"]["key_id"].encode() in stored
    assert secret not in stored
    assert secret.hex().encode() not in stored


async def test_revocation_is_felt_at_the_next_request(
    admin: Caller, client: httpx.AsyncClient
) -> None:
    issued = await admin.key(await admin.actor("person", "viewer"), "read")
    viewer = Caller(client, issued["api_key"])
    assert (await viewer.get(ME)).status_code == 200
    revoked = await admin.post(f"{KEYS}/{issued['key']['key_id']}/revoke")
    assert revoked.json()["revoked_at"] is not None
    assert (await viewer.get(ME)).status_code == 401


async def test_a_key_revoked_twice_was_revoked_at_the_first_time(admin: Caller) -> None:
    issued = await admin.key(await admin.actor("person", "viewer"), "read")
    path = f"{KEYS}/{issued['key']['key_id']}/revoke"
    assert (await admin.post(path)).json() == (await admin.post(path)).json()


async def test_disabling_an_actor_ends_all_of_its_keys_at_the_next_request(
    admin: Caller, client: httpx.AsyncClient
) -> None:
    actor = await admin.actor("person", "viewer")
    callers = [Caller(client, (await admin.key(actor, "read"))["api_key"]) for _ in range(2)]
    assert [(await caller.get(ME)).status_code for caller in callers] == [200, 200]
    assert (await admin.post(f"{ACTORS}/{actor}/disable")).json()["status"] == "disabled"
    assert [(await caller.get(ME)).status_code for caller in callers] == [401, 401]


async def test_disabling_is_told_once_in_the_tenants_stream_and_in_the_authority_stream(
    admin: Caller, db: Database, workplace: Workplace
) -> None:
    actor = await admin.actor("person", "approver")
    for _ in range(2):
        await admin.post(f"{ACTORS}/{actor}/disable")
    async with db.reading(workplace.founder) as tx:
        for kind in (StreamKind.TENANCY, StreamKind.AUTHORITY):
            told = await list_events(tx, tenant_stream(tx.tenant_id, kind), after=0, limit=200)
            disabled = [event.body for event in told if event.type == "ActorDisabled"]
            assert [msgspec.json.decode(body or b"") for body in disabled] == [{"actor_id": actor}]


async def test_another_tenants_ids_get_the_same_bytes_as_nobodys(
    admin: Caller, db: Database, ids: Ids
) -> None:
    other = await found(db, ids)
    theirs, nobodys = str(other.founder.actor_id), str(ids.new())
    for path in (f"{ACTORS}/%/disable", f"{KEYS}/%/revoke"):
        told = []
        for name in (theirs, nobodys):
            problem = (await admin.post(path.replace("%", name))).json()
            assert problem.pop("instance") == path.replace("%", name)
            del problem["request_id"]
            told.append(problem)
        assert told[0] == told[1]
        assert told[0]["status"] == 404
    foreign_key = await admin.post(f"{KEYS}/{other.founder.key_id}/revoke")
    assert foreign_key.status_code == 404


async def test_a_list_comes_in_pages_that_together_are_the_list(admin: Caller) -> None:
    made = {await admin.actor() for _ in range(4)}
    seen: list[str] = []
    cursor = ""
    for _ in range(3):
        page = (await admin.get(f"{ACTORS}?limit=2{cursor}")).json()
        seen += [actor["actor_id"] for actor in page["items"]]
        cursor = f"&cursor={page['next_cursor']}"
    assert page["next_cursor"] is None
    assert len(seen) == len(set(seen)) == 5
    assert set(seen) > made


async def test_keys_come_in_pages_too(admin: Caller) -> None:
    actor = await admin.actor("person", "viewer")
    for _ in range(2):
        await admin.key(actor, "read")
    first = (await admin.get(f"{KEYS}?limit=2")).json()
    rest = (await admin.get(f"{KEYS}?cursor={first['next_cursor']}")).json()
    assert len(first["items"] + rest["items"]) == 3
    assert rest["next_cursor"] is None


async def test_lists_show_nothing_of_another_tenant(
    admin: Caller, client: httpx.AsyncClient, db: Database, ids: Ids
) -> None:
    other = await found(db, ids)
    await Caller(client, other.founder_key).actor()
    for path in (ACTORS, KEYS):
        assert str(other.tenant_id) not in (await admin.get(path)).text


async def test_an_admin_alone_makes_no_key_that_approves(admin: Caller) -> None:
    actor = await admin.actor("agent", "approver")
    body = {"actor_id": actor, "name": "k", "scopes": ["approve"]}
    refused = await admin.post(KEYS, body)
    assert refused.json()["reasons"] == ["no role of the actor gives the scope `approve`"]
