"""A receipt of a call that a restore forgot is kept if its grant proves it, and else not."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import msgspec
import pytest
from litestar import Litestar
from tests.conftest import found
from tests.invariants.overtaking import Side, overtake
from tests.replay.desk import AGENT, Desk

from placet.authority.key_changes.service import end_key
from placet.authority.server_keys import NOBODY, ServerKeys
from placet.authority.tool_hosts.model import RevokeToolHost, ToolHostView
from placet.authority.tool_hosts.service import revoke_host
from placet.events.model import StreamKind, tenant_stream
from placet.events.store import list_events
from placet.evidence.dsse import Envelope, encode_envelope
from placet.evidence.ed25519 import SigningKey
from placet.evidence.fields import ControlSeen, Fence
from placet.evidence.grant import Grant, sign_grant
from placet.evidence.receipt import HostOutcome, HostSays, receipt_for
from placet.kernel.ids import Ids
from placet.kernel.principal import Environment
from placet.kernel.refusals import RequestInProgress
from placet.replay.calls.attested import Attestation
from placet.replay.calls.model import ReceiptStatus
from placet.replay.orphans.model import KeepOrphan, OrphanKept
from placet.replay.orphans.rules import Reporter
from placet.replay.orphans.service import keep_orphan
from placet.replay.sessions.policies import Policies
from placet.storage.database import Database
from placet.tenancy.model import Role

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


class Forgotten:
    """An agent whose calls of a session were lost with the session."""

    def __init__(self, desk: Desk, key: SigningKey) -> None:
        """Hold the key that signed its grants."""
        self.desk = desk
        self.key = key
        self.session_id = desk.ids.new()

    def grant(self, **changes: Any) -> Grant:  # noqa: ANN401 -- any field of a grant
        """Return a grant that ran out long ago."""
        plain = Grant(
            tenant_id=self.desk.workplace.tenant_id,
            environment=Environment.STAGING,
            agent=AGENT,
            session_id=self.session_id,
            step=1,
            call_id=self.desk.ids.new(),
            server="orders",
            tool="issue_refund",
            tool_schema_hash=None,
            arguments_hash="ab" * 32,
            fence=Fence(epoch=1, n=1),
            artifact_hash="cd" * 32,
            control=ControlSeen(epoch=0, revision=0),
            key_list_version=1,
            not_before=LONG_AGO,
            expires_at=LONG_AGO + timedelta(seconds=60),
            audience=None,
        )
        return msgspec.structs.replace(plain, **changes)

    async def keep(
        self, grant: Grant, key: SigningKey | None = None, **more: object
    ) -> httpx.Response:
        """Report that the call of a grant succeeded."""
        return await self.send(plain(sign_grant(grant, key or self.key)), grant, **more)

    async def send(self, sent: object, grant: Grant, **more: object) -> httpx.Response:
        """Report with whatever stands for the grant."""
        body = {
            "grant": sent,
            "status": "succeeded",
            "arguments_hash": grant.arguments_hash,
            **more,
        }
        return await self.desk.post("/api/v1/replay/orphans", body)

    async def listed(self) -> list[dict[str, Any]]:
        """Return what an operator sees."""
        answered = await self.desk.get("/api/v1/replay/orphans", self.desk.operator_key)
        assert answered.status_code == 200, answered.text
        items: list[dict[str, Any]] = answered.json()["items"]
        return items


def plain(envelope: Envelope) -> object:
    return json.loads(encode_envelope(envelope))


@pytest.fixture(scope="module")
async def approved(app: Litestar, client: httpx.AsyncClient, db: Database, ids: Ids) -> Desk:
    desk = Desk(client, db, ids, await found(db, ids))
    await desk.approve(app.state[ServerKeys.__name__])
    return desk


@pytest.fixture
def lost(approved: Desk, app: Litestar) -> Forgotten:
    return Forgotten(approved, app.state[ServerKeys.__name__].grant)


async def test_a_receipt_is_kept_with_its_grant_and_the_authority_stream_tells(
    lost: Forgotten,
) -> None:
    grant = lost.grant()
    kept = await lost.keep(grant, output='{"id": 1}', external_ref="rf_1")
    assert kept.status_code == 201, kept.text
    told = kept.json()
    assert (told["evidence_level"], told["conflicting"]) == ("client_reported", False)
    seen = (await lost.listed())[0]
    assert (seen["call_id"], seen["external_ref"]) == (str(grant.call_id), "rf_1")
    assert json.loads(base64.b64decode(seen["grant_envelope"])) == plain(
        sign_grant(grant, lost.key)
    )
    stream = tenant_stream(lost.desk.workplace.tenant_id, StreamKind.AUTHORITY)
    async with lost.desk.db.reading(lost.desk.workplace.founder) as tx:
        events = await list_events(tx, stream, after=0, limit=200)
    (body,) = [
        event.body
        for event in events
        if event.type == "OrphanReceiptKept" and str(grant.call_id).encode() in (event.body or b"")
    ]
    assert msgspec.json.decode(body or b"")["receipt_id"] == told["receipt_id"]


async def test_other_arguments_than_the_granted_are_kept_and_marked(lost: Forgotten) -> None:
    kept = await lost.keep(lost.grant(), arguments_hash="ef" * 32)
    assert (kept.status_code, kept.json()["conflicting"]) == (201, True)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"tenant_id": UUID(int=7)}, "tenant"),
        ({"agent": "somebody-else"}, "agent"),
        ({"environment": Environment.PRODUCTION}, "environment"),
    ],
)
async def test_a_grant_for_somebody_else_proves_nothing(
    lost: Forgotten, changes: dict[str, object], reason: str
) -> None:
    before = await lost.listed()
    answered = await lost.keep(lost.grant(**changes))
    assert (answered.status_code, answered.json()["code"]) == (422, "orphan_refused")
    assert answered.json()["reason"] == reason
    assert await lost.listed() == before


async def test_only_a_grant_that_our_grant_key_signed_proves_anything(
    lost: Forgotten, app: Litestar
) -> None:
    before = await lost.listed()
    keys = app.state[ServerKeys.__name__]
    reasons = [
        (await lost.keep(lost.grant(), key)).json()["reason"]
        for key in (SigningKey.generate(), keys.artifact)
    ]
    reasons += [
        (await lost.send(given, lost.grant())).json()["reason"]
        for given in ({}, "x", None, plain(_receipt(lost.grant(), lost.key)))
    ]
    assert reasons == ["signature", "signature", "malformed", "malformed", "malformed", "type"]
    assert await lost.listed() == before


async def test_a_call_that_is_known_is_no_orphan(lost: Forgotten) -> None:
    worker = await lost.desk.worker()
    (call,) = await worker.propose(("note", {"text": "a"}))
    answered = await lost.send(call["grant"], lost.grant())
    assert (answered.status_code, answered.json()["reason"]) == (422, "known")


async def test_a_hosts_word_raises_the_level_of_an_orphan_too(lost: Forgotten) -> None:
    host, stranger = SigningKey.generate(), SigningKey.generate()
    await _register(lost.desk, host)
    told = []
    for key in (host, stranger):
        grant = lost.grant()
        word = {"envelope": plain(_receipt(grant, key)), "public_key": _text(key)}
        kept = (await lost.keep(grant, attestation=word)).json()
        told.append((kept["evidence_level"], kept["attestation"]))
    assert told == [("executor_attested", "taken"), ("client_reported", "host")]


@pytest.mark.parametrize(
    "changes",
    [
        {"tenant_id": UUID(int=7)},
        {"environment": Environment.PRODUCTION},
        {"server": None},
        {"tool": "note"},
    ],
)
async def test_a_hosts_word_on_a_call_elsewhere_is_of_another_call(
    lost: Forgotten, changes: dict[str, object]
) -> None:
    host = SigningKey.generate()
    await _register(lost.desk, host)
    grant = lost.grant()
    word = _receipt(msgspec.structs.replace(grant, **changes), host)
    kept = await lost.keep(grant, attestation={"envelope": plain(word), "public_key": _text(host)})
    told = kept.json()
    assert (told["evidence_level"], told["attestation"]) == ("client_reported", "other_call")


async def test_a_hosts_word_that_waited_for_the_hosts_end_counts_no_more(
    lost: Forgotten,
) -> None:
    desk, host = lost.desk, SigningKey.generate()
    host_id = await _register(desk, host)
    grant = lost.grant()
    word = Attestation(
        envelope=msgspec.Raw(encode_envelope(_receipt(grant, host))), public_key=host.public.raw
    )
    asked = KeepOrphan(
        grant=msgspec.Raw(encode_envelope(sign_grant(grant, lost.key))),
        status=ReceiptStatus.SUCCEEDED,
        arguments_hash=grant.arguments_hash,
        attestation=word,
    )
    reporter = Reporter(
        tenant_id=desk.workplace.tenant_id, agent=AGENT, environment=Environment.STAGING
    )
    ended, kept = await overtake(
        desk.db,
        Side(
            desk.workplace.founder,
            lambda tx: revoke_host(tx, UUID(host_id), RevokeToolHost(reason="lost"), desk.ids),
        ),
        Side(
            desk.workplace.founder,
            lambda tx: keep_orphan(tx, reporter, asked, Policies(), desk.ids),
        ),
    )
    assert isinstance(ended, ToolHostView), ended
    assert isinstance(kept, OrphanKept), kept
    assert (kept.attestation, kept.evidence_level) == ("host", "client_reported")


async def test_no_key_ends_while_an_orphan_is_kept_whose_grant_it_signed(lost: Forgotten) -> None:
    desk, grant = lost.desk, lost.grant()
    asked = KeepOrphan(
        grant=msgspec.Raw(encode_envelope(sign_grant(grant, lost.key))),
        status=ReceiptStatus.SUCCEEDED,
        arguments_hash=grant.arguments_hash,
    )
    reporter = Reporter(
        tenant_id=desk.workplace.tenant_id, agent=AGENT, environment=Environment.STAGING
    )
    async with desk.db.writing(desk.workplace.founder) as tx:
        assert await keep_orphan(tx, reporter, asked, Policies(), desk.ids)
        with pytest.raises(RequestInProgress):
            async with desk.db.writing(NOBODY) as other:
                await end_key(other, lost.key.key_id, "it was copied")


async def test_a_key_of_one_agent_in_one_environment_sees_only_its_own_orphans(
    lost: Forgotten,
) -> None:
    assert (await lost.keep(lost.grant())).status_code == 201
    workplace = lost.desk.workplace
    seen = []
    for agent, environment in (
        (AGENT, Environment.STAGING),
        (AGENT, Environment.PRODUCTION),
        ("somebody-else", Environment.STAGING),
    ):
        _, key = await workplace.agent(agent, environment, Role.VIEWER)
        answered = await lost.desk.get("/api/v1/replay/orphans", key)
        assert answered.status_code == 200, answered.text
        seen.append(answered.json()["items"])
    assert seen == [await lost.listed(), [], []]


async def _register(desk: Desk, host: SigningKey) -> str:
    asked = {
        "name": "till",
        "environment": "staging",
        "strength": "verified",
        "tools": ["issue_refund"],
        "public_key": _text(host),
    }
    made = await desk.post("/api/v1/authority/tool-hosts", asked, desk.workplace.founder_key)
    assert made.status_code == 201, made.text
    host_id: str = made.json()["host_id"]
    return host_id


def _receipt(grant: Grant, key: SigningKey) -> Envelope:
    says = HostSays(
        outcome=HostOutcome.SUCCEEDED,
        output_hash=None,
        external_ref=None,
        started_at=LONG_AGO,
        completed_at=LONG_AGO,
    )
    return receipt_for(grant, says, key)


def _text(key: SigningKey) -> str:
    return base64.b64encode(key.public.raw).decode()
