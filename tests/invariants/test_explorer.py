"""Every order in which a worker, a rival and an operator can meet, and what must hold of each.

The mutants show that the explorer sees what it should: each breaks a claim in a few combinations.
"""

from collections import Counter
from collections.abc import AsyncIterator

import pytest
from tests.invariants.explored import WIDE, Combination, Grounds, Seat, actors
from tests.invariants.explored_judged import judge, ran_out, stored
from tests.invariants.explorer import Frontier, Play, play
from tests.invariants.guards import MUTANTS
from tests.invariants.interleave import code_of
from tests.invariants.mutants import installed
from tests.invariants.python_mutants import (
    CLAIMED_FAILURE_FREES_THE_KEY,
    LIMIT_COUNTS_COMMITS_ONLY,
    PythonMutant,
    patched,
)
from tests.invariants.serial import Result, result_of, strays
from tests.invariants.stage import Stage

LEAST = 5000
SEATS = 24
TIMEOUTS = ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout")
GIVEN = "heir is given the lease"
PAIRS = (
    ("open", ("worker proposes", "worker starts"), (GIVEN,)),
    ("open", ("worker proposes", "worker starts"), ("twin proposes",)),
    ("open", ("worker notes", "worker notes"), ("twin notes",)),
    ("open", ("worker renews", "worker proposes"), (GIVEN,)),
    ("granted", ("worker starts", "worker succeeds"), (GIVEN,)),
    ("granted", ("worker fails", "worker refunds"), (GIVEN,)),
    ("granted", ("worker starts", "worker fails"), ("twin starts",)),
    ("granted", ("worker succeeds", "worker refunds"), ("operator says it succeeded",)),
)
STOPS = (
    "session is killed",
    "session is closed",
    "tenant is killed",
    "agent is killed",
    "tool is killed",
    "operator settles",
)
MORE = (
    *(
        ("asked", ("worker claims",), rival, stop)
        for rival in (("twin claims",), (GIVEN,))
        for stop in (
            "session is killed",
            "session is closed",
            "tenant is killed",
            "agent is killed",
        )
    ),
    *(("open", ("worker calls at once",), ("twin calls at once",), stop) for stop in STOPS[:3]),
    *(
        ("granted", ("worker succeeds and goes on",), (GIVEN,), stop)
        for stop in (
            "session is killed",
            "session is closed",
            "agent is killed",
            "operator settles",
        )
    ),
    *(
        ("overdue", script, rival, "session is swept")
        for script, rival in (
            (("worker renews", "worker succeeds"), (GIVEN,)),
            (("worker refunds",), (GIVEN,)),
            (("worker fails",), ("operator says it succeeded",)),
            (("worker releases",), ("twin takes the lease anew",)),
        )
    ),
)
PLAYED: Counter[str] = Counter()


async def explore(
    grounds: Grounds, combination: Combination, *, until_broken: bool = False
) -> tuple[int, list[str]]:
    """Play every schedule of a combination. Returns how many there are, and what each broke."""
    frontier = Frontier()
    plays: list[tuple[Play, Result]] = []
    broken: list[str] = []
    while batch := await _played(grounds, combination, frontier):
        sessions = [seat.session_id for seat, _ in batch]
        found = await stored(grounds.stage.watch, sessions)
        if lost := await ran_out(grounds.stage.watch, sessions):
            broken.append(f"{lost} leases ran out, which no order of works tells of: too slow")
        for seat, one in batch:
            kept = found[seat.session_id]
            plays.append((one, result_of(one, kept)))
            broken += [f"{claim} in {order(one)}" for claim in judge(seat, one, kept)]
        if broken and until_broken:
            return len(plays), broken
    broken += [f"no serial order comes to {order(one)}" for one, _ in strays(plays)]
    return len(plays), broken


async def _played(
    grounds: Grounds, combination: Combination, frontier: Frontier
) -> list[tuple[Seat, Play]]:
    """Play the next schedules, as many as there are seats for."""
    made: list[tuple[Seat, Play]] = []
    seats = await grounds.seats(combination.ground, SEATS) if frontier else []
    while seats and frontier:
        seat = seats.pop()
        one = await play(grounds.stage.watch, actors(seat, combination), frontier.take())
        if combination.wide:
            await grounds.rewind()
        if frontier.add(one):
            made.append((seat, one))
    return made


def order(played: Play) -> str:
    """Return a play as its works in the order of their commits, and what each came to."""
    works = (f"{one.name} ({code_of(one.outcome)})" for one in played.done)
    return f"{played.schedule}: " + ", ".join(works)


