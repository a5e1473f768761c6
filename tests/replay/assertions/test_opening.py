"""An issuer's word opens one session, in time, for its agent, and for nobody else."""

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import msgspec
import pytest
import sqlalchemy as sa
from tests.invariants.overtaking import Side, overtake
from tests.replay.desk import AGENT, Desk
from tests.replay.test_principals import PAY, RULES, key_of
from tests.replay.twofold import limited

from placet.authority.issuers import service as issuers
from placet.authority.issuers.model import RevokeIssuer
from placet.evidence.dsse import Envelope, encode_envelope
from placet.evidence.ed25519 import SigningKey
from placet.evidence.principal import Assertion, sign_assertion
from placet.kernel.principal import Attributes, AttributeValue, Environment
from placet.replay.assertions.model import AssertionFlaw, AssertionRefused
from placet.replay.sessions import service as sessions
from placet.replay.sessions.model import OpenSession, SessionView
from placet.replay.sessions.policies import Policies
from placet.storage.database import Writing

ISSUERS = "/api/v1/authority/issuers"
SESSIONS = "/api/v1/replay/sessions"
COUNTS = sa.text(
    "SELECT (SELECT count(*) FROM placet.replay_session) AS sessions,"
    " (SELECT count(*) FROM placet.replay_assertion) AS used,"
    " (SELECT count(*) FROM placet.event) AS events"
)


class Issuer:
    """A registered issuer of a desk, with its key."""

    def __init__(self, desk: Desk, key: SigningKey, issuer_id: UUID) -> None:
        """Speak for the desk's agent."""
        self.desk = desk
        self.key = key
        self.issuer_id = issuer_id

    def says(self, subject: Attributes, **other: Any) -> Envelope:  # noqa: ANN401 -- any field
        """Return a fresh assertion, with some fields of another kind."""
        now = datetime.now(UTC)  # noqa: TID251 -- an issuer has a clock of its own
        assertion = Assertion(
            assertion_id=self.desk.ids.new(),
            issuer_id=self.issuer_id,
            tenant_id=self.desk.workplace.tenant_id,
            agent=AGENT,
            environment=Environment.STAGING,
            subject=subject,
            issued_at=now,
            expires_at=now + timedelta(minutes=5),
            key_id=self.key.key_id,
        )
        return sign_assertion(msgspec.structs.replace(assertion, **other), self.key)

    async def open(self, assertion: Envelope, **headers: str) -> httpx.Response:
        """Ask for a session on an assertion."""
        body = {"assertion": base64.b64encode(encode_envelope(assertion)).decode()}
        return await self.desk.post(SESSIONS, body, **headers)

    async def revoke(self) -> None:
        """End the registration."""
        founder = self.desk.workplace.founder_key
        path = f"{ISSUERS}/{self.issuer_id}/revoke"
        ended = await self.desk.post(path, {"reason": "stolen"}, founder)
        assert ended.status_code == 200, ended.text

    async def counts(self) -> Any:  # noqa: ANN401 -- a row
        """Return how much stands in the tenant."""
        async with self.desk.db.reading(self.desk.workplace.founder) as tx:
            return await tx.rows(COUNTS)


async def issuer_of(desk: Desk, agent: str = AGENT) -> Issuer:
    """Register an issuer."""
    key = SigningKey.generate()
    asked = {
        "name": "the front door",
        "agent": agent,
        "environment": "staging",
        "public_key": base64.b64encode(key.public.raw).decode(),
    }
    made = await desk.post(ISSUERS, asked, desk.workplace.founder_key)
    assert made.status_code == 201, made.text
    return Issuer(desk, key, UUID(made.json()["issuer_id"]))


@pytest.fixture
async def issuer(desk: Desk) -> Issuer:
    """An issuer of the desk's agent."""
    return await issuer_of(desk)


async def test_an_issuer_says_for_whom_the_agent_acts_and_decisions_read_it(
    desk: Desk, issuer: Issuer
) -> None:
    await desk.approve_again(limited(RULES, PAY))
    said = issuer.says({"department": "support", "trainee": False, "level": 3})
    opened = await issuer.open(said)
    assert opened.status_code == 201, opened.text
    worker = await desk.worker(UUID(opened.json()["session_id"]))
    (paid,) = await worker.propose(("pay", {"amount": 50}))
    assert paid["status"] == "granted", paid
    first, *_ = await worker.events()
    assert first["body"]["principal"] == {"department": "support", "trainee": False, "level": 3}
    assert first["body"]["assertion"].encode() == encode_envelope(said)


async def test_a_key_and_an_issuer_are_heard_together(desk: Desk, issuer: Issuer) -> None:
    desk.runtime_key = await key_of(desk, {"department": "support", "level": 3})
    opened = await issuer.open(issuer.says({"id": "ann", "level": 3}))
    worker = await desk.worker(UUID(opened.json()["session_id"]))
    first, *_ = await worker.events()
    assert first["body"]["principal"] == {"department": "support", "id": "ann", "level": 3}


@pytest.mark.parametrize("level", [4, True, "3"])
async def test_where_key_and_issuer_differ_no_session_opens(
    desk: Desk, issuer: Issuer, level: AttributeValue
) -> None:
    desk.runtime_key = await key_of(desk, {"department": "support", "level": 1})
    before = await issuer.counts()
    refused = await issuer.open(issuer.says({"department": "support", "level": level}))
    assert refused.status_code == 409
    assert refused.json()["code"] == "principal_conflict"
    assert refused.json()["attributes"] == ["level"]
    assert await issuer.counts() == before


