"""The shop's own database of orders, and the two tools that work on it. Each call is one process'.

It knows Placet by what a tool's host gets with a call: the call's id, which makes one effect of a
repeated call, and the fence, of which it remembers the highest that it saw in each session. A lower
one is refused and noted: whoever has it was overtaken.
"""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from uuid import UUID

from placet.cli.demo.turns import CHAIR, LAMP, TABLE
from placet.kernel.value import Value

_SCHEMA: Final = """
CREATE TABLE orders (
    order_id TEXT PRIMARY KEY, item TEXT NOT NULL, status TEXT NOT NULL,
    total_cents INTEGER NOT NULL);
CREATE TABLE refunds (
    call_id TEXT PRIMARY KEY, order_id TEXT NOT NULL REFERENCES orders,
    amount_cents INTEGER NOT NULL, epoch INTEGER NOT NULL, fence INTEGER NOT NULL,
    made_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE fences (
    session_id TEXT PRIMARY KEY, epoch INTEGER NOT NULL, fence INTEGER NOT NULL);
CREATE TABLE refused_writes (
    call_id TEXT NOT NULL, epoch INTEGER NOT NULL, fence INTEGER NOT NULL,
    seen_epoch INTEGER NOT NULL, seen_fence INTEGER NOT NULL,
    refused_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP);
"""
_ORDERS: Final = (
    (LAMP, "lamp and two shades", "delivered", 61_900),
    (CHAIR, "chair", "delivered", 17_900),
    (TABLE, "table", "delivered", 12_900),
)
_WAIT_SECONDS: Final = 10.0

Fence = tuple[int, int]


class Visit(Value, frozen=True):
    """Who calls: the governed call, its session, and the fence that came with it, `epoch.n`."""

    session_id: UUID
    call_id: UUID
    fence: str

    @property
    def pair(self) -> Fence:
        """Return the fence as a pair that can be compared."""
        epoch, _, n = self.fence.partition(".")
        return int(epoch), int(n)


class Refund(Value, frozen=True):
    """A refund as it stands in the orders."""

    call_id: UUID
    order_id: str
    amount_cents: int


class StaleFence(Exception):  # noqa: N818 -- the shop says no, and is right
    """The caller was overtaken by one with a higher fence; nothing was written."""

    def __init__(self, ours: Fence, theirs: Fence) -> None:
        """Take the highest fence that was seen, and the caller's."""
        super().__init__(ours, theirs)
        self.ours = ours
        self.theirs = theirs

    def __str__(self) -> str:
        """Return one sentence."""
        return f"fence {_told(self.theirs)} is older than {_told(self.ours)}, which was here"


class Shop:
    """The orders in one file. Every method opens it, does one transaction, and closes it."""

    def __init__(self, file: Path) -> None:
        """Take the file; nothing is opened."""
        self.file = file

    def open_for_business(self) -> None:
        """Make the tables, and put the orders in."""
        with self._transaction() as db:
            db.executescript(_SCHEMA)
            db.executemany("INSERT INTO orders VALUES (?, ?, ?, ?)", _ORDERS)

    def look_up(self, visit: Visit, order_id: str) -> dict[str, str | int]:
        """Return an order. Raises `LookupError` where there is none, and `StaleFence`."""
        with self._transaction() as db:
            stale = _overtaken(db, visit)
            found = db.execute(
                "SELECT item, status, total_cents FROM orders WHERE order_id = ?", (order_id,)
            ).fetchone()
        if stale is not None:
            raise stale
        if found is None:
            message = f"there is no order {order_id}"
            raise LookupError(message)
        item, status, total = found
        return {"order_id": order_id, "item": item, "status": status, "total_cents": total}

    def refund(self, visit: Visit, order_id: str, amount_cents: int) -> dict[str, str | int]:
        """Pay money back, once for one call. Raises `StaleFence`; then nothing was written."""
        with self._transaction() as db:
            stale = _overtaken(db, visit)
            if stale is None:
                db.execute(
                    "INSERT INTO refunds (call_id, order_id, amount_cents, epoch, fence)"
                    " VALUES (?, ?, ?, ?, ?) ON CONFLICT (call_id) DO NOTHING",
                    (str(visit.call_id), order_id, amount_cents, *visit.pair),
                )
        if stale is not None:
            raise stale
        return {"refund_id": f"rf_{visit.call_id.hex[-8:]}", "amount_cents": amount_cents}

    def refunds(self) -> list[Refund]:
        """Return every refund that was paid."""
        with self._transaction() as db:
            rows = db.execute("SELECT call_id, order_id, amount_cents FROM refunds").fetchall()
        return [
            Refund(call_id=UUID(call_id), order_id=order_id, amount_cents=amount)
            for call_id, order_id, amount in rows
        ]

    def orders_refunded(self) -> int:
        """Return how many orders money was paid back for."""
        return self._count("SELECT count(DISTINCT order_id) FROM refunds")

    def refused_writes(self) -> int:
        """Return how many calls were refused for an old fence."""
        return self._count("SELECT count(*) FROM refused_writes")

    def _count(self, query: str) -> int:
        with self._transaction() as db:
            (number,) = db.execute(query).fetchone()
        return int(number)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with contextlib.closing(
            sqlite3.connect(self.file, timeout=_WAIT_SECONDS, isolation_level="IMMEDIATE")
        ) as db:
            db.execute("PRAGMA foreign_keys = ON")
            with db:
                yield db


def _overtaken(db: sqlite3.Connection, visit: Visit) -> StaleFence | None:
    """Remember the visitor's fence, or note and return that it is older than one seen before."""
    known = (str(visit.session_id), *visit.pair)
    db.execute(
        "INSERT INTO fences VALUES (?, ?, ?) ON CONFLICT (session_id) DO UPDATE"
        " SET epoch = excluded.epoch, fence = excluded.fence"
        " WHERE (excluded.epoch, excluded.fence) > (fences.epoch, fences.fence)",
        known,
    )
    (epoch, fence) = db.execute(
        "SELECT epoch, fence FROM fences WHERE session_id = ?", known[:1]
    ).fetchone()
    if visit.pair >= (epoch, fence):
        return None
    db.execute(
        "INSERT INTO refused_writes (call_id, epoch, fence, seen_epoch, seen_fence)"
        " VALUES (?, ?, ?, ?, ?)",
        (str(visit.call_id), *visit.pair, epoch, fence),
    )
    return StaleFence((epoch, fence), visit.pair)


def _told(fence: Fence) -> str:
    return f"{fence[0]}.{fence[1]}"
