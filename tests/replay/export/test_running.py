"""How many exports of a tenant run at one time, and that places come back."""

from collections.abc import AsyncGenerator

import pytest
from litestar import Litestar
from tests.replay.desk import Desk

from placet.audit.bundles.model import ErasedMeanwhile
from placet.kernel.ids import Ids, TenantId
from placet.replay.export.model import TooManyExports
from placet.replay.export.running import RUNNING_MAX, Exports, Place, Width, in_place
from placet.tenancy.model import Role

BUNDLES = "/api/v1/audit/bundles"


async def parts() -> AsyncGenerator[bytes]:
    """Yield what an export would."""
    yield b"first"
    yield b"last"


async def broken() -> AsyncGenerator[bytes]:
    """Yield less than there should be."""
    yield b"first"
    raise ErasedMeanwhile(detail="bodies were erased")


def begun(
    exports: Exports,
    tenant_id: TenantId,
    lines: AsyncGenerator[bytes],
    width: Width = Width.AUDIT,
) -> AsyncGenerator[bytes]:
    """Begin an export as a route does, and return what it hands on."""
    with exports.begin(tenant_id, width) as place:
        return in_place(place, lines)


@pytest.fixture
def tenant_id(ids: Ids) -> TenantId:
    """A tenant that nobody else has."""
    return TenantId(ids.new())


@pytest.fixture
def full(tenant_id: TenantId) -> tuple[Exports, list[AsyncGenerator[bytes]]]:
    """As many exports as may run, and what they hand on."""
    exports = Exports()
    return exports, [begun(exports, tenant_id, parts()) for _ in range(RUNNING_MAX[Width.AUDIT])]


def is_full(exports: Exports, tenant_id: TenantId) -> bool:
    try:
        with exports.begin(tenant_id, Width.AUDIT) as place:
            place.leave()
    except TooManyExports:
        return True
    return False


def test_one_more_is_refused_and_another_tenant_is_not(
    full: tuple[Exports, list[AsyncGenerator[bytes]]], tenant_id: TenantId, ids: Ids
) -> None:
    exports, _ = full
    assert is_full(exports, tenant_id)
    assert not is_full(exports, TenantId(ids.new()))
    with exports.begin(tenant_id, Width.SESSION):
        pass


async def test_an_export_that_was_taken_to_its_end_gives_its_place_back(
    full: tuple[Exports, list[AsyncGenerator[bytes]]], tenant_id: TenantId
) -> None:
    exports, running = full
    assert [part async for part in running[0]] == [b"first", b"last"]
    assert not is_full(exports, tenant_id)


async def test_an_export_that_is_given_up_on_the_way_gives_its_place_back(
    full: tuple[Exports, list[AsyncGenerator[bytes]]], tenant_id: TenantId
) -> None:
    exports, running = full
    assert await anext(running[0]) == b"first"
    assert is_full(exports, tenant_id)
    await running[0].aclose()
    assert not is_full(exports, tenant_id)


async def test_an_export_that_breaks_off_gives_its_place_back(tenant_id: TenantId) -> None:
    exports = Exports()
    # Kept with everything that they passed, as whoever logs them may.
    faults: list[ErasedMeanwhile] = []
    for _ in range(2 * RUNNING_MAX[Width.AUDIT]):
        sent = begun(exports, tenant_id, broken())
        assert await anext(sent) == b"first"
        with pytest.raises(ErasedMeanwhile) as fault:
            await anext(sent)
        faults.append(fault.value)
    assert not is_full(exports, tenant_id)


def test_an_export_that_never_began_gives_its_place_back(
    full: tuple[Exports, list[AsyncGenerator[bytes]]], tenant_id: TenantId
) -> None:
    exports, running = full
    running.pop()
    assert not is_full(exports, tenant_id)


def refused(exports: Exports, tenant_id: TenantId, kept: list[Place]) -> None:
    with exports.begin(tenant_id, Width.AUDIT) as place:
        # As a fault does that is kept with everything that it passed.
        kept.append(place)
        raise ErasedMeanwhile(detail="nothing is there")


def test_an_export_that_is_refused_gives_its_place_back_at_once(tenant_id: TenantId) -> None:
    exports = Exports()
    kept: list[Place] = []
    for _ in range(2 * RUNNING_MAX[Width.AUDIT]):
        with pytest.raises(ErasedMeanwhile):
            refused(exports, tenant_id, kept)
    assert not is_full(exports, tenant_id)


async def test_whoever_exports_while_as_many_run_as_may_is_told_what_to_do(
    desk: Desk, app: Litestar
) -> None:
    _, key = await desk.workplace.person("auditor", Role.AUDITOR)
    exports: Exports = app.state[Exports.__name__]
    worker = await desk.worker()
    of_a_run = f"/api/v1/audit/streams/{worker.session_id}/export"
    wide, narrow = [BUNDLES, "/api/v1/replay/bundle", of_a_run], f"{worker.path}/bundle"
    running = [
        begun(exports, desk.workplace.tenant_id, parts()) for _ in range(RUNNING_MAX[Width.AUDIT])
    ]
    for path in wide:
        told = await desk.get(path, key)
        assert (told.status_code, told.json()["code"]) == (429, "too_many_exports")
        assert int(told.headers["retry-after"]) > 0
        assert "wait until one of them has ended" in told.json()["hint"]
    assert (await desk.get(narrow, key)).status_code == 200
    running.pop()
    for path in wide:
        for _ in range(RUNNING_MAX[Width.AUDIT] + 1):
            assert (await desk.get(path, key)).status_code == 200
    # A session's bundle has places of its own.
    running = [
        begun(exports, desk.workplace.tenant_id, parts(), Width.SESSION)
        for _ in range(RUNNING_MAX[Width.SESSION])
    ]
    assert (await desk.get(narrow, key)).json()["code"] == "too_many_exports"
    running.pop()
    assert (await desk.get(narrow, key)).status_code == 200