@pytest.fixture(scope="module")
async def tenants(stage: Stage) -> AsyncIterator[dict[str | None, Grounds]]:
    """Tenants in production, on connections that are patient with a slow machine.

    There is one for each wide kill and one for none: a rewound kill of another kind is still a row
    that a session may take for a newer control.
    """
    for side in stage.sides:
        for name in TIMEOUTS:
            await side.connection.execute(f"SET {name} = 0")
    yield {kind: await Grounds.laid(stage) for kind in (None, *WIDE)}
    for side in stage.sides:
        for name in TIMEOUTS:
            await side.connection.execute(f"RESET {name}")


@pytest.mark.parametrize("stop", STOPS)
@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: " and ".join((*pair[1], *pair[2])))
async def test_every_interleaving_keeps_every_claim(
    tenants: dict[str | None, Grounds],
    pair: tuple[str, tuple[str, ...], tuple[str, ...]],
    stop: str,
) -> None:
    combination = Combination(*pair, (stop,))
    PLAYED[str(combination)], broken = await explore(tenants[combination.wide], combination)
    assert broken == []


@pytest.mark.parametrize(
    "more", MORE, ids=lambda more: " and ".join((more[0], *more[1], *more[2], more[3]))
)
async def test_every_meeting_with_a_claim_a_whole_step_or_a_sweep_keeps_every_claim(
    tenants: dict[str | None, Grounds],
    more: tuple[str, tuple[str, ...], tuple[str, ...], str],
) -> None:
    combination = Combination(*more[:3], (more[3],))
    PLAYED[str(combination)], broken = await explore(tenants[combination.wide], combination)
    assert broken == []


def test_there_were_enough_interleavings() -> None:
    assert PLAYED.total() >= LEAST


REAL = {mutant.name: mutant for mutant in MUTANTS}
SEEN = {
    "fence_not_compared": ("open", ("worker proposes",), ("twin takes the lease anew",), ()),
    "fence_only_read_for_renewals": ("open", ("worker renews",), (GIVEN,), ()),
    "fence_read_before_the_lock_in_a_steal_before_a_response": (
        "open",
        ("worker proposes",),
        (GIVEN,),
        (),
    ),
    "fence_read_before_the_lock_in_a_kill_before_a_start": (
        "granted",
        ("worker starts",),
        (),
        ("session is killed",),
    ),
    "gate_left_out_of_responses": ("open", ("worker proposes",), (), ("tenant is killed",)),
    "gate_left_out_of_starts": ("granted", ("worker starts",), (), ("agent is killed",)),
    "kill_without_a_revision": ("granted", (), (), ("session is killed",)),
    "write_before_a_check": ("open", ("worker notes",), ("twin proposes",), ()),
    "late_receipt_refused": ("granted", ("worker starts", "worker succeeds"), (GIVEN,), ()),
    "fence_unread_by_a_claim": ("asked", ("worker claims",), (GIVEN,), ()),
    "gate_missing_in_a_claim": ("asked", ("worker claims",), (), ("tenant is killed",)),
    "sweep_forgets_receipts": ("overdue", ("worker succeeds",), (GIVEN,), ("session is swept",)),
    "fence_not_compared in what goes on": (
        "granted",
        ("worker succeeds and goes on",),
        ("twin takes the lease anew",),
        (),
    ),
    "status_unread_by_responses at once": (
        "open",
        ("worker calls at once",),
        (),
        ("session is killed",),
    ),
    "started_twice": ("granted", ("worker starts",), ("twin starts",), ()),
}
PYTHON = (
    (LIMIT_COUNTS_COMMITS_ONLY, ("open", ("worker notes", "worker notes"), (), ())),
    (CLAIMED_FAILURE_FREES_THE_KEY, ("granted", ("worker fails", "worker refunds"), (), ())),
)


@pytest.mark.parametrize("name", SEEN)
async def test_the_explorer_sees_a_guard_missing_in_the_database(
    stage: Stage, tenants: dict[str | None, Grounds], name: str
) -> None:
    combination = Combination(*SEEN[name])
    async with installed(stage.owner, REAL[name.split(maxsplit=1)[0]]):
        _, broken = await explore(tenants[combination.wide], combination, until_broken=True)
    assert broken != []
    _, broken = await explore(tenants[combination.wide], combination)
    assert broken == []


@pytest.mark.parametrize("mutant", [one for one, _ in PYTHON], ids=lambda one: one.name)
async def test_the_explorer_sees_a_guard_missing_in_the_rules(
    tenants: dict[str | None, Grounds], mutant: PythonMutant
) -> None:
    combination = Combination(*dict(PYTHON)[mutant])
    with patched(mutant):
        _, broken = await explore(tenants[combination.wide], combination, until_broken=True)
    assert broken != []
    _, broken = await explore(tenants[combination.wide], combination)
    assert broken == []
