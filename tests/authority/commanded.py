"""Programs that have a key of ours, as an operator would write them, and worse ones."""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Final

from placet.authority import key_files, store
from placet.authority.key_changes.rules import LEAD
from placet.authority.key_commands import Argv
from placet.authority.key_slots import ready_file
from placet.authority.model import KeyPurpose, ServerKey
from placet.authority.server_keys import NOBODY
from placet.evidence import dsse
from placet.evidence.ed25519 import SigningKey
from placet.storage.database import Database

TRIAL: Final = dsse.pae("placet.key_trial.v1", b"{}")
"""What a command is tried with before it is taken into use."""

_SIGNER: Final = """#!{python}
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(Path(sys.argv[1]).read_text()))
if sys.argv[2] == "public":
    print(key.public_key().public_bytes_raw().hex())
else:
    gate = Path(sys.argv[1] + ".gate")
    if gate.exists():
        gate.read_bytes()
    print(key.sign(sys.stdin.buffer.read()).hex())
"""
_CANNED: Final = """#!/bin/sh
if [ "$1" = public ]; then
{public}
else
{sign}
fi
"""


class Signer:
    """A program that signs, with a key in a file of its own."""

    def __init__(self, folder: Path, name: str = "signer", key: SigningKey | None = None) -> None:
        """Write program and key."""
        self._seed = folder / f"{name}.seed"
        self.command = Argv((str(program(folder / name, _SIGNER.format(python=sys.executable))),))
        self.command = Argv((*self.command, str(self._seed)))
        self.key = key or SigningKey.generate()
        self.hold(self.key)

    @property
    def text(self) -> str:
        """The command as a setting names it."""
        return " ".join(self.command)

    def hold(self, key: SigningKey) -> None:
        """Sign with this key from now on."""
        self.key = key
        self._seed.write_text(key.seed().hex())

    @contextlib.asynccontextmanager
    async def stopped(self) -> AsyncIterator[None]:
        """Begin when it is at a signature, which it makes when the block is over."""
        gate = Path(f"{self._seed}.gate")
        os.mkfifo(gate)
        opened = await asyncio.to_thread(gate.open, "wb")
        try:
            yield
        finally:
            gate.unlink()  # noqa: ASYNC240 -- one name in a folder of the test
            opened.close()

    def move(self, folder: Path) -> "Signer":
        """Return a program elsewhere that has the same key; this one is gone."""
        Path(self.command[0]).unlink()
        return Signer(folder, "moved", self.key)

    def break_(self) -> None:
        """End with an exit code from now on."""
        self._seed.write_text("")


def program(path: Path, text: str) -> Path:
    """Write a program."""
    path.write_text(text)
    path.chmod(0o700)
    return path


def canned(path: Path, public: str, sign: str = ":") -> Argv:
    """Return a command that runs these lines of a shell for its two verbs."""
    return Argv((str(program(path, _CANNED.format(public=public, sign=sign))),))


def saying(path: Path, public: str, signature: bytes) -> Argv:
    """Return a command that always says the same."""
    return canned(path, f"echo {public}", f"cat > /dev/null; echo {signature.hex()}")


def lay_ready(folder: Path, signer: Signer, purpose: KeyPurpose) -> None:
    """Let the key of a program lie ready in a folder."""
    kept = {"command": signer.command, "public_key": signer.key.public.raw.hex()}
    key_files.keep_text(ready_file(folder, purpose), json.dumps(kept))


async def list_since(
    db: Database, key: SigningKey, purpose: KeyPurpose, age: timedelta = LEAD
) -> None:
    """List a key that has been there for so long."""
    async with db.writing(NOBODY) as tx:
        listed = ServerKey(
            key_id=key.key_id,
            purpose=purpose,
            public_key=key.public.raw,
            created_at=await tx.now() - age,
        )
        await store.keep_server_key(tx, listed)
