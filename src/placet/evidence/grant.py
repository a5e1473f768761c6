"""Leave for one call: the document that a tool's host can check without asking anybody."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from placet.evidence import dsse
from placet.evidence.dsse import Envelope, EnvelopeFlaw, EnvelopeRefused
from placet.evidence.ed25519 import PublicKey, SigningKey
from placet.evidence.fields import (
    ControlSeen,
    Count,
    Fence,
    HexDigest,
    Name,
    Ordinal,
    UtcTime,
    check_utc,
)
from placet.kernel.canonical import canonical
from placet.kernel.principal import Environment
from placet.kernel.value import Input, Value

GRANT_TYPE: Final = "placet.grant.v1"


class Grant(Input, frozen=True):
    """Leave to run one tool once with these arguments.

    `call_id` is the tool's idempotency key, `step` the number of the prepared request in its
    session. `tool_schema_hash` and `arguments_hash` are hashes of the foreign form. The leave
    holds from `not_before` until before `expires_at`, both in UTC. `audience` is null, or names
    the one host that may take the grant.
    """

    tenant_id: UUID
    environment: Environment
    agent: Name
    session_id: UUID
    step: Ordinal
    call_id: UUID
    server: Name | None
    tool: Name
    tool_schema_hash: HexDigest | None
    arguments_hash: HexDigest
    fence: Fence
    artifact_hash: HexDigest
    control: ControlSeen
    key_list_version: Count
    not_before: UtcTime
    expires_at: UtcTime
    audience: Name | None

    def __post_init__(self) -> None:
        """Refuse times in other zones than UTC."""
        check_utc(self.not_before, self.expires_at)


class GrantUse(Value, frozen=True):
    """What a host is about to run, and when, by its own clock.

    `server` and `tool_schema_hash` must be the grant's, null for null. A grant's audience must be
    one of `audiences`; one without is for any host that `takes_unbound`.
    """

    server: str | None = None
    tool: str
    tool_schema_hash: str | None = None
    arguments_hash: str
    at: datetime
    audiences: frozenset[str] = frozenset()
    takes_unbound: bool = True


class GrantFlaw(StrEnum):
    """Why a grant does not cover a use."""

    MALFORMED = "malformed"
    TYPE = "type"
    SIGNATURE = "signature"
    PAYLOAD = "payload"
    AUDIENCE = "audience"
    SERVER = "server"
    TOOL = "tool"
    TOOL_SCHEMA = "tool_schema"
    ARGUMENTS = "arguments"
    NOT_YET = "not_yet"
    EXPIRED = "expired"


class GrantVerdict(Value, frozen=True):
    """Either the grant, or the first flaw with words. `grant` is set once a signature was good."""

    grant: Grant | None
    flaw: GrantFlaw | None
    detail: str

    @property
    def is_good(self) -> bool:
        """Tell whether the tool may be run."""
        return self.flaw is None and self.grant is not None


def sign_grant(grant: Grant, key: SigningKey) -> Envelope:
    """Return the grant in its envelope."""
    return dsse.sign(GRANT_TYPE, canonical(grant), key)


def verify_grant(
    envelope: Envelope | bytes, keys: Sequence[PublicKey], use: GrantUse
) -> GrantVerdict:
    """Say whether a grant covers a use; needs no network.

    `envelope` is the envelope or its JSON, `keys` the pinned grant keys. Whoever asks must also
    remember the grant's `call_id` until `expires_at`, and run no call twice.
    """
    try:
        opened = dsse.parse_envelope(envelope) if isinstance(envelope, bytes) else envelope
        grant = dsse.read(opened, GRANT_TYPE, keys, Grant)
    except EnvelopeRefused as refusal:
        return GrantVerdict(grant=None, flaw=_flaw_of(refusal.flaw), detail=refusal.detail)
    flaw = check_use(grant, use)
    detail = "the grant covers this call" if flaw is None else _WORDS[flaw]
    return GrantVerdict(grant=grant, flaw=flaw, detail=detail)


def check_use(grant: Grant, use: GrantUse) -> GrantFlaw | None:
    """Return the first reason why a grant does not cover a use, or none."""
    mismatch = (
        (not _is_for(grant, use), GrantFlaw.AUDIENCE),
        (grant.server != use.server, GrantFlaw.SERVER),
        (grant.tool != use.tool, GrantFlaw.TOOL),
        (grant.tool_schema_hash != use.tool_schema_hash, GrantFlaw.TOOL_SCHEMA),
        (grant.arguments_hash != use.arguments_hash, GrantFlaw.ARGUMENTS),
        (use.at < grant.not_before, GrantFlaw.NOT_YET),
        (use.at >= grant.expires_at, GrantFlaw.EXPIRED),
    )
    return next((flaw for wrong, flaw in mismatch if wrong), None)


def _is_for(grant: Grant, use: GrantUse) -> bool:
    if grant.audience is None:
        return use.takes_unbound
    return grant.audience in use.audiences


def _flaw_of(flaw: EnvelopeFlaw) -> GrantFlaw:
    return GrantFlaw(flaw.value)


_WORDS: Final = {
    GrantFlaw.AUDIENCE: "the grant is for another host",
    GrantFlaw.SERVER: "the grant is for a tool of another server",
    GrantFlaw.TOOL: "the grant is for another tool",
    GrantFlaw.TOOL_SCHEMA: "the tool's schema is not the one that the grant was given for",
    GrantFlaw.ARGUMENTS: "the arguments are not those that the grant was given for",
    GrantFlaw.NOT_YET: "the grant does not hold yet",
    GrantFlaw.EXPIRED: "the grant has expired",
}
