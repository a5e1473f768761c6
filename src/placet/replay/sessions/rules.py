"""What a session is opened with, and the bytes of its state."""

from typing import Final

import msgspec

from placet.kernel.canonical import canonical
from placet.kernel.principal import Environment
from placet.plans.model import Enforcement
from placet.replay.sessions.model import SessionMode
from placet.replay.sessions.state import SessionState

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
