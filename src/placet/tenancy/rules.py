"""The text form of a key, what a role allows, and whether a key may be issued as asked."""

import re
import zlib
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

from placet.kernel.hashing import plain_sha256
from placet.kernel.principal import Environment, Scope
from placet.tenancy.model import (
    Actor,
    ActorKind,
    ActorStatus,
    ApiKeyId,
    ApiKeyRefused,
    GrantRole,
    IssueApiKey,
    ParsedKey,
    Role,
    RoleNotNarrowed,
)

SECRET_BYTES: Final = 32
KEY_ID_BYTES: Final = 8
LIFE_MAX: Final = timedelta(days=3660)
"""An expiry further off than ten years is taken for a mistake."""

ROLE_SCOPES: Final[Mapping[Role, frozenset[Scope]]] = {
    Role.VIEWER: frozenset({Scope.READ}),
    Role.AUTHOR: frozenset({Scope.READ, Scope.AUTHOR}),
    Role.APPROVER: frozenset({Scope.READ, Scope.APPROVE}),
    Role.OPERATOR: frozenset({Scope.READ, Scope.OPERATE}),
    Role.AUDITOR: frozenset({Scope.READ, Scope.AUDIT}),
    Role.ADMIN: frozenset({Scope.READ, Scope.ADMIN}),
}
"""What each role gives. An admin cannot approve, and a role alone lets nobody's vote count."""

_ENVIRONMENT_MARKS: Final[Mapping[Environment | None, str]] = {
    Environment.DEVELOPMENT: "dev",
    Environment.STAGING: "stg",
    Environment.PRODUCTION: "prd",
    None: "any",
}
_BASE32: Final = "abcdefghijklmnopqrstuvwxyz234567"
_BASE62: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_VALUE_62: Final = {char: value for value, char in enumerate(_BASE62)}
_KEY_ID_LENGTH: Final = 12
_SECRET_LENGTH: Final = 43
_CHECK_LENGTH: Final = 6
_KEY: Final = re.compile(
    r"plc_(?:dev|stg|prd|any)_([a-z2-7]{12})_([0-9A-Za-z]{43})([0-9A-Za-z]{6})", re.ASCII
)


def make_key_id(token: bytes) -> ApiKeyId:
    """Return a key id from 8 random bytes: their first 60 bits in base32."""
    number = int.from_bytes(token, "big") >> 4
    return ApiKeyId(_digits(number, _BASE32, _KEY_ID_LENGTH))


def format_key(environment: Environment | None, key_id: ApiKeyId, secret: bytes) -> str:
    """Return the text of a key. `secret` is 32 random bytes."""
    mark = _ENVIRONMENT_MARKS[environment]
    body = f"plc_{mark}_{key_id}_{_digits(int.from_bytes(secret, 'big'), _BASE62, _SECRET_LENGTH)}"
    return body + _check(body)


def parse_key(text: str) -> ParsedKey | None:
    """Return the parts of a key's text, or None if it is not one or its check does not fit."""
    found = _KEY.fullmatch(text)
    if found is None or _check(text[:-_CHECK_LENGTH]) != found[3]:
        return None
    number = 0
    for char in found[2]:
        number = number * 62 + _VALUE_62[char]
    if number.bit_length() > SECRET_BYTES * 8:
        return None
    return ParsedKey(
        key_id=ApiKeyId(found[1]), secret_hash=hash_secret(number.to_bytes(SECRET_BYTES, "big"))
    )


def hash_secret(secret: bytes) -> bytes:
    """Return what is kept of a secret. It has 256 random bits, so a fast hash is right."""
    return plain_sha256(secret)


def scopes_given(actor: Actor, roles: Iterable[Role]) -> frozenset[Scope]:
    """Return every scope that a key of this actor may carry.

    Roles add up. Only a person's key approves; only an agent's or a service's key runs, and needs
    no role for it, since it is bound to one agent in one environment.
    """
    given = frozenset[Scope]().union(*(ROLE_SCOPES[role] for role in roles))
    if actor.kind is ActorKind.PERSON:
        return given
    return (given - {Scope.APPROVE}) | {Scope.RUNTIME}


def check_grant(asked: GrantRole) -> None:
    """Refuse `role_not_narrowed` for a role in one workspace that would reach every workspace.

    An approver's vote is held to the workspace where it is counted; any other role works by the
    scopes of a key, which hold in the whole tenant.
    """
    if asked.workspace_id is not None and asked.role is not Role.APPROVER:
        raise RoleNotNarrowed(detail=f"the role `{asked.role}` cannot be given for one workspace")


def check_key(asked: IssueApiKey, actor: Actor, roles: Iterable[Role], now: datetime) -> None:
    """Refuse `api_key_refused` with every reason against issuing this key."""
    given = scopes_given(actor, roles)
    reasons = [
        f"no role of the actor gives the scope `{scope}`"
        for scope in dict.fromkeys(asked.scopes)
        if scope not in given
    ]
    if actor.status is not ActorStatus.ACTIVE:
        reasons.append("the actor is disabled")
    if len(set(asked.scopes)) != len(asked.scopes):
        reasons.append("a scope stands twice")
    if Scope.RUNTIME in asked.scopes:
        reasons += _runtime_reasons(asked)
    elif asked.claims:
        reasons.append("only a runtime key has claims")
    if asked.expires_at is not None and not now < asked.expires_at <= now + LIFE_MAX:
        reasons.append("`expires_at` must lie in the next ten years")
    if reasons:
        raise ApiKeyRefused(detail="no key can be issued like this; see `reasons`", reasons=reasons)


def _runtime_reasons(asked: IssueApiKey) -> list[str]:
    reasons: list[str] = []
    if asked.agent is None or asked.environment is None:
        reasons.append("a runtime key names one agent and one environment")
    reasons += [
        f"a runtime key never carries `{scope}`"
        for scope in (Scope.APPROVE, Scope.ADMIN, Scope.OPERATE)
        if scope in asked.scopes
    ]
    return reasons


def _check(body: str) -> str:
    return _digits(zlib.crc32(body.encode("ascii")), _BASE62, _CHECK_LENGTH)


def _digits(number: int, alphabet: str, length: int) -> str:
    base = len(alphabet)
    digits: list[str] = []
    for _ in range(length):
        number, digit = divmod(number, base)
        digits.append(alphabet[digit])
    return "".join(reversed(digits))
