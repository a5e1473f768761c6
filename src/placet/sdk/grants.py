"""Checks a grant before its call is run, with the pinned keys and without asking anybody."""

import base64
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from placet.evidence.dsse import EnvelopeRefused, encode_envelope, parse_envelope, read
from placet.evidence.ed25519 import PublicKey
from placet.evidence.fields import Fence
from placet.evidence.grant import GRANT_TYPE, Grant, GrantUse, check_use
from placet.kernel.value import Value
from placet.sdk.answers import ProposedCall
from placet.sdk.errors import GrantRefused


class RunOf(Value, frozen=True):
    """What is about to be run, under which lease, and the service's time at the latest."""

    session_id: UUID
    arguments_hash: str
    fence: Fence
    at: datetime


def header_of(call: ProposedCall) -> str:
    """Return the text of `Placet-Grant`: the envelope in base64url, without padding.

    Raises `GrantRefused` where no grant came, or nothing that is one.
    """
    if not call.has_grant:
        detail = "the call is granted, but this answer came without its grant"
        raise GrantRefused(call.tool, call.call_id, "missing", detail)
    try:
        envelope = parse_envelope(bytes(call.grant))
    except EnvelopeRefused as fault:
        raise GrantRefused(call.tool, call.call_id, fault.flaw, fault.detail) from fault
    return base64.urlsafe_b64encode(encode_envelope(envelope)).rstrip(b"=").decode()


def check_grant(call: ProposedCall, keys: Sequence[PublicKey], run: RunOf) -> Grant:
    """Return the grant. Raises `GrantRefused` unless a key granted this run and it still holds.

    Server, schema and audience are the grant's own: who runs a tool in its own process has no
    second word for them; the tool's host has, and checks them there.
    """
    header_of(call)
    if not keys:
        detail = "no key is known whose grants count"
        raise GrantRefused(call.tool, call.call_id, "keys", detail)
    if call.arguments_hash != run.arguments_hash:
        detail = "other arguments were granted than those that would be run"
        raise GrantRefused(call.tool, call.call_id, "arguments", detail)
    try:
        grant = read(parse_envelope(bytes(call.grant)), GRANT_TYPE, keys, Grant)
    except EnvelopeRefused as fault:
        raise GrantRefused(call.tool, call.call_id, fault.flaw, fault.detail) from fault
    use = GrantUse(
        server=grant.server,
        tool=call.tool,
        tool_schema_hash=grant.tool_schema_hash,
        arguments_hash=run.arguments_hash,
        at=max(run.at, grant.not_before),
        audiences=frozenset([grant.audience or ""]),
    )
    flaw = check_use(grant, use) or _flaw_of(grant, call, run)
    if flaw is not None:
        detail = f"the grant that came does not cover the call: `{flaw}`"
        raise GrantRefused(call.tool, call.call_id, flaw, detail)
    return grant


def _flaw_of(grant: Grant, call: ProposedCall, run: RunOf) -> str | None:
    mismatch = (
        (grant.call_id != call.call_id, "call"),
        (grant.session_id != run.session_id, "session"),
        (grant.fence != run.fence, "fence"),
    )
    return next((flaw for wrong, flaw in mismatch if wrong), None)
