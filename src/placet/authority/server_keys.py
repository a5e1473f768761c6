"""Our own keys: one per purpose, made once, kept in files that only the service may read.

A file is 32 bytes of Ed25519 seed as 64 hexadecimal digits and a line end, mode 0600. It appears
under its name whole or not at all, so two processes that start together on an empty folder use the
same key.
"""

import asyncio
import os
import tempfile
from pathlib import Path
from typing import Final, Self
from uuid import UUID

from placet.authority import store
from placet.authority.model import KeyPurpose, ServerKey
from placet.events.model import SYSTEM_ACTOR
from placet.evidence import dsse
from placet.evidence.dsse import Envelope
from placet.evidence.ed25519 import SigningKey
from placet.kernel.ids import TenantId
from placet.kernel.principal import Principal
from placet.storage.database import Database
from placet.storage.unusable import Unusable

_NOBODY: Final = Principal(
    tenant_id=TenantId(UUID(int=0)),
    actor_id=SYSTEM_ACTOR,
    key_id="",
    secret_hash=b"",
    scopes=frozenset(),
)
_OTHERS_MAY: Final = 0o077


class KeyFileUnusable(Unusable):
    """A file of our keys is not one that the service may sign with."""


class ServerKeys:
    """The keys that this service signs with, by purpose."""

    def __init__(self, *, grant: SigningKey, artifact: SigningKey, checkpoint: SigningKey) -> None:
        """Hold one key per purpose."""
        self.grant = grant
        self.artifact = artifact
        self.checkpoint = checkpoint

    @classmethod
    def generate(cls) -> Self:
        """Return fresh keys that are kept nowhere."""
        return cls(
            grant=SigningKey.generate(),
            artifact=SigningKey.generate(),
            checkpoint=SigningKey.generate(),
        )

    @classmethod
    async def load(cls, folder: Path, db: Database) -> Self:
        """Read the keys of a data folder, make those that are missing, and list all of them.

        Raises `KeyFileUnusable` with the remedy.
        """
        keys = await asyncio.to_thread(cls._read, folder)
        await keys.register(db)
        return keys

    async def register(self, db: Database) -> None:
        """List the public halves, so that what is signed can be verified by the list."""
        async with db.writing(_NOBODY) as tx:
            now = await tx.now()
            for purpose in KeyPurpose:
                public = self.of(purpose).public
                await store.keep_server_key(
                    tx,
                    ServerKey(
                        key_id=public.key_id,
                        purpose=purpose,
                        public_key=public.raw,
                        created_at=now,
                    ),
                )

    def of(self, purpose: KeyPurpose) -> SigningKey:
        """Return the key of a purpose."""
        return {
            KeyPurpose.GRANT: self.grant,
            KeyPurpose.ARTIFACT: self.artifact,
            KeyPurpose.CHECKPOINT: self.checkpoint,
        }[purpose]

    def sign(self, purpose: KeyPurpose, payload_type: str, payload: bytes) -> Envelope:
        """Return the payload in an envelope signed with the key of a purpose."""
        return dsse.sign(payload_type, payload, self.of(purpose))

    @classmethod
    def _read(cls, folder: Path) -> Self:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return cls(
            grant=_key_of(folder / "grant.key"),
            artifact=_key_of(folder / "artifact.key"),
            checkpoint=_key_of(folder / "checkpoint.key"),
        )


def secret_in(path: Path) -> bytes:
    """Return the 32 bytes of a key of ours, and make the file if it is missing. Blocking.

    Raises `KeyFileUnusable` with the remedy.
    """
    return _key_of(path).seed()


def _key_of(path: Path) -> SigningKey:
    if not path.exists():
        _make(path)
    mode = path.stat().st_mode
    if mode & _OTHERS_MAY:
        raise KeyFileUnusable(
            detail=f"others may read the signing key `{path}`",
            remedy=f"chmod 600 {path}; if somebody may have read it, remove it for a new key",
        )
    try:
        return SigningKey(bytes.fromhex(path.read_text("ascii").strip()))
    except (OSError, ValueError) as fault:
        raise KeyFileUnusable(
            detail=f"the file `{path}` holds no signing key",
            remedy="put the key back from a backup, or remove the file for a new key",
        ) from fault


def _make(path: Path) -> None:
    """Write a new key under another name, then give it its name unless a twin was faster."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    draft = Path(name)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(SigningKey.generate().seed().hex() + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
