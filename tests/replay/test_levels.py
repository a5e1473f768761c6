"""How good a word is, the service decides: each level, kind of tool and environment, over HTTP."""

import base64
import itertools
import json
from typing import Any
from uuid import UUID

import httpx
import msgspec
import pytest
from litestar import Litestar
from tests.conftest import found
from tests.replay.desk import AGENT, REQUEST_HASH, Desk, Worker
from tests.replay.passing import Pass, let_time_pass, sweep_all
from tests.studio.story import importing

from placet.authority.server_keys import ServerKeys
from placet.evidence.dsse import Envelope, encode_envelope, parse_envelope
from placet.evidence.ed25519 import SigningKey
from placet.evidence.fields import Fence
from placet.evidence.grant import Grant, sign_grant
from placet.evidence.receipt import HostOutcome, HostSays, receipt_for, verify_receipt
from placet.kernel import foreign
from placet.kernel.hashing import digest
from placet.kernel.ids import Ids
from placet.kernel.principal import Environment
from placet.replay.calls import store
from placet.replay.calls.answers import ReportReceipt
from placet.replay.calls.memory import Memory
from placet.replay.calls.report import report_receipt
from placet.replay.calls.runtime import Runtime
from placet.replay.calls.writes import Caller, ReceiptWrite
from placet.storage.database import Database, HotPool, HotRow
from placet.studio.drafts.grounds.model import ResolveJudgment
from placet.tenancy.model import ApiKeyId, ParsedKey

__all__ = ["let_time_pass"]

ANY: dict[str, Any] = {"type": "object", "properties": {"n": {"type": "integer"}}}
STAGING, PRODUCTION = Environment.STAGING, Environment.PRODUCTION


def tool(
    name: str, side_effect: str, evidence: str, commit: str = "acknowledged"
) -> dict[str, Any]:
    made: dict[str, Any] = {
        "tool": name,
        "side_effect": side_effect,
        "evidence_class": evidence,
        "commit_requirement": commit,
        "decision": "allow",
        "input_schema": ANY,
    }
    return made | ({"effect_key": ["$.n"]} if side_effect == "financial" else {})


CONTRACT: dict[str, Any] = {
    "schema_version": "1",
    "agent": AGENT,
    "session": {"limits": {"max_calls_per_tool": {"pay": 10}}},
    "tools": [
        tool("note", "write", "ack_only"),
        tool("pay", "financial", "local_transaction"),
        tool("guess", "write", "unverifiable"),
        tool("say", "read", "ack_only", "none"),
    ],
}
NUMBERS = itertools.count()
TOOLS = ["note", "pay", "guess", "say"]


class WatchedDesk(Desk):
    """A desk on which somebody answers what is open about its contract."""

    async def approve_again(self, document: dict[str, Any] | None = None) -> None:
        """Have a contract approved, every open judgment about it resolved."""
        draft = await self.story.draft(self.workspace)
        await self.story.command(draft, importing(document or CONTRACT))
        opened = (await self.story.snapshot(draft)).judgments
        for version, judgment in enumerate(opened, start=1):
            answer = ResolveJudgment(judgment_id=judgment.judgment_id)
            await self.story.command(draft, answer, expected=version, reason="it is watched")
        snapshot = await self.story.snapshot(draft, expected=1 + len(opened))
        request = await self.story.request(snapshot)
        self.approval_id = (await self.story.vote(request, self.signer)).approval_id


