"""What can be done about tenants, actors and keys: load, decide, save, and tell the stream."""

from collections.abc import Sequence

from placet.events.model import StreamKind, new_event, tenant_stream
from placet.events.store import append
from placet.kernel.ids import ActorId, Ids, TenantId
from placet.kernel.principal import Principal
from placet.kernel.value import Value
from placet.storage.database import Writing
from placet.tenancy import rules, store
from placet.tenancy.model import (
    Actor,
    ActorCreated,
    ActorDisabled,
    ActorKind,
    ActorStatus,
    ApiKey,
    ApiKeyId,
    ApiKeyIssued,
    ApiKeyRevoked,
    CreateActor,
    CreatedTenant,
    GrantRole,
    IssueApiKey,
    IssuedApiKey,
    Role,
    RoleGrant,
    RoleGranted,
    Tenant,
    TenantCreated,
)


def founder(ids: Ids) -> Principal:
    """Return who opens the transaction that creates a tenant: a tenant and an actor yet unborn."""
    return Principal(
        tenant_id=TenantId(ids.new()),
        actor_id=ActorId(ids.new()),
        key_id="",
        secret_hash=b"",
        scopes=frozenset(),
    )


async def create_tenant(
    tx: Writing, name: str, ids: Ids, roles: Sequence[Role] = (Role.ADMIN,)
) -> CreatedTenant:
    """Create the tenant and the actor that `tx` was opened for by `founder`.

    The actor is a person with these roles, named `admin`. Its key carries all that they give.
    """
    tenant = Tenant(tenant_id=tx.tenant_id, name=name, created_at=await tx.now())
    await store.insert_tenant(tx, tenant)
    await _tell(tx, ids, TenantCreated(tenant_id=tenant.tenant_id, name=name))
    admin = await _add_actor(tx, tx.actor_id, ActorKind.PERSON, "admin", ids)
    for role in roles:
        await grant_role(tx, GrantRole(actor_id=admin.actor_id, role=role), ids)
    scopes = sorted(rules.scopes_given(admin, roles))
    issued = await issue_key(
        tx, IssueApiKey(actor_id=admin.actor_id, name="first key", scopes=scopes), ids
    )
    assert issued.api_key is not None, "a key just issued has its text"  # noqa: S101 -- narrows the type
    return CreatedTenant(tenant=tenant, admin=admin, key=issued.key, api_key=issued.api_key)


async def create_actor(tx: Writing, asked: CreateActor, ids: Ids) -> Actor:
    """Add an active actor to the tenant."""
    return await _add_actor(tx, ActorId(ids.new()), asked.kind, asked.name, ids)


async def disable_actor(tx: Writing, actor_id: ActorId, ids: Ids) -> Actor:
    """Make every key of an actor count for nothing from the next request on. Done twice is fine.

    Told in the tenant's own stream and, because no vote of theirs counts any more, in `authority`.

    Refuses `not_found`.
    """
    await store.get_actor(tx, actor_id)
    if await store.advance_actor_to_disabled(tx, actor_id):
        said = ActorDisabled(actor_id=actor_id)
        await _tell(tx, ids, said)
        # Race: a standing grant of theirs may be answering a call; whoever passes the gate later
        # sees the end.
        await store.raise_epoch(tx, tenant_stream(tx.tenant_id, StreamKind.AUTHORITY))
        # Race: whoever counts a vote holds the rows of all voters, so that every vote which counted
        # while this one was active stands before this in that stream, and none behind it.
        await _tell(tx, ids, said, StreamKind.AUTHORITY)
    return await store.get_actor(tx, actor_id)


async def grant_role(tx: Writing, asked: GrantRole, ids: Ids) -> RoleGrant:
    """Give an actor a role. Keys already issued carry no more than before.

    Refuses `not_found` for an actor that is not of this tenant, `role_not_narrowed`.
    """
    rules.check_grant(asked)
    await store.get_actor(tx, asked.actor_id)
    grant = RoleGrant(
        tenant_id=tx.tenant_id,
        grant_id=ids.new(),
        actor_id=asked.actor_id,
        role=asked.role,
        workspace_id=asked.workspace_id,
        granted_by=tx.actor_id,
        granted_at=await tx.now(),
    )
    await store.insert_grant(tx, grant)
    await _tell(
        tx,
        ids,
        RoleGranted(
            grant_id=grant.grant_id,
            actor_id=grant.actor_id,
            role=grant.role,
            workspace_id=grant.workspace_id,
        ),
        StreamKind.AUTHORITY,
    )
    return grant


async def issue_key(tx: Writing, asked: IssueApiKey, ids: Ids) -> IssuedApiKey:
    """Issue a key. Its text is in the answer and nowhere else.

    Refuses `not_found` for an actor that is not of this tenant, `api_key_refused` with every
    reason for a key that the actor may not have.
    """
    actor = await store.get_actor(tx, asked.actor_id)
    grants = await store.list_grants(tx, asked.actor_id)
    now = await tx.now()
    rules.check_key(asked, actor, [grant.role for grant in grants], now)
    key_id = rules.make_key_id(ids.token(rules.KEY_ID_BYTES))
    secret = ids.token(rules.SECRET_BYTES)
    key = ApiKey(
        tenant_id=tx.tenant_id,
        key_id=key_id,
        actor_id=asked.actor_id,
        name=asked.name,
        scopes=asked.scopes,
        agent=asked.agent,
        environment=asked.environment,
        created_by=tx.actor_id,
        created_at=now,
        expires_at=asked.expires_at,
        revoked_at=None,
        claims=asked.claims,
    )
    await store.insert_key(tx, key, rules.hash_secret(secret))
    await _tell(tx, ids, _issued(key))
    return IssuedApiKey(key=key, api_key=rules.format_key(asked.environment, key_id, secret))


async def revoke_key(tx: Writing, key_id: ApiKeyId, ids: Ids) -> ApiKey:
    """End a key from the next request on. Done twice is fine. Refuses `not_found`."""
    await store.get_key(tx, key_id)
    if await store.advance_key_to_revoked(tx, key_id):
        await _tell(tx, ids, ApiKeyRevoked(key_id=key_id))
    return await store.get_key(tx, key_id)


async def _add_actor(tx: Writing, actor_id: ActorId, kind: ActorKind, name: str, ids: Ids) -> Actor:
    actor = Actor(
        tenant_id=tx.tenant_id,
        actor_id=actor_id,
        kind=kind,
        name=name,
        status=ActorStatus.ACTIVE,
        created_at=await tx.now(),
    )
    await store.insert_actor(tx, actor)
    await _tell(tx, ids, ActorCreated(actor_id=actor_id, kind=kind, name=name))
    return actor


def _issued(key: ApiKey) -> ApiKeyIssued:
    return ApiKeyIssued(
        key_id=key.key_id,
        actor_id=key.actor_id,
        name=key.name,
        scopes=key.scopes,
        agent=key.agent,
        environment=key.environment,
        expires_at=key.expires_at,
        claims=key.claims,
    )


async def _tell(tx: Writing, ids: Ids, said: Value, kind: StreamKind = StreamKind.TENANCY) -> None:
    await append(tx, tenant_stream(tx.tenant_id, kind), kind, [new_event(ids, said)])
