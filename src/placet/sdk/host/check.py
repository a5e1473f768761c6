"""Whether a host may run a call: everything about its grant, offline, and then once."""

import base64
import binascii
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from placet.evidence.fields import NUMBER_MAX, Fence
from placet.evidence.grant import Grant, GrantFlaw, GrantUse, verify_grant
from placet.kernel import foreign
from placet.kernel.clock import Clock, SystemClock
from placet.kernel.hashing import digest
from placet.kernel.principal import Environment
from placet.sdk.host.keys import KeySource, KeysUnreadable, TrustedKeys
from placet.sdk.host.memory import HostMemory, MemoryFailed
from placet.sdk.host.model import HostFlaw, HostVerdict, Met, SentCall, Visit

GRANT_TEXT_MAX: Final = 16_384
SKEW: Final = timedelta(seconds=5)
KEYS_AGE_MAX: Final = timedelta(days=1)


class ToolHost:
    """One host of tools: for which tenant and environment it runs them, and what it trusts.

    Safe to use from any number of threads.
    """

    def __init__(  # noqa: PLR0913 -- what it trusts, and three knobs with defaults
        self,
        *,
        tenant_id: UUID,
        environment: Environment,
        keys: KeySource,
        memory: HostMemory,
        audience: str | Collection[str] = (),
        takes_unbound: bool | None = None,
        clock: Clock | None = None,
        skew: timedelta = SKEW,
        keys_age_max: timedelta = KEYS_AGE_MAX,
    ) -> None:
        """Take what the host is.

        One service signs for all of its tenants with one key, so tenant and environment are named.
        `audience` is the id of this host's registration, or the ids of two while one takes over
        from the other: a grant for another host is refused. A grant for no host in particular is
        refused too where an audience is given, unless `takes_unbound`. `skew` is how far this
        clock and the service's may lie apart; `keys_age_max` how old the list of keys may be.
        """
        self._tenant_id = tenant_id
        self._environment = environment
        self._keys = keys
        self._memory = memory
        self._audiences = frozenset([audience] if isinstance(audience, str) else audience)
        self._takes_unbound = not self._audiences if takes_unbound is None else takes_unbound
        self._clock = clock or SystemClock()
        self._skew = skew
        self._keys_age_max = keys_age_max

    def check(self, call: SentCall) -> HostVerdict:
        """Say whether the call may be run; a call to which it says yes is let in only this once.

        Never raises for what came from outside, nor for keys or a memory that cannot be used: those
        are flaws too. Reads and writes the memory, so it blocks for a moment.
        """
        now = self._clock.now()
        try:
            trusted = self._trusted(now)
        except KeysUnreadable as fault:
            return HostVerdict(grant=None, flaw=HostFlaw.KEY_LIST, detail=str(fault))
        verdict = self._covered(call, trusted, now)
        if verdict.grant is None or verdict.flaw is not None:
            return verdict
        flaw = self._flaw_of(verdict.grant, call) or self._admit(verdict.grant, now)
        return verdict if flaw is None else _no(verdict.grant, flaw)

    def withdraw(self, grant: Grant) -> bool:
        """Never let this call in again, and tell whether it was not let in before.

        For a call that this host refused: `grant` is the one of its verdict. After a yes the host
        may sign that the call was never begun; after a no, for a call that was here or whose grant
        is not this host's to take, it may not. Raises `MemoryFailed`: then nothing is remembered.
        """
        is_ours = grant.tenant_id == self._tenant_id and grant.environment is self._environment
        bound = grant.audience in self._audiences
        if not is_ours or not (bound or (grant.audience is None and self._takes_unbound)):
            return False
        return self._memory.admit(_visit(grant, self._clock.now())) is Met.NEW

    def is_overtaken(self, session_id: UUID, fence: str) -> bool:
        """Tell whether a caller with a higher fence was here in this session, by its header alone.

        For tools that run without grants. Nothing signed says that the fence is the caller's, so
        this stops a process that was overtaken, and no malice; a call with a grant is never refused
        for what came here. A text that is no fence counts as overtaken. Raises `MemoryFailed`.
        """
        parsed = parse_fence(fence)
        now = self._clock.now()
        return parsed is None or self._memory.is_overtaken(session_id, parsed, now)

    def _trusted(self, now: datetime) -> TrustedKeys:
        trusted = self._keys.current()
        if now - trusted.as_of > self._keys_age_max:
            message = f"nobody made sure of the keys since {trusted.as_of.isoformat()}"
            raise KeysUnreadable(message)
        return trusted

    def _covered(self, call: SentCall, trusted: TrustedKeys, now: datetime) -> HostVerdict:
        if call.grant is None:
            return _no(None, HostFlaw.MISSING)
        envelope = _envelope(call.grant)
        arguments_hash = _arguments_hash(call.arguments)
        if envelope is None or arguments_hash is None:
            flaw = GrantFlaw.MALFORMED if envelope is None else GrantFlaw.ARGUMENTS
            return _no(None, flaw)
        use = GrantUse(
            server=call.tool.server,
            tool=call.tool.tool,
            tool_schema_hash=call.tool.schema_hash,
            arguments_hash=arguments_hash,
            # Later by the skew: what may have expired by the service's clock is not run, and what
            # seems still to come by this one may hold already.
            at=now + self._skew,
            audiences=self._audiences,
            takes_unbound=self._takes_unbound,
        )
        found = verify_grant(envelope, trusted.keys, use)
        return HostVerdict(grant=found.grant, flaw=found.flaw, detail=found.detail)

    def _flaw_of(self, grant: Grant, call: SentCall) -> HostFlaw | None:
        if grant.tenant_id != self._tenant_id:
            return HostFlaw.TENANT
        if grant.environment is not self._environment:
            return HostFlaw.ENVIRONMENT
        if call.fence is not None and parse_fence(call.fence) != grant.fence:
            return HostFlaw.FENCE
        return None

    def _admit(self, grant: Grant, now: datetime) -> HostFlaw | None:
        try:
            met = self._memory.admit(_visit(grant, now))
        except MemoryFailed:
            return HostFlaw.MEMORY
        return {Met.NEW: None, Met.SEEN: HostFlaw.SEEN, Met.OVERTAKEN: HostFlaw.OVERTAKEN}[met]