class Shop:
    """A desk with a registered host of all of its tools, and one session."""

    def __init__(self, desk: Desk, worker: Worker, environment: Environment) -> None:
        """Have no key registered yet."""
        self.desk = desk
        self.worker = worker
        self.environment = environment

    async def register(self, **changes: object) -> tuple[SigningKey, str]:
        """Register a host, and return its key and its id."""
        key = SigningKey.generate()
        asked = {
            "name": "till",
            "environment": self.environment.value,
            "strength": "verified",
            "tools": TOOLS,
            "public_key": base64.b64encode(key.public.raw).decode(),
        }
        made = await self.desk.post(
            "/api/v1/authority/tool-hosts", asked | changes, self.desk.workplace.founder_key
        )
        assert made.status_code == 201, made.text
        return key, made.json()["host_id"]

    async def revoke(self, host_id: str) -> None:
        """End a host's registration."""
        path = f"/api/v1/authority/tool-hosts/{host_id}/revoke"
        ended = await self.desk.post(path, {"reason": "lost"}, self.desk.workplace.founder_key)
        assert ended.status_code == 200, ended.text

    async def report_late(
        self, call: dict[str, Any], key: SigningKey, status: str = "succeeded"
    ) -> tuple[Worker, str]:
        """Report by a host's word after a takeover. Returns the new holder, and the receipt."""
        output = {"id": 1} if status == "succeeded" else None
        word = attestation(call, status, output, key)
        late = self.worker.receipt(call, status, output, attestation=word)
        before = self.worker.binding
        assert (await self.worker.lease("release")).status_code == 200
        successor = await self.desk.worker(self.worker.session_id)
        self.worker.binding = before
        told = (await self.worker.post("receipts", late)).json()
        assert (told["late"], told["settled"], told["attestation"]) == (True, False, "taken")
        return successor, told["receipt_id"]

    async def cite(self, by: Worker, call: dict[str, Any], receipt_id: str) -> httpx.Response:
        """Settle a call by a receipt."""
        asked = {
            "settlement_id": str(self.desk.ids.new()),
            "call_id": call["call_id"],
            "outcome": "succeeded",
            "reason": "its host says so",
            "receipt_id": receipt_id,
        }
        return await by.post("settlements", asked)

    async def keep_alone(self, runtime: Runtime, call: dict[str, Any], key: SigningKey) -> None:
        """Have a host's word kept without the settlement that it may bring."""
        word = attestation(call, "succeeded", {"id": 1}, key)
        raw = json.dumps(
            self.worker.receipt(call, "succeeded", {"id": 1}, attestation=word)
        ).encode()
        principal = self.desk.runtime
        caller = Caller(
            key=ParsedKey(key_id=ApiKeyId(principal.key_id), secret_hash=principal.secret_hash),
            session_id=self.worker.session_id,
            holder=self.worker.holder,
            fence=Fence(epoch=self.worker.fence[0], n=self.worker.fence[1]),
        )

        async def alone(hot: HotPool, by: Caller, write: ReceiptWrite) -> HotRow:
            return await store.receive(
                hot, by, msgspec.structs.replace(write, decided_version=None)
            )

        asked = msgspec.json.decode(raw, type=ReportReceipt)
        kept = await report_receipt(runtime, caller, asked, raw, alone)
        assert (kept.attestation, kept.settled) == ("taken", False)

    async def call(self, name: str) -> dict[str, Any]:
        """Have a call granted, and redeem it where that is needed."""
        (made,) = await self.worker.propose((name, {"n": next(NUMBERS)}))
        assert made["status"] == "granted", made
        if made["start_required"]:
            assert (await self.worker.start(made)).status_code == 200
        return made

    async def report(
        self, call: dict[str, Any], status: str, key: SigningKey | None, **more: object
    ) -> dict[str, Any]:
        """Report what became of a call, with the word of whoever holds a key, if one is given."""
        output = {"id": 1} if status == "succeeded" else None
        if key is not None:
            more["attestation"] = attestation(call, status, output, key)
        return await self.worker.report(call, status, output, **more)


def attestation(
    call: dict[str, Any],
    status: str,
    output: object,
    key: SigningKey,
    **changes: Any,  # noqa: ANN401 -- any field of a grant
) -> dict[str, Any]:
    """Return what a host says of the call that it let in by its grant."""
    grant = msgspec.structs.replace(grant_of(call), **changes)
    form = None if output is None else foreign.encode(foreign.parse(json.dumps(output).encode()))
    says = HostSays(
        outcome=HostOutcome(status),
        output_hash=None if form is None else digest("output", form).hex(),
        external_ref=None,
        started_at=grant.not_before,
        completed_at=grant.not_before,
    )
    return sent(receipt_for(grant, says, key), key)


def sent(envelope: Envelope, key: SigningKey) -> dict[str, Any]:
    return {
        "envelope": json.loads(encode_envelope(envelope)),
        "public_key": base64.b64encode(key.public.raw).decode(),
    }


def grant_of(call: dict[str, Any]) -> Grant:
    envelope = parse_envelope(json.dumps(call["grant"]).encode())
    return msgspec.json.decode(envelope.payload, type=Grant)


@pytest.fixture(scope="module", params=[STAGING, PRODUCTION], ids=str)
async def watched(
    request: pytest.FixtureRequest, app: Litestar, client: httpx.AsyncClient, db: Database, ids: Ids
) -> WatchedDesk:
    """One desk per environment: every test has a session of its own on it."""
    desk = WatchedDesk(client, db, ids, await found(db, ids))
    await desk.approve(app.state[ServerKeys.__name__], CONTRACT, request.param)
    return desk


