"""Counting what stays."""

from placet.audit.subjects.kept import store
from placet.audit.subjects.looks.model import Wanted
from placet.audit.subjects.model import KeptPlace
from placet.audit.subjects.places import PLACES, UNLINKED, Place
from placet.audit.subjects.rules import needles
from placet.kernel.principal import Principal
from placet.storage.database import Database


async def count_kept(db: Database, who: Principal, subject: str) -> list[KeptPlace]:
    """Return the places where a text stands and stays, with how many rows hold it."""
    wanted = Wanted(subject=subject, needles=tuple(needles(subject)))
    counted = [(place, await _count(db, who, place, wanted)) for place in (*PLACES, UNLINKED)]
    return [
        KeptPlace(place=place.table, rows=rows, why=place.why) for place, rows in counted if rows
    ]


async def _count(db: Database, who: Principal, place: Place, wanted: Wanted) -> int:
    rows, after = 0, None
    while True:
        async with db.reading(who) as tx:
            some, after = await store.count_page(tx, place, wanted, after)
        rows += some
        if after is None:
            return rows
