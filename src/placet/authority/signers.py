"""Who signs for us: a key in this process, or a command that has one."""

from typing import TypeAlias, assert_never

from placet.authority.key_commands import CommandKey
from placet.evidence import dsse
from placet.evidence.dsse import Envelope
from placet.evidence.ed25519 import SigningKey

Signer: TypeAlias = SigningKey | CommandKey


async def sign(payload_type: str, payload: bytes, key: Signer) -> Envelope:
    """Return the envelope of a payload, signed: at once by a key that is here.

    A command takes its time, so hold no transaction meanwhile. Raises `KeyCommandUnusable`.
    """
    match key:
        case SigningKey():
            return dsse.sign(payload_type, payload, key)
        case CommandKey():
            signature = await key.sign(dsse.pae(payload_type, payload))
            return dsse.sealed(payload_type, payload, key.key_id, signature)
        case _:
            assert_never(key)