@pytest.fixture
async def shop(watched: WatchedDesk) -> Shop:
    environment = watched.runtime.environment
    assert environment is not None
    return Shop(watched, await watched.worker(), environment)


@pytest.fixture
def runtime(app: Litestar) -> Runtime:
    made = app.state[Runtime.__name__]
    assert isinstance(made, Runtime)
    return made


async def test_each_word_settles_what_it_is_good_enough_for(shop: Shop) -> None:
    key, _ = await shop.register()
    settled = {
        (name, status, signer is not None): (await shop.report(call, status, signer))["settled"]
        for name in TOOLS
        for status in ("succeeded", "failed")
        for signer in (None, key)
        for call in [await shop.call(name)]
    }
    in_production = shop.environment is PRODUCTION
    expected = dict.fromkeys(settled, True)
    for signer in (False, True):
        expected["guess", "succeeded", signer] = False
    expected["pay", "succeeded", False] = not in_production
    expected["pay", "failed", False] = not in_production
    assert settled == expected


async def test_the_event_of_an_attested_receipt_holds_the_word_itself(shop: Shop) -> None:
    key, _ = await shop.register()
    call = await shop.call("pay")
    told = await shop.report(call, "succeeded", key)
    assert (told["attestation"], told["evidence_level"]) == ("taken", "executor_attested")
    (received,) = [
        event["body"] for event in await shop.worker.events() if event["type"] == "ReceiptReceived"
    ]
    assert received["evidence_level"] == "executor_attested"
    word = received["attested_by"]
    assert word["key_id"] == key.key_id
    receipt = verify_receipt(parse_envelope(base64.b64decode(word["envelope"])), [key.public])
    assert str(receipt.call_id) == call["call_id"]


async def test_a_word_that_counts_for_nothing_leaves_the_callers_own(shop: Shop) -> None:
    key, host_id = await shop.register()
    other_tool, _ = await shop.register(tools=["note"])
    elsewhere, _ = await shop.register(environment="development")
    stranger = SigningKey.generate()
    await shop.revoke(host_id)
    for signer in (key, other_tool, elsewhere, stranger):
        told = await shop.report(await shop.call("pay"), "succeeded", signer)
        assert (told["attestation"], told["conflicting"]) == ("host", False)
        assert told["settled"] is (shop.environment is STAGING)
    levels = {
        event["body"]["evidence_level"]
        for event in await shop.worker.events()
        if event["type"] == "ReceiptReceived"
    }
    assert levels == {"client_reported"}


async def test_another_tenants_host_counts_for_nothing_here(
    shop: Shop, client: httpx.AsyncClient, db: Database, ids: Ids
) -> None:
    other = Shop(Desk(client, db, ids, await found(db, ids)), shop.worker, shop.environment)
    key, _ = await other.register()
    told = await shop.report(await shop.call("pay"), "succeeded", key)
    assert (told["attestation"], told["settled"]) == ("host", shop.environment is STAGING)


async def test_a_word_on_another_call_or_one_that_was_changed_counts_for_nothing(
    shop: Shop,
) -> None:
    key, _ = await shop.register()
    first, second = await shop.call("note"), await shop.call("note")
    word = attestation(first, "succeeded", {"id": 1}, key)
    fates = []
    for given in (
        word,
        word | {"envelope": {}},
        attestation(second, "succeeded", {"id": 2}, key),
        attestation(second, "failed", None, key),
        sent(sign_grant(grant_of(second), key), key),
    ):
        told = await shop.worker.report(second, "succeeded", {"id": 1}, attestation=given)
        fates.append(told["attestation"])
        assert not told["conflicting"]
    assert fates == ["other_call", "malformed", "other_word", "other_word", "type"]


@pytest.mark.parametrize(
    "changes",
    [
        {"tenant_id": UUID(int=7)},
        {"environment": Environment.DEVELOPMENT},
        {"server": "elsewhere"},
        {"tool": "note"},
    ],
)
@pytest.mark.parametrize("is_cold", [False, True])
async def test_a_word_on_a_call_elsewhere_is_of_another_call(
    shop: Shop, runtime: Runtime, changes: dict[str, Any], *, is_cold: bool
) -> None:
    key, _ = await shop.register()
    call = await shop.call("pay")
    successor, _ = await shop.report_late(await shop.call("note"), key)
    if is_cold:
        runtime.memory = Memory()
    word = attestation(call, "succeeded", {"id": 1}, key, **changes)
    late = await shop.worker.report(call, "succeeded", {"id": 1}, attestation=word)
    assert (late["attestation"], late["late"]) == ("other_call", True)
    shop.worker = successor
    told = await shop.worker.report(call, "succeeded", {"id": 1}, attestation=word)
    assert (told["attestation"], told["settled"]) == ("other_call", shop.environment is STAGING)


