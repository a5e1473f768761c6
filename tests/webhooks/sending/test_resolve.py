"""A name server that hangs costs its own tenant, and nobody else."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import ip_address
from uuid import UUID

import pytest

from placet.webhooks.endpoints.rules import Address
from placet.webhooks.sending.resolve import (
    LOOK_UPS_PER_ASKER,
    MARKED_MAX,
    SLOW_THREADS,
    THREADS,
    LookUpsFull,
    Marks,
    SystemResolver,
)

SLOW = UUID(int=1)
QUICK = UUID(int=2)
PUBLIC = ip_address("8.8.8.8")


class Names:
    """A name server: `hangs…` hangs until it is let go, `gone` stands for nothing."""

    def __init__(self) -> None:
        """Begin with nothing asked."""
        self.asked: list[str] = []
        self.gate = threading.Event()

    def look_up(self, host: str) -> list[Address]:
        """Answer as the name says."""
        self.asked.append(host)
        if host.startswith("hangs"):
            self.gate.wait(20)
        return [] if host == "gone" else [PUBLIC]


@pytest.fixture
def names() -> Iterator[Names]:
    made = Names()
    yield made
    made.gate.set()


async def give_up_on(resolver: SystemResolver, host: str, asker: UUID = SLOW) -> None:
    """Ask for so long as a call may take, here less."""
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.02):
            await resolver(host, asker)


async def begun(resolver: SystemResolver, names: Names) -> list[str]:
    """Return what was asked, once a thread has begun with each question that is under way."""
    async with asyncio.timeout(60):
        while len(names.asked) < len(resolver._asked):  # noqa: ASYNC110, SLF001 -- threads tell nobody
            await asyncio.sleep(0)
    return names.asked


async def flood(resolver: SystemResolver, tenants: int) -> None:
    """Let many tenants ask at once, each for as many names that hang as it may."""

    async def ask(tenant: int, name: int) -> None:
        with suppress(LookUpsFull):
            await give_up_on(resolver, f"hangs{tenant}_{name}", UUID(int=1_000 + tenant))

    asked = [ask(tenant, name) for tenant in range(tenants) for name in range(LOOK_UPS_PER_ASKER)]
    await asyncio.gather(*asked)


async def test_names_that_hang_use_up_the_room_of_their_tenant_alone(names: Names) -> None:
    resolver = SystemResolver(names.look_up)
    for number in range(LOOK_UPS_PER_ASKER):
        await give_up_on(resolver, f"hangs{number}")
        await begun(resolver, names)
    with pytest.raises(LookUpsFull):
        await resolver("more", SLOW)
    assert await resolver("quick", QUICK) == [PUBLIC]
    assert names.asked == ["hangs0", "hangs1", "quick"]


async def test_sixteen_tenants_whose_names_hang_leave_room_for_others(names: Names) -> None:
    resolver = SystemResolver(names.look_up)
    await flood(resolver, 16)
    assert THREADS // 2 <= len(await begun(resolver, names)) < THREADS
    assert await resolver("quick", QUICK) == [PUBLIC]


async def test_tenants_whose_names_hung_have_a_few_threads_together(names: Names) -> None:
    resolver = SystemResolver(names.look_up)
    await flood(resolver, SLOW_THREADS // LOOK_UPS_PER_ASKER)
    assert len(await begun(resolver, names)) == SLOW_THREADS
    # Both wait for the question that the first has asked.
    await asyncio.gather(*(give_up_on(resolver, "hangs", asker) for asker in (SLOW, QUICK)))
    for asker in (SLOW, QUICK):
        with pytest.raises(LookUpsFull):
            await resolver("more", asker)
    assert await resolver("third", UUID(int=3)) == [PUBLIC]


def test_a_mark_runs_out_and_of_too_many_the_last_is_not_put() -> None:
    marks = Marks(10)
    for number in range(MARKED_MAX):
        marks.put(number, 0)
    marks.put("more", 5)
    assert marks.holds(0, 9)
    assert not marks.holds(0, 10)
    assert not marks.holds("more", 5)
    marks.put("more", 10)
    assert marks.holds("more", 19)


async def test_questions_about_one_name_at_once_are_one_question(names: Names) -> None:
    resolver = SystemResolver(names.look_up)
    asking = asyncio.gather(*(resolver("hangs", SLOW) for _ in range(8)))
    await asyncio.sleep(0)
    names.gate.set()
    assert await asking == [[PUBLIC]] * 8
    assert names.asked == ["hangs"]
    assert await resolver("hangs", SLOW) == [PUBLIC]
    assert names.asked == ["hangs", "hangs"], "an answer is used for no later call"


async def test_a_name_that_hung_or_stands_for_nothing_is_not_asked_again_at_once(
    names: Names,
) -> None:
    resolver = SystemResolver(names.look_up)
    await give_up_on(resolver, "hangs")
    await begun(resolver, names)
    for _ in range(2):
        assert await resolver("hangs", SLOW) == []
        assert await resolver("gone", SLOW) == []
    assert names.asked == ["hangs", "gone"]


async def test_a_question_that_has_ended_makes_room_again(names: Names) -> None:
    resolver = SystemResolver(names.look_up)
    for number in range(10):
        assert await resolver(f"name{number}", SLOW) == [PUBLIC]
