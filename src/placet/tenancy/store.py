"""Tenants, actors, grants and keys in the database."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from placet.events.model import StreamId, StreamKind
from placet.kernel.ids import ActorId
from placet.kernel.principal import Attributes, Environment, Principal, Scope
from placet.kernel.refusals import NotFound
from placet.storage.database import Database, Reading, Writing
from placet.tenancy.model import (
    Actor,
    ActorStatus,
    ApiKey,
    ApiKeyId,
    ParsedKey,
    RoleGrant,
    Tenant,
)
from placet.tenancy.tables import ACTOR, API_KEY, ROLE_GRANT, TENANT

_RAISE = sa.text("SELECT placet.gate_raise_v1(:stream, :kind)").bindparams(
    sa.bindparam("stream", type_=sa.Uuid)
)
_KEEP_SECRET = sa.text("SELECT placet.keep_api_key_v1(:key_id, :secret_hash)")


async def authenticate(db: Database, key: ParsedKey) -> Principal | str:
    """Return whom a key speaks for, or why it speaks for nobody.

    The reasons are `unknown` (also: another secret), `revoked`, `expired` and `disabled`.
    """
    row = await db.hot.call(
        "SELECT * FROM placet.authenticate_v1($1, $2)", key.key_id, key.secret_hash
    )
    if row["code"] != "ok":
        return str(row["code"])
    return Principal(
        tenant_id=row["tenant_id"],
        actor_id=row["actor_id"],
        key_id=key.key_id,
        secret_hash=key.secret_hash,
        scopes=frozenset(Scope(scope) for scope in row["scopes"]),
        agent=row["agent"],
        environment=None if row["environment"] is None else Environment(row["environment"]),
    )


async def insert_tenant(tx: Writing, tenant: Tenant) -> None:
    """Write a tenant."""
    await tx.insert(TENANT, tenant)


async def insert_actor(tx: Writing, actor: Actor) -> None:
    """Write an actor."""
    await tx.insert(ACTOR, actor)


async def get_actor(tx: Reading, actor_id: ActorId) -> Actor:
    """Return an actor of the tenant. Refuses `not_found`."""
    query = sa.select(ACTOR).where(*_is_actor(tx, actor_id))
    actor = await tx.find(Actor, query)
    if actor is None:
        raise NotFound(detail="there is no such actor")
    return actor


async def list_actors(tx: Reading, *, after: ActorId | None, limit: int) -> list[Actor]:
    """Return up to `limit` actors in the order of their making, after the one named."""
    query = sa.select(ACTOR).where(ACTOR.c.tenant_id == tx.tenant_id)
    if after is not None:
        query = query.where(ACTOR.c.actor_id > after)
    return await tx.list(Actor, query.order_by(ACTOR.c.actor_id).limit(limit))


async def advance_actor_to_disabled(tx: Writing, actor_id: ActorId) -> bool:
    """Disable an active actor. Returns False if it was disabled before."""
    change = (
        sa.update(ACTOR)
        .where(*_is_actor(tx, actor_id), ACTOR.c.status == ActorStatus.ACTIVE)
        .values(status=ActorStatus.DISABLED)
    )
    return await tx.change(change) == 1


async def raise_epoch(tx: Writing, stream: StreamId) -> None:
    """Pass the tenant's gate alone, with this `authority` stream held.

    Comes last in a transaction, before the event in that stream that tells why.
    """
    await tx.rows(_RAISE.bindparams(stream=stream, kind=StreamKind.AUTHORITY.value))


async def list_disabled(tx: Reading, actors: Sequence[ActorId]) -> list[ActorId]:
    """Return which of these actors are disabled."""
    query = sa.select(ACTOR.c.actor_id).where(
        ACTOR.c.tenant_id == tx.tenant_id,
        ACTOR.c.actor_id.in_(actors),
        ACTOR.c.status == ActorStatus.DISABLED,
    )
    return [ActorId(row.actor_id) for row in await tx.rows(query)]


async def hold_actors(tx: Writing, actors: Sequence[ActorId]) -> None:
    """Let none of these actors be disabled before this transaction is over."""
    await tx.rows(
        sa.select(ACTOR.c.actor_id)
        .where(ACTOR.c.tenant_id == tx.tenant_id, ACTOR.c.actor_id.in_(actors))
        .order_by(ACTOR.c.actor_id)
        .with_for_update(read=True)
    )


async def insert_grant(tx: Writing, grant: RoleGrant) -> None:
    """Write a role grant."""
    await tx.insert(ROLE_GRANT, grant)


async def list_grants(tx: Reading, actor_id: ActorId) -> list[RoleGrant]:
    """Return every role grant of an actor, in the order of their making."""
    query = sa.select(ROLE_GRANT).where(
        ROLE_GRANT.c.tenant_id == tx.tenant_id, ROLE_GRANT.c.actor_id == actor_id
    )
    return await tx.list(RoleGrant, query.order_by(ROLE_GRANT.c.grant_id))


async def insert_key(tx: Writing, key: ApiKey, secret_hash: bytes) -> None:
    """Write a key, and the hash of its secret where only `authenticate_v1` sees it."""
    await tx.insert(API_KEY, key)
    await tx.rows(_KEEP_SECRET.bindparams(key_id=key.key_id, secret_hash=secret_hash))


async def get_key(tx: Reading, key_id: ApiKeyId) -> ApiKey:
    """Return a key of the tenant. Refuses `not_found`."""
    key = await tx.find(ApiKey, sa.select(API_KEY).where(*_is_key(tx, key_id)))
    if key is None:
        raise NotFound(detail="there is no such API key")
    return key


async def get_claims(tx: Reading, key_id: str) -> Attributes:
    """Return what a key says of whoever its agent acts for. Refuses `not_found`."""
    return (await get_key(tx, ApiKeyId(key_id))).claims


async def list_keys(tx: Reading, *, after: ApiKeyId | None, limit: int) -> list[ApiKey]:
    """Return up to `limit` keys, live and ended, in the order of their ids, after the one named."""
    query = sa.select(API_KEY).where(API_KEY.c.tenant_id == tx.tenant_id)
    if after is not None:
        query = query.where(API_KEY.c.key_id > after)
    return await tx.list(ApiKey, query.order_by(API_KEY.c.key_id).limit(limit))


async def is_key_from_other(tx: Reading, one: ActorId, other: ActorId, since: datetime) -> bool:
    """Tell whether one of two actors issued a key of the other that lived at some time since."""
    c = API_KEY.c
    query = sa.select(c.key_id).where(
        c.tenant_id == tx.tenant_id,
        sa.tuple_(c.actor_id, c.created_by).in_([(one, other), (other, one)]),
        sa.or_(c.revoked_at.is_(None), c.revoked_at > since),
        sa.or_(c.expires_at.is_(None), c.expires_at > since),
    )
    return bool(await tx.rows(query.limit(1)))


async def advance_key_to_revoked(tx: Writing, key_id: ApiKeyId) -> bool:
    """Revoke a key by the database's clock. Returns False if it was revoked before."""
    change = (
        sa.update(API_KEY)
        .where(*_is_key(tx, key_id), API_KEY.c.revoked_at.is_(None))
        .values(revoked_at=sa.func.clock_timestamp())
    )
    return await tx.change(change) == 1


def _is_actor(tx: Reading, actor_id: ActorId) -> tuple[sa.ColumnElement[Any], ...]:
    return (ACTOR.c.tenant_id == tx.tenant_id, ACTOR.c.actor_id == actor_id)


def _is_key(tx: Reading, key_id: ApiKeyId) -> tuple[sa.ColumnElement[Any], ...]:
    return (API_KEY.c.tenant_id == tx.tenant_id, API_KEY.c.key_id == key_id)
