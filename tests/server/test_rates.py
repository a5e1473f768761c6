"""One key may ask so often; whoever asks more often is told when to come back."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from litestar import Litestar
from tests.replay.desk import REQUEST_HASH, Desk
from tests.replay.desk_on import desk_on
from tests.server.conftest import started

from placet.kernel.clock import SystemClock
from placet.kernel.ids import Ids
from placet.server.app import create_app
from placet.server.rates import BURST_SECONDS, KEYS_MAX, Rates
from placet.settings import Settings

RATE = 4


@pytest.fixture
async def app(tmp_path: Path, database_url: str) -> AsyncIterator[Litestar]:
    """An application on which a key may ask so often."""
    settings = Settings(data_dir=tmp_path, key_rate_per_second=RATE)
    async with started(create_app(settings, database_url)) as made:
        yield made


@pytest.fixture
async def desk(app: Litestar, ids: Ids) -> AsyncIterator[Desk]:
    """A refund desk on it."""
    async with desk_on(app, ids, Desk) as made:
        yield made


async def test_who_asks_too_often_is_told_when_to_come_back_and_nothing_is_written(
    desk: Desk,
) -> None:
    worker = await desk.worker()
    asked = {"request_hash": REQUEST_HASH}
    answers = [await worker.post("preflight", asked) for _ in range(6 * RATE)]
    refused = [one for one in answers if one.status_code != 200]
    assert {(one.status_code, one.json()["code"]) for one in refused} == {(429, "rate_limited")}
    assert all(one.headers["Retry-After"] == "1" for one in refused)
    # The next request's number is gapless, so none of those that were refused left a trace.
    seqs = [one.json()["request_seq"] for one in answers if one.status_code == 200]
    assert seqs == list(range(1, len(seqs) + 1))
    assert RATE / 2 < len(seqs) < 6 * RATE


async def test_a_key_is_the_same_however_its_header_is_written(desk: Desk) -> None:
    worker = await desk.worker()
    written = [f"{scheme} {desk.runtime_key}" for scheme in ("Bearer", "bearer", "Bearer ")]
    path = f"/api/v1/replay/sessions/{worker.session_id}"
    clock = SystemClock()
    begun = clock.monotonic()
    answers = [
        await desk.client.get(path, headers={"Authorization": written[n % 3]})
        for n in range(6 * RATE)
    ]
    given_since = RATE * (clock.monotonic() - begun)
    passed = sum(one.status_code == 200 for one in answers)
    assert passed <= RATE * BURST_SECONDS + given_since + 1


async def test_what_is_urgent_and_other_keys_are_not_counted(desk: Desk) -> None:
    worker = await desk.worker()
    while (await worker.post("preflight", {"request_hash": REQUEST_HASH})).status_code == 200:
        pass
    assert (await worker.lease("renew")).status_code == 200
    path = f"/api/v1/replay/sessions/{worker.session_id}"
    assert (await desk.get(path, desk.operator_key)).status_code == 200
    assert (await worker.post("kill", {"reason": "enough"}, desk.operator_key)).status_code == 200


def test_a_key_has_one_second_at_once_and_then_its_rate() -> None:
    rates = Rates(10)
    passed = sum(rates.wait(b"a", 100.0) == 0 for _ in range(50))
    assert passed == 10 * BURST_SECONDS + 1
    wait = rates.wait(b"a", 100.0)
    assert 0 < wait <= 0.2
    assert rates.wait(b"a", 100.0 + wait) == 0
    assert rates.wait(b"a", 100.0 + wait) > 0
    assert rates.wait(b"b", 100.0) == 0


def test_no_rate_and_no_key_are_never_told_to_wait() -> None:
    assert {Rates(0).wait(b"a", 1.0) for _ in range(100)} == {0.0}
    assert {Rates(1).wait(b"", 1.0) for _ in range(100)} == {0.0}


def test_those_who_have_waited_long_enough_are_forgotten_first() -> None:
    rates = Rates(1)
    rates.wait(b"now", 100.0)
    for n in range(KEYS_MAX - 1):
        rates.wait(b"old %d" % n, 10.0)
    rates.wait(b"new", 100.0)
    assert len(rates._next) == 2  # noqa: SLF001 -- what it keeps is what has the bound
    for n in range(2 * KEYS_MAX):
        rates.wait(b"many %d" % n, 100.0)
    assert len(rates._next) <= KEYS_MAX  # noqa: SLF001 -- as above
