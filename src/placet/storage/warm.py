"""Warming a connection: the functions of a step are made known to it before it is lent.

The first call of a database function on a connection is slow: the text is prepared, the function
compiled, and what it reads is looked up. Each is called once with no key, which every hot function
answers with `unknown` before it reads or writes anything of anybody.
"""

from typing import Any, Final

import asyncpg

STEP: Final = (
    "preflight_v1",
    "propose_v1",
    "calls_v1",
    "start_v1",
    "receipt_v1",
    "receipt_prepare_v1",
)
_FOUND: Final = """
SELECT p.proname AS name, p.pronargs AS arguments
FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
WHERE n.nspname = 'placet' AND p.proname = ANY($1) ORDER BY p.proname
"""


def called(name: str, arguments: int) -> str:
    """Return the text that calls a function. A connection knows a function by this text."""
    places = ", ".join(f"${n}" for n in range(1, arguments + 1))
    return f"SELECT * FROM placet.{name}({places})"  # noqa: S608 -- names of our own functions


async def warm(connection: "asyncpg.Connection[Any]") -> None:
    """Call each function of a step once, for nobody. What the database lacks is left out."""
    for row in await connection.fetch(_FOUND, STEP):
        await connection.fetch(called(row["name"], row["arguments"]), *[None] * row["arguments"])
