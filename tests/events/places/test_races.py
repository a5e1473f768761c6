"""Writers that meet on one stream; and the same with a guard taken away, which some race shows."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import asyncpg
import pytest
from tests.conftest import Server, found
from tests.events.kept import Store
from tests.events.places import scenes
from tests.events.places.scenes import SCENES, Scene

from placet.kernel.ids import Ids
from placet.storage.database import Database
from placet.storage.functions import statements

PLACE: Final = "event_place_v1"


@dataclass(frozen=True)
class Mutant:
    """A place in a function, what stands there instead, and the race that shows it."""

    name: str
    old: str
    new: str
    caught_by: Scene
    file: str = PLACE


MUTANTS: Final = (
    Mutant(
        "takes no lock",
        "stream_id = p_stream FOR NO KEY UPDATE;",
        "stream_id = p_stream;",
        scenes.two_expect_the_same,
    ),
    Mutant(
        "asks nothing again once another made the stream",
        "EXIT WHEN FOUND;",
        "EXIT;",
        scenes.two_make_a_stream_and_expect_nothing,
    ),
    Mutant(
        "expects nothing",
        "IF p_expected + there <> s.next_seq - 1 OR NOT is_placed THEN",
        "IF false THEN",
        scenes.two_expect_the_same,
    ),
    Mutant(
        "takes any beginning for the batch's",
        "<> s.next_seq - 1 OR NOT is_placed THEN",
        "<> s.next_seq - 1 THEN",
        scenes.a_batch_out_of_its_place,
    ),
    Mutant(
        "knows no event again",
        "CONTINUE WHEN NOT FOUND;",
        "CONTINUE;",
        scenes.the_same_batch_twice_at_once,
    ),
    Mutant(
        "takes another event for the same",
        "IF found_at.type <> p_types[i] OR found_at.body_hash <> sha256(",
        "IF false AND found_at.body_hash <> sha256(",
        scenes.two_events_under_one_id,
    ),
    Mutant(
        "compares under the salt of the retry",
        "|| found_at.salt || p_bodies[i])",
        "|| p_salts[i] || p_bodies[i])",
        scenes.the_same_batch_twice_at_once,
    ),
    Mutant("mixes", "IF there <> i - 1 THEN", "IF false THEN", scenes.a_batch_out_of_its_place),
    Mutant(
        "has no fence",
        "IF (p_epoch, p_fence) < (epoch, fence) OR p_epoch <> v_epoch",
        "IF p_epoch <> v_epoch",
        scenes.a_lower_fence_behind_a_higher,
    ),
    Mutant(
        "lets whoever names no fence in",
        "OR (p_fence IS NULL AND fence > 0)",
        "",
        scenes.a_lower_fence_behind_a_higher,
    ),
    Mutant(
        "writes into forks of authority",
        "AND f.is_read_only)",
        "AND false)",
        scenes.an_append_beside_a_fork_to_read,
    ),
    Mutant(
        "takes what came later for a parent",
        "AND p.seq <= v_until)",
        ")",
        scenes.a_parent_after_the_fork,
        file="event_known_v1",
    ),
)


@pytest.fixture
async def own(fresh_database_url: str, ids: Ids) -> AsyncIterator[Store]:
    """A store in a database of its own, whose functions may be changed."""
    db = await Database.open(fresh_database_url)
    yield Store(db, (await found(db, ids)).founder, ids)
    await db.close()


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
async def test_writers_that_meet_leave_one_history(store: Store, scene: Scene) -> None:
    assert await scene(store) == []


async def test_every_guard_that_is_taken_away_is_missed_by_some_race(
    server: Server, fresh_database_url: str, own: Store
) -> None:
    admin = await asyncpg.connect(server.admin(urlsplit(fresh_database_url).path[1:]))
    unnoticed = []
    for mutant in MUTANTS:
        (text,) = statements("placet.events", mutant.file)
        assert text.count(mutant.old) == 1, mutant.name
        await _replace(admin, text.replace(mutant.old, mutant.new))
        if not await mutant.caught_by(own):
            unnoticed.append(mutant.name)
        await _replace(admin, text)
    await admin.close()
    assert unnoticed == []


async def _replace(admin: "asyncpg.Connection[Any]", text: str) -> None:
    await admin.execute(text.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"))
