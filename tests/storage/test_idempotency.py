"""An answer is kept once for its key, for so long, and work apart is done by one at a time."""

from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from tests.conftest import Workplace

from placet.kernel.refusals import IdempotencyConflict, RequestInProgress
from placet.storage import idempotency
from placet.storage.database import Database
from placet.storage.idempotency import Claim, KeptAnswer

ROUTE = "POST /tests"
ASKED = b"a" * 32


class Requests:
    """Requests of one actor with one key."""

    def __init__(self, db: Database, workplace: Workplace) -> None:
        """Stand on a tenant of the test's own."""
        self.db = db
        self.founder = workplace.founder

    async def claim(self, fingerprint: bytes = ASKED) -> Claim | KeptAnswer:
        """Claim the key, in a transaction of its own."""
        async with self.db.writing(self.founder) as tx:
            return await idempotency.claim_apart(tx, route=ROUTE, key="k", fingerprint=fingerprint)

    async def claimed(self) -> Claim:
        """Claim the key and have it."""
        claim = await self.claim()
        assert isinstance(claim, Claim)
        return claim

    async def answer(self, claim: Claim, body: bytes) -> None:
        """Do the work of a claim and keep its answer."""
        async with self.db.writing(self.founder) as tx:
            await idempotency.hold_claim(tx, claim)
            await idempotency.keep_answer(tx, route=ROUTE, key="k", status=201, body=body)

    async def release(self, claim: Claim) -> None:
        """Give a claim back."""
        async with self.db.writing(self.founder) as tx:
            await idempotency.release_claim(tx, claim)


@pytest.fixture
def requests(db: Database, workplace: Workplace) -> Requests:
    return Requests(db, workplace)


async def test_a_key_that_is_claimed_is_nobody_elses_until_it_is_given_back(
    requests: Requests,
) -> None:
    claim = await requests.claimed()
    with pytest.raises(RequestInProgress):
        await requests.claim()
    await requests.release(claim)
    await requests.claimed()


async def test_what_was_answered_is_kept_and_is_not_given_back(requests: Requests) -> None:
    claim = await requests.claimed()
    await requests.answer(claim, b"first")
    await requests.release(claim)
    kept = await requests.claim()
    assert isinstance(kept, KeptAnswer)
    assert (kept.status, kept.body) == (201, b"first")
    with pytest.raises(IdempotencyConflict):
        await requests.claim(b"b" * 32)


async def test_whoever_comes_back_to_a_lapsed_claim_that_another_has_taken_has_no_effect(
    requests: Requests, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead = await requests.claimed()
    monkeypatch.setattr(idempotency, "APART_FOR", timedelta())
    alive = await requests.claimed()
    with pytest.raises(RequestInProgress):
        await requests.answer(dead, b"late")
    await requests.release(dead)
    await requests.answer(alive, b"first")
    kept = await requests.claim()
    assert isinstance(kept, KeptAnswer)
    assert kept.body == b"first"


def test_preparing_ends_well_before_its_claim_lapses() -> None:
    assert idempotency.PREPARING_FOR + timedelta(seconds=30) <= idempotency.APART_FOR


async def answered(requests: Requests, key: str, days: int, admin: Any) -> None:  # noqa: ANN401 -- a connection
    """Have an answer that was kept so many days ago."""
    async with requests.db.writing(requests.founder) as tx:
        await idempotency.first_answer(tx, route=ROUTE, key=key, fingerprint=ASKED)
        await idempotency.keep_answer(tx, route=ROUTE, key=key, status=201, body=b"{}")
    await admin.execute(
        "UPDATE placet.idempotency_answer SET created_at = clock_timestamp() - $1::interval"
        " WHERE tenant_id = $2 AND key = $3",
        timedelta(days=days),
        requests.founder.tenant_id,
        key,
    )


async def kept(requests: Requests, admin: Any) -> list[str]:  # noqa: ANN401 -- a connection
    """Return the keys of answers that are kept."""
    rows = await admin.fetch(
        "SELECT key FROM placet.idempotency_answer WHERE tenant_id = $1 ORDER BY key",
        requests.founder.tenant_id,
    )
    return [row["key"] for row in rows]


async def test_answers_are_swept_once_they_are_old_the_oldest_first_and_no_others(
    requests: Requests, admin: "asyncpg.Connection[Any]", monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await kept(requests, admin)
    for key, days in {"old": 8, "older": 9, "young": 6}.items():
        await answered(requests, key, days, admin)
    monkeypatch.setattr(idempotency, "SWEPT_AT_ONCE", 1)

    async def swept() -> int:
        async with requests.db.writing(requests.founder) as tx:
            return await idempotency.sweep_answers(tx)

    assert await swept() == 1
    assert await kept(requests, admin) == sorted([*before, "old", "young"])
    assert (await swept(), await swept()) == (1, 0)
    assert await kept(requests, admin) == sorted([*before, "young"])


async def test_a_key_whose_answer_is_too_old_stands_for_a_new_request(
    requests: Requests, admin: "asyncpg.Connection[Any]"
) -> None:
    await answered(requests, "k", 8, admin)
    assert isinstance(await requests.claim(b"b" * 32), Claim)


async def test_whoever_has_answers_has_a_sweep_of_them_due(
    requests: Requests, admin: "asyncpg.Connection[Any]"
) -> None:
    await answered(requests, "k", 0, admin)
    due = await admin.fetchval(
        "SELECT due_at - clock_timestamp() FROM placet.work_due"
        " WHERE kind = 'sweep_answers' AND tenant_id = $1 AND ref = tenant_id",
        requests.founder.tenant_id,
    )
    assert timedelta(days=6) < due <= idempotency.KEPT_FOR
