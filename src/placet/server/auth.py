"""The one guard: whom a key speaks for, and whether it may do this.

The key is asked about in the database on every request, so that a revocation is felt at the next
one. On hot routes the guard only takes the text apart; the database function that does the work
asks the same question in its own transaction.
"""

from typing import Any, Final

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from placet.authority.recovery.watch import RecoveryWatch
from placet.kernel.ids import TenantId
from placet.kernel.principal import Principal, Scope
from placet.kernel.refusals import Forbidden, ScopeMissing
from placet.storage.database import Database
from placet.tenancy import store
from placet.tenancy.entry import refuse_key, unauthenticated
from placet.tenancy.model import ParsedKey
from placet.tenancy.rules import parse_key

_SCHEME: Final = "bearer "
_METHOD_WITHOUT_EFFECT: Final = "OPTIONS"

Connection = ASGIConnection[Any, Any, Any, Any]


async def guard(connection: Connection, handler: BaseRouteHandler) -> None:
    """Let a request pass, having put the parsed key and the principal into it.

    Refuses `unauthenticated`, always in the same words, `scope_missing`, `forbidden` for a route
    that does not say what it needs, and `recovering` where authority would be given on a database
    that is not what was witnessed of it.
    """
    if handler.opt.get("public") or connection.scope.get("method") == _METHOD_WITHOUT_EFFECT:
        return
    key = key_in(connection)
    connection.scope["auth"] = key
    stopped: frozenset[TenantId] = frozenset()
    if handler.opt.get("grants"):
        watch: RecoveryWatch = connection.app.state[RecoveryWatch.__name__]
        watch.check()
        stopped = watch.stopped
    if handler.opt.get("hot") and not stopped:
        return
    found = await store.authenticate(connection.app.state[Database.__name__], key)
    if isinstance(found, str):
        refuse_key(found, key)
    if found.tenant_id in stopped:
        watch.check_tenant(found.tenant_id)
    if handler.opt.get("hot"):
        return
    check_scope(found, handler.opt.get("scope"))
    connection.scope["user"] = found


def key_in(connection: Connection) -> ParsedKey:
    """Return the key of a request. One with a wrong check is refused without any further work."""
    header = connection.headers.get("authorization", "")
    if header[: len(_SCHEME)].lower() != _SCHEME:
        raise unauthenticated()
    key = parse_key(header[len(_SCHEME) :].strip())
    if key is None:
        raise unauthenticated()
    return key


def check_scope(principal: Principal, needed: Scope | tuple[Scope, ...] | None) -> None:
    """Refuse a principal that has none of the scopes needed, and everybody if none is named."""
    if needed is None:
        raise Forbidden(detail="this route is open to nobody")
    wanted = (needed,) if isinstance(needed, Scope) else needed
    if not principal.scopes.intersection(wanted):
        names = " or ".join(f"`{scope}`" for scope in wanted)
        raise ScopeMissing(detail=f"the key lacks the scope {names}", scope="|".join(wanted))
