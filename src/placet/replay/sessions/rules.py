"""What a session is opened with, and the bytes of its state."""

from collections.abc import Mapping
from typing import Final

import msgspec

from placet.authority.tool_hosts.model import Strength
from placet.kernel.canonical import canonical
from placet.kernel.principal import Environment
from placet.plans.model import Enforcement
from placet.policy.loaded import Policy
from placet.policy.model import Ruling, SideEffect
from placet.replay.sessions.model import SessionMode, SessionTier
from placet.replay.sessions.state import SessionState

_TIERS: Final = {
    Strength.COOPERATIVE: SessionTier.MONITOR,
    Strength.PROXIED: SessionTier.PROTECT,
    Strength.VERIFIED: SessionTier.GOVERN,
}
_STATE: Final = msgspec.json.Decoder(SessionState)


def opening_state(phase: str | None) -> SessionState:
    """Return the state of a session in which nothing has happened yet."""
    return SessionState(phase=phase)


def encode_state(state: SessionState) -> bytes:
    """Return the canonical bytes of a state, as the session's row keeps them."""
    return canonical(state)


def decode_state(data: bytes | str) -> SessionState:
    """Return the state that these bytes of ours are."""
    return _STATE.decode(data)


def tier_of(policy: Policy, strengths: Mapping[str, Strength]) -> SessionTier:
    """Return the strength of the weakest tool that a session under this policy may write with.

    A tool without a registered host is cooperative. Where tools that the contract does not name may
    pass, or none that it names writes, nothing more is claimed than that.
    """
    writes = [
        name for name, tool in policy.tools.items() if tool.side_effect is not SideEffect.READ
    ]
    if not writes or policy.unmatched_tools is not Ruling.DENY:
        return SessionTier.MONITOR
    found = (strengths.get(name, Strength.COOPERATIVE) for name in writes)
    return _TIERS[min(found, key=lambda strength: strength.rank)]


def mode_of(
    environment: Environment, enforcement: Enforcement, asked: SessionMode | None
) -> SessionMode:
    """Return whether decisions bind. A client may only ask for the stricter mode.

    Production always enforces; elsewhere the workspace says whether refused calls are blocked.
    """
    binds = environment is Environment.PRODUCTION or enforcement is Enforcement.BLOCK
    if binds or asked is SessionMode.ENFORCE:
        return SessionMode.ENFORCE
    return SessionMode.SHADOW
