"""From a Struct to a table: the one place that knows how a field becomes a column.

A Struct says what a thing is and a table says how it is kept; `table` ties them, so that the enum
of a model and the CHECK of its column cannot drift apart. Every tenant table starts each of its
keys with `tenant_id`.
"""

import types
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Final, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

SCHEMA: Final = "placet"

METADATA: Final = sa.MetaData(
    schema=SCHEMA,
    naming_convention={
        "ix": "%(table_name)s_%(column_0_N_name)s_ix",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ck": "%(table_name)s_%(constraint_name)s",
        "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
        "pk": "%(table_name)s_pkey",
    },
)


class EnumText(sa.types.TypeDecorator[StrEnum]):
    """A StrEnum kept as text; a CHECK beside the column names its values."""

    impl = sa.Text
    cache_ok = True

    def __init__(self, enum: type[StrEnum]) -> None:
        """Remember which enum the text belongs to."""
        super().__init__()
        self.enum = enum

    def process_bind_param(self, value: StrEnum | str | None, dialect: sa.Dialect) -> str | None:
        """Refuse a value that the enum does not have, before the database does."""
        del dialect
        return None if value is None else self.enum(value).value

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> StrEnum | None:
        """Return the enum's member."""
        del dialect
        return None if value is None else self.enum(value)


class JsonStruct(sa.types.TypeDecorator[Any]):
    """A Struct, or a list or dict of them, kept as JSONB."""

    impl = postgresql.JSONB
    cache_ok = True

    def __init__(self, shape: Any) -> None:  # noqa: ANN401 -- any type that msgspec can convert to
        """Remember the shape that the JSON is read as."""
        super().__init__()
        self.shape = shape

    def process_bind_param(self, value: Any, dialect: sa.Dialect) -> Any:  # noqa: ANN401 -- SQLAlchemy's signature
        """Return plain values that the driver can encode."""
        del dialect
        return None if value is None else msgspec.to_builtins(value)

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> Any:  # noqa: ANN401 -- SQLAlchemy's signature
        """Return the value in its shape."""
        del dialect
        return None if value is None else msgspec.convert(value, self.shape)


_SIMPLE: Final[dict[type, type[sa.types.TypeEngine[Any]]]] = {
    UUID: sa.Uuid,
    str: sa.Text,
    int: sa.BigInteger,
    bool: sa.Boolean,
    bytes: sa.LargeBinary,
    Decimal: sa.Numeric,
}


def table(  # noqa: PLR0913 -- one keyword per property of a table, all but two optional
    name: str,
    struct: type[msgspec.Struct],
    *extra: sa.schema.SchemaItem,
    key: tuple[str, ...],
    updates: tuple[str, ...] = (),
    deletes: bool = False,
    tenant: bool = True,
    app_reads: bool = True,
    app_inserts: bool = True,
    fillfactor: int | None = None,
) -> sa.Table:
    """Return the table of a Struct.

    `key` is the primary key after `tenant_id`. `updates` names the columns that the application
    may change afterwards; with none, and without `deletes`, the table is append-only, by grant and
    by trigger. `tenant=False` is for the few listed tables that no tenant owns; `app_reads=False`
    for those that only DEFINER functions may touch, `app_inserts=False` for those that only such
    functions add to.
    """
    columns, checks = _columns(struct)
    keys = ("tenant_id", *key) if tenant else key
    return sa.Table(
        name,
        METADATA,
        *columns,
        sa.PrimaryKeyConstraint(*keys),
        *checks,
        *extra,
        info={
            "struct": struct,
            "tenant": tenant,
            "updates": updates,
            "deletes": deletes,
            "app_reads": app_reads,
            "app_inserts": app_reads and app_inserts,
        },
        postgresql_with={"fillfactor": fillfactor} if fillfactor else {},
    )


def tenant_foreign_key(columns: Iterable[str], target: str) -> sa.ForeignKeyConstraint:
    """Return a foreign key that cannot leave the tenant: `tenant_id` is its first column.

    `target` is `table(column, …)` without the tenant, for example `studio_draft(draft_id)`.
    """
    target_table, _, rest = target.partition("(")
    remote = ["tenant_id", *[c.strip() for c in rest.rstrip(")").split(",")]]
    return sa.ForeignKeyConstraint(
        ["tenant_id", *columns], [f"{SCHEMA}.{target_table}.{c}" for c in remote]
    )


def _columns(
    struct: type[msgspec.Struct],
) -> tuple[list[sa.Column[Any]], list[sa.CheckConstraint]]:
    columns: list[sa.Column[Any]] = []
    checks: list[sa.CheckConstraint] = []
    for name, hint in get_type_hints(struct, include_extras=True).items():
        if get_origin(hint) is types.GenericAlias or name.startswith("_"):
            continue
        plain, nullable = _strip(hint)
        columns.append(sa.Column(name, _type(plain), nullable=nullable))
        if isinstance(plain, type) and issubclass(plain, StrEnum):
            values = ", ".join(f"'{member.value}'" for member in plain)
            checks.append(sa.CheckConstraint(f"{name} IN ({values})", name=f"{name}_known"))
    return columns, checks


def _strip(hint: Any) -> tuple[Any, bool]:  # noqa: ANN401 -- type forms have no common type
    nullable = False
    while True:
        if get_origin(hint) is Annotated:
            hint = get_args(hint)[0]
        elif hasattr(hint, "__supertype__"):
            hint = hint.__supertype__
        elif get_origin(hint) in (Union, types.UnionType) and type(None) in get_args(hint):
            nullable = True
            inner = [a for a in get_args(hint) if a is not type(None)]
            hint = inner[0] if len(inner) == 1 else Union[tuple(inner)]  # noqa: UP007 -- built at run time
        else:
            return hint, nullable


def _type(plain: Any) -> sa.types.TypeEngine[Any]:  # noqa: ANN401 -- type forms have no common type
    if plain is datetime:
        return sa.DateTime(timezone=True)
    if isinstance(plain, type) and plain in _SIMPLE:
        return _SIMPLE[plain]()
    if isinstance(plain, type) and issubclass(plain, StrEnum):
        return EnumText(plain)
    return JsonStruct(plain)