async def test_an_assertion_opens_one_session_and_its_answer_is_replayed(
    desk: Desk, issuer: Issuer
) -> None:
    said = issuer.says({"id": "ann"})
    again = {"Idempotency_Key": desk.ids.new().hex}
    first = await issuer.open(said, **again)
    assert (await issuer.open(said, **again)).json() == first.json()
    before = await issuer.counts()
    second = await issuer.open(said)
    assert (second.status_code, second.json()["flaw"]) == (422, "used")
    assert await issuer.counts() == before


AHEAD = timedelta(seconds=90)
FLAWS: dict[str, Callable[[datetime], dict[str, Any]]] = {
    "early": lambda now: {"issued_at": now + AHEAD, "expires_at": now + 2 * AHEAD},
    "expired": lambda now: {"issued_at": now - 2 * AHEAD, "expires_at": now - AHEAD},
    "other_place agent": lambda _: {"agent": "another-desk"},
    "other_place environment": lambda _: {"environment": Environment.DEVELOPMENT},
    "other_place tenant": lambda _: {"tenant_id": UUID(int=1)},
    "other_place issuer": lambda _: {"issuer_id": UUID(int=1)},
    "signature": lambda _: {"key_id": "ab" * 32},
}


@pytest.mark.parametrize("flaw", FLAWS)
async def test_an_assertion_that_does_not_count_here_and_now_opens_nothing(
    issuer: Issuer, flaw: str
) -> None:
    before = await issuer.counts()
    now = datetime.now(UTC)  # noqa: TID251 -- an issuer has a clock of its own
    refused = await issuer.open(issuer.says({"id": "ann"}, **FLAWS[flaw](now)))
    assert refused.status_code == 422, refused.text
    assert refused.json()["code"] == "assertion_refused"
    assert refused.json()["flaw"] == flaw.split(maxsplit=1)[0]
    assert await issuer.counts() == before


async def test_an_issuer_a_little_ahead_is_heard(issuer: Issuer) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=10)  # noqa: TID251 -- an issuer's clock
    said = issuer.says({"id": "ann"}, issued_at=soon, expires_at=soon + timedelta(minutes=10))
    assert (await issuer.open(said)).status_code == 201


async def test_only_an_issuer_of_this_agent_that_stands_is_heard(
    desk: Desk, issuer: Issuer
) -> None:
    other = await issuer_of(desk, "another-desk")
    refused = await other.open(other.says({"id": "ann"}))
    assert refused.json()["flaw"] == "issuer_unknown"
    said = issuer.says({"id": "ann"})
    forged = sign_assertion(
        msgspec.json.decode(said.payload, type=Assertion), SigningKey.generate()
    )
    borrowed = msgspec.structs.replace(forged, signatures=(forged.signatures[0],))
    assert (await issuer.open(borrowed)).json()["flaw"] == "issuer_unknown"
    (mine,) = said.signatures
    (theirs,) = forged.signatures
    passed_off = msgspec.structs.replace(mine, sig=theirs.sig)
    hidden = msgspec.structs.replace(said, signatures=(passed_off,))
    assert (await issuer.open(hidden)).json()["flaw"] == "signature"
    await issuer.revoke()
    before = await issuer.counts()
    assert (await issuer.open(said)).json()["flaw"] == "issuer_revoked"
    assert await issuer.counts() == before


async def test_claims_and_attributes_are_together_no_more_than_a_session_keeps(
    desk: Desk, issuer: Issuer
) -> None:
    desk.runtime_key = await key_of(desk, {f"c{n}": n for n in range(20)})
    refused = await issuer.open(issuer.says({f"s{n}": n for n in range(20)}))
    assert refused.json()["flaw"] == "too_large"


SESSIONS_NOW = sa.text("SELECT count(*) FROM placet.replay_session")


def opening(issuer: Issuer) -> Side:
    """Return what opens a session on an issuer's word."""
    desk = issuer.desk
    said = OpenSession(assertion=encode_envelope(issuer.says({"id": "ann"})))
    return Side(
        desk.runtime,
        lambda tx: sessions.open_session(tx, desk.runtime, said, Policies(), desk.ids),
    )


def revoking(issuer: Issuer) -> Side:
    """Return what ends an issuer's registration, and counts the sessions that are there then."""
    desk = issuer.desk

    async def work(tx: Writing) -> object:
        gone = RevokeIssuer(reason="stolen")
        await issuers.revoke_issuer(tx, issuer.issuer_id, gone, desk.ids)
        ((count,),) = await tx.rows(SESSIONS_NOW)
        return count

    return Side(desk.workplace.founder, work)


async def test_a_revocation_waits_for_the_session_that_is_being_opened(
    desk: Desk, issuer: Issuer
) -> None:
    await desk.session()  # the first moves the plan, and waits for the stream that tells so
    opened, count = await overtake(desk.db, opening(issuer), revoking(issuer))
    assert isinstance(opened, SessionView)
    assert count == 2


async def test_no_session_is_opened_while_its_issuer_is_revoked(desk: Desk, issuer: Issuer) -> None:
    await desk.session()
    count, opened = await overtake(desk.db, revoking(issuer), opening(issuer))
    assert count == 1
    assert isinstance(opened, AssertionRefused)
    assert opened.flaw is AssertionFlaw.ISSUER_REVOKED


async def test_of_two_openings_on_one_assertion_one_opens(desk: Desk, issuer: Issuer) -> None:
    side = opening(issuer)
    opened, second = await overtake(desk.db, side, side)
    assert isinstance(opened, SessionView)
    assert isinstance(second, AssertionRefused)
    assert second.flaw is AssertionFlaw.USED