async def test_a_claimed_failure_keeps_an_effect_key_where_a_hosts_word_frees_it(
    shop: Shop,
) -> None:
    key, _ = await shop.register()
    again = ("pay", {"n": next(NUMBERS)})
    (call,) = await shop.worker.propose(again)
    assert (await shop.worker.start(call)).status_code == 200
    await shop.report(call, "failed", None)
    (claimed,) = await shop.worker.propose(again)
    assert (claimed["status"] == "granted") is (shop.environment is STAGING)
    if shop.environment is PRODUCTION:
        attested = await shop.report(call, "failed", key)
        assert (attested["settled"], attested["attestation"]) == (True, "taken")
        (freed,) = await shop.worker.propose(again)
        assert freed["status"] == "granted"


async def test_a_hosts_word_that_comes_late_is_kept_at_its_level_and_can_be_cited(
    shop: Shop,
) -> None:
    key, _ = await shop.register()
    call = await shop.call("pay")
    successor, receipt_id = await shop.report_late(call, key)
    cited = await shop.cite(successor, call, receipt_id)
    assert cited.status_code == 200, cited.text
    assert cited.json()["evidence_level"] == "executor_attested"


async def test_a_cited_word_is_its_reporters_own_once_the_hosts_key_is_revoked(shop: Shop) -> None:
    key, host_id = await shop.register()
    call = await shop.call("pay")
    successor, receipt_id = await shop.report_late(call, key)
    await shop.revoke(host_id)
    cited = await shop.cite(successor, call, receipt_id)
    if shop.environment is PRODUCTION:
        assert (cited.status_code, cited.json()["code"]) == (409, "evidence_too_weak")
    else:
        assert cited.json()["evidence_level"] == "client_reported"


@pytest.mark.parametrize("is_revoked", [False, True])
async def test_the_sweeper_weighs_a_word_by_what_its_host_counts_for_now(
    shop: Shop, runtime: Runtime, let_time_pass: Pass, *, is_revoked: bool
) -> None:
    key, host_id = await shop.register()
    call = await shop.call("pay")
    await shop.keep_alone(runtime, call, key)
    if is_revoked:
        await shop.revoke(host_id)
    await let_time_pass(shop.worker)
    await sweep_all(runtime)
    last = (await shop.worker.events())[-1]
    if is_revoked and shop.environment is PRODUCTION:
        assert last["type"] == "CallBecameUnknown"
    else:
        level = "client_reported" if is_revoked else "executor_attested"
        assert (last["type"], last["body"]["evidence_level"]) == ("CallSettled", level)


async def test_a_host_that_is_registered_later_makes_a_kept_report_no_better(shop: Shop) -> None:
    key = SigningKey.generate()
    call = await shop.call("pay")
    word = attestation(call, "succeeded", {"id": 1}, key)
    body = shop.worker.receipt(call, "succeeded", {"id": 1}, attestation=word)
    first = (await shop.worker.post("receipts", body)).json()
    assert first["attestation"] == "host"
    await shop.register(public_key=base64.b64encode(key.public.raw).decode())
    again = (await shop.worker.post("receipts", body)).json()
    assert again == first | {"replayed": True}


async def test_the_same_report_again_gets_the_first_answer_also_when_the_host_is_gone(
    shop: Shop,
) -> None:
    key, host_id = await shop.register()
    call = await shop.call("pay")
    word = attestation(call, "succeeded", {"id": 1}, key)
    body = shop.worker.receipt(call, "succeeded", {"id": 1}, attestation=word)
    first = (await shop.worker.post("receipts", body)).json()
    await shop.revoke(host_id)
    again = (await shop.worker.post("receipts", body)).json()
    assert again["receipt_id"] == first["receipt_id"]
    assert (again["replayed"], again["evidence_level"]) == (True, "executor_attested")


async def test_a_word_that_counts_for_nothing_takes_no_preflight_away(shop: Shop) -> None:
    key, _ = await shop.register()
    carried = {"next": {"request_hash": REQUEST_HASH}}
    for signer, fate in ((key, "taken"), (SigningKey.generate(), "host")):
        told = await shop.report(await shop.call("note"), "succeeded", signer, **carried)
        assert (told["attestation"], told["settled"]) == (fate, True)
        assert told["next"]["request_hash"] == REQUEST_HASH
