"""Questions about what stands and stays in one table, a page at a time."""

from typing import Any, Final, TypeAlias

import sqlalchemy as sa

from placet.audit.subjects.looks.model import Wanted
from placet.audit.subjects.places import Place
from placet.storage.columns import METADATA, SCHEMA
from placet.storage.database import Reading

ROWS_AT_ONCE: Final = 1_000
BYTES_AT_ONCE: Final = 4 * 1024 * 1024

Key: TypeAlias = tuple[object, ...]
Column: TypeAlias = "sa.ColumnElement[Any]"


async def count_page(
    tx: Reading, place: Place, wanted: Wanted, after: Key | None
) -> tuple[int, Key | None]:
    """Return how many of the next rows of a place hold a text, and the last key of these rows.

    None is the key where there were no more rows.
    """
    table = METADATA.tables[f"{SCHEMA}.{place.table}"]
    key = list(table.primary_key.columns)
    rows = sa.select(*key, *[table.c[name].label(f"told_{name}") for name in place.columns]).where(
        table.c.tenant_id == tx.tenant_id
    )
    if after is not None:
        reached = [sa.literal(part, one.type) for part, one in zip(after, key, strict=True)]
        rows = rows.where(sa.tuple_(*key) > sa.tuple_(*reached))
    first = rows.order_by(*key).limit(ROWS_AT_ONCE).subquery()
    size = sum((_size(first.c[f"told_{name}"]) for name in place.columns), sa.literal(0))
    names = [one.name for one in key]
    order = [first.c[name] for name in names]
    behind = sa.func.sum(size).over(order_by=order, rows=(None, 0)) - size
    page = sa.select(first, behind.label("behind")).subquery()
    held = sa.or_(*[_stands(page.c[f"told_{name}"], wanted) for name in place.columns])
    if place.beside is not None:
        other = METADATA.tables[f"{SCHEMA}.{place.beside}"].c
        is_there = sa.exists().where(
            other.tenant_id == tx.tenant_id, other.digest == page.c["digest"]
        )
        held = sa.case((is_there, False), else_=held)
    query = (
        sa.select(*[page.c[name] for name in names], held.label("holds"))
        .where(page.c.behind < BYTES_AT_ONCE)
        .order_by(*[page.c[name] for name in names])
    )
    found = await tx.rows(query)
    last = tuple(found[-1])[: len(names)] if found else None
    return sum(bool(row.holds) for row in found), last


def _size(column: Column) -> Column:
    """Return how many bytes a value takes; of JSON, which is kept decoded, as it is stored."""
    if isinstance(column.type, sa.Text | sa.LargeBinary):
        return sa.func.coalesce(sa.func.octet_length(column), 0)
    return sa.func.coalesce(sa.func.pg_column_size(column), 0)


def _stands(column: Column, wanted: Wanted) -> Column:
    """Tell whether a text stands in a column, whatever its type; in JSON as it is written there."""
    texts = [each.decode() for each in wanted.needles]
    match column.type:
        case sa.LargeBinary():
            each: list[Column] = [
                sa.func.position(sa.literal(one, sa.LargeBinary).op("IN")(column))
                for one in dict.fromkeys((*wanted.needles, wanted.subject.encode()))
            ]
        case sa.Text():
            each = [sa.func.strpos(column, one) for one in (wanted.subject, *texts)]
        case _:
            each = [sa.func.strpos(sa.cast(column, sa.Text), one) for one in texts]
    return sa.or_(*[one > 0 for one in each])
