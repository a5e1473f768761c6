"""A connection knows the functions of a step before it is lent."""

import pytest

from placet.storage.database import Database
from placet.storage.warm import STEP, called

_KNOWN = "SELECT statement FROM pg_prepared_statements"
_EXIST = "SELECT proname, pronargs FROM pg_proc WHERE pronamespace = 'placet'::regnamespace"


async def test_a_new_connection_has_prepared_every_function_of_a_step(database_url: str) -> None:
    db = await Database.open(database_url)
    known = {row["statement"] for row in await db.hot.rows(_KNOWN)}
    arguments = {row["proname"]: row["pronargs"] for row in await db.hot.rows(_EXIST)}
    await db.close()
    assert {called(name, arguments[name]) for name in STEP} <= known


@pytest.mark.parametrize("name", STEP)
async def test_a_function_of_a_step_answers_nobody_with_unknown(db: Database, name: str) -> None:
    arguments = {row["proname"]: row["pronargs"] for row in await db.hot.rows(_EXIST)}[name]
    (row,) = await db.hot.rows(called(name, arguments), *[None] * arguments)
    assert row["code"] == "unknown"
    assert {value for key, value in row.items() if key != "code"} <= {None, False}
