"""Every column that could hold what a body says is known, and the reference tells of it."""

from sqlalchemy import Dialect
from sqlalchemy.dialects import postgresql
from tests.house import body_places

from placet.audit.subjects.places import PLACES
from placet.schema import METADATA
from placet.storage.columns import EnumText

POSTGRES: Dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it bare
CAN_HOLD = {"TEXT", "BYTEA", "JSONB", "NUMERIC"}


def told() -> list[str]:
    """Return every column of text, bytes, JSON or decimal numbers that is no enum."""
    return sorted(
        f"{table.name}.{column.name}"
        for table in METADATA.sorted_tables
        for column in table.columns
        if not isinstance(column.type, EnumText) and column.type.compile(POSTGRES) in CAN_HOLD
    )


def test_every_column_is_in_one_of_the_three_lists() -> None:
    assert body_places.classified() == told()


def test_a_request_looks_through_what_is_kept_on_purpose_and_nothing_else() -> None:
    kept = {column for listed in body_places.KEPT for column in body_places.columns(listed)}
    looked = {f"{place.table}.{name}" for place in PLACES for name in place.columns}
    unlooked = {column for listed in body_places.UNLOOKED for column in body_places.columns(listed)}
    assert looked == kept - unlooked
    assert unlooked <= kept


def test_the_page_tells_of_every_place() -> None:
    text = body_places.PAGE.read_text()
    assert text == body_places.page(text), "run `python -m tests.house.body_places`"