def parse_fence(text: str) -> Fence | None:
    """Return the fence of a `Placet-Fence` header, written `epoch.n`, or none for other text."""
    epoch, _, n = text.partition(".")
    if not (epoch.isascii() and epoch.isdecimal() and n.isascii() and n.isdecimal()):
        return None
    if max(len(epoch), len(n)) > len(str(NUMBER_MAX)):
        return None
    return Fence(epoch=int(epoch), n=int(n))


def _visit(grant: Grant, now: datetime) -> Visit:
    return Visit(
        session_id=grant.session_id,
        call_id=grant.call_id,
        fence=grant.fence,
        expires_at=grant.expires_at,
        at=now,
    )


def _envelope(text: str) -> bytes | None:
    if len(text) > GRANT_TEXT_MAX or not text.isascii():
        return None
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        return None


def _arguments_hash(text: bytes) -> str | None:
    try:
        value = foreign.parse(text)
    except foreign.ForeignJsonError:
        return None
    return digest("arguments", foreign.encode(value)).hex() if isinstance(value, dict) else None


def _no(grant: Grant | None, flaw: HostFlaw | GrantFlaw) -> HostVerdict:
    return HostVerdict(grant=grant, flaw=flaw, detail=_WORDS[flaw])


_WORDS: Final[dict[HostFlaw | GrantFlaw, str]] = {
    HostFlaw.MISSING: "the call came without a grant",
    HostFlaw.TENANT: "the grant is another tenant's",
    HostFlaw.ENVIRONMENT: "the grant is for another environment",
    HostFlaw.FENCE: "the fence beside the grant is not the grant's",
    HostFlaw.OVERTAKEN: "somebody has taken the session over since this grant was given",
    HostFlaw.SEEN: "this call was here before",
    HostFlaw.MEMORY: "this host cannot remember calls now, so it runs none",
    GrantFlaw.MALFORMED: "what came as a grant is none",
    GrantFlaw.ARGUMENTS: "the arguments are no JSON object",
}
