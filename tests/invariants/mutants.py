"""Database functions with a guard taken away.

A mutant is a change of the text of the SQL files; every change must find its place in the text
exactly once. It is installed over the real functions and taken out again.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
from tests.invariants.claims import Scene

from placet.storage.functions import statements

PACKAGES = dict.fromkeys(("gate_v1", "gate_raise_v1", "control_reach_v1"), "placet.authority")


@dataclass(frozen=True)
class Change:
    """One place in a SQL file, and what stands there instead."""

    file: str
    old: str
    new: str


@dataclass(frozen=True)
class Mutant:
    """A broken copy of the functions, the invariant it breaks and the race that shows it."""

    name: str
    breaks: str
    caught_by: Scene
    changes: tuple[Change, ...] = ()
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


def one(file: str, old: str, new: str) -> tuple[Change, ...]:
    """Return a single change."""
    return (Change(file, old, new),)


def source(file: str) -> str:
    """Return the text of a SQL file."""
    return "".join(statements(PACKAGES.get(file, "placet.replay"), file))


def mutated(mutant: Mutant) -> dict[str, str]:
    """Return the changed text of each file that a mutant changes."""
    texts: dict[str, str] = {}
    for change in mutant.changes:
        text = texts.get(change.file, source(change.file))
        assert text.count(change.old) == 1, f"{mutant.name}: its place in {change.file}"
        texts[change.file] = text.replace(change.old, change.new)
    return texts


@asynccontextmanager
async def installed(owner: "asyncpg.Connection[Any]", mutant: Mutant) -> AsyncIterator[None]:
    """Have a mutant in the place of the real functions, as the owner, and take it out again."""
    texts = mutated(mutant)
    for statement in mutant.before:
        await owner.execute(statement)
    for text in texts.values():
        await _replace(owner, text)
    try:
        yield
    finally:
        for file in texts:
            await _replace(owner, source(file))
        for statement in mutant.after:
            await owner.execute(statement)


async def _replace(owner: "asyncpg.Connection[Any]", text: str) -> None:
    await owner.execute(text.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"))
