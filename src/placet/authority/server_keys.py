"""Our own keys: one per purpose, kept in files that only the service may read, and their turns."""

import asyncio
import contextlib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Self
from uuid import UUID

from placet.authority import key_files, store
from placet.authority.key_changes import store as changes
from placet.authority.key_changes.model import KeyInFile, Turn
from placet.authority.key_changes.rules import LEAD, decide_turn
from placet.authority.key_files import KeyFileUnusable
from placet.authority.model import KeyPurpose, ServerKey, ServerKeyRotation
from placet.events.model import SYSTEM_ACTOR
from placet.evidence import bundle, dsse
from placet.evidence.dsse import Envelope, encode_envelope
from placet.evidence.ed25519 import SigningKey
from placet.evidence.key_rotation import KeyRotation, sign_rotation
from placet.kernel.ids import TenantId
from placet.kernel.principal import Principal
from placet.kernel.refusals import GovernanceUnavailable
from placet.kernel.value import Value
from placet.storage.database import Database, Writing

NOBODY: Final = Principal(
    tenant_id=TenantId(UUID(int=0)),
    actor_id=SYSTEM_ACTOR,
    key_id="",
    secret_hash=b"",
    scopes=frozenset(),
)
"""Who acts for the service itself, in no tenant."""
_TURNS_MAX: Final = 4
"""Make, list, take over, and look once more: no change of keys has more steps."""


class Known(Value, frozen=True):
    """What the database knows of our keys: since when each is listed, and which ended."""

    listed: Mapping[str, ServerKey]
    ended: frozenset[str]
    now: datetime


class ServerKeys:
    """The keys that this service signs with, by purpose."""

    def __init__(self, *, grant: SigningKey, artifact: SigningKey, checkpoint: SigningKey) -> None:
        """Hold one key per purpose."""
        self._keys = {
            KeyPurpose.GRANT: grant,
            KeyPurpose.ARTIFACT: artifact,
            KeyPurpose.CHECKPOINT: checkpoint,
        }
        self._ended: frozenset[str] = frozenset()
        self._folder: Path | None = None

    @property
    def grant(self) -> SigningKey:
        """The key that signs grants. Refuses `governance_unavailable` once it has ended."""
        return self.signing(KeyPurpose.GRANT)

    @property
    def artifact(self) -> SigningKey:
        """The key that signs artifacts. Refuses `governance_unavailable` once it has ended."""
        return self.signing(KeyPurpose.ARTIFACT)

    @property
    def checkpoint(self) -> SigningKey:
        """The key that signs checkpoints. Refuses `governance_unavailable` once it has ended."""
        return self.signing(KeyPurpose.CHECKPOINT)

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
        await keys.turn(db)
        return keys

    async def register(self, db: Database) -> None:
        """List the public halves, so that what is signed can be verified by the list."""
        async with db.writing(NOBODY) as tx:
            for purpose in KeyPurpose:
                await _list(tx, purpose, self.of(purpose))

    async def turn(self, db: Database) -> None:
        """Let a key lie ready or take over where that is due, and sign with no key that ended.

        A file that cannot be used holds up its own purpose alone: `KeyFileUnusable` is raised when
        the others are done. Refuses `governance_unavailable` without the database.
        """
        faults: dict[KeyPurpose, KeyFileUnusable | OSError] = {}
        for _ in range(_TURNS_MAX):
            known = await self._look(db)
            if self._folder is None:
                return
            done = Turn.NOTHING
            for purpose in [one for one in KeyPurpose if one not in faults]:
                try:
                    turn = await self._step(db, self._folder, purpose, known)
                except (KeyFileUnusable, OSError) as fault:
                    faults[purpose] = fault
                else:
                    done = done if turn is Turn.NOTHING else turn
            if done is Turn.NOTHING:
                break
        for first in faults.values():
            raise first

    async def drop_ended(self, db: Database) -> None:
        """Sign with no key that ended, and with another where one can be made.

        A file that cannot be used is left to `turn`, which comes round.
        """
        with contextlib.suppress(KeyFileUnusable, OSError):
            await self.turn(db)

    async def make_ready(self, db: Database, purpose: KeyPurpose) -> ServerKey:
        """Let another key lie ready for a purpose, unless one does, and return it as it is listed.

        Raises `KeyFileUnusable`.
        """
        folder = self._folder
        assert folder is not None  # noqa: S101 -- keys that are kept nowhere have no next ones

        def act() -> SigningKey:
            with key_files.held(folder):
                return key_files.key_in(ready_file(folder, purpose))

        ready = await asyncio.to_thread(act)
        await self.turn(db)
        return (await self._look(db)).listed[ready.key_id]

    def of(self, purpose: KeyPurpose) -> SigningKey:
        """Return the key of a purpose to be named, though it may have ended: never to sign with."""
        return self._keys[purpose]

    def signing(self, purpose: KeyPurpose) -> SigningKey:
        """Return the key of a purpose to sign with. Asks nobody.

        Refuses `governance_unavailable` while the only key there is has ended.
        """
        key = self._keys[purpose]
        if key.key_id in self._ended:
            raise ended(purpose)
        return key

    def sign(self, purpose: KeyPurpose, payload_type: str, payload: bytes) -> Envelope:
        """Return the payload in an envelope signed with the key of a purpose.

        Refuses `governance_unavailable` while the only key there is has ended.
        """
        return dsse.sign(payload_type, payload, self.signing(purpose))

    @classmethod
    def _read(cls, folder: Path) -> Self:
        with key_files.held(folder):
            keys = cls(
                **{one.value: key_files.key_in(current_file(folder, one)) for one in KeyPurpose}
            )
        keys._folder = folder
        return keys

    async def _look(self, db: Database) -> Known:
        async with db.reading(NOBODY) as tx:
            known = Known(
                listed={key.key_id: key for key in await store.list_server_keys(tx)},
                ended=frozenset(end.key_id for end in await changes.list_ends(tx)),
                now=await tx.now(),
            )
        self._ended = known.ended
        return known

    async def _step(self, db: Database, folder: Path, purpose: KeyPurpose, known: Known) -> Turn:
        """Do what is next for a purpose, hold what signs then, and return what was done."""

        def act() -> tuple[Turn, SigningKey, SigningKey | None]:
            with key_files.held(folder):
                current = key_files.key_in(current_file(folder, purpose))
                ready = key_files.find_key(ready_file(folder, purpose))
                there = None if ready is None else _seen(ready, known)
                turn = decide_turn(purpose, _seen(current, known), there, known.now)
                match turn:
                    case Turn.MAKE:
                        ready = key_files.make_key(ready_file(folder, purpose))
                    case Turn.TAKE_OVER:
                        key_files.take_over(
                            ready_file(folder, purpose), current_file(folder, purpose)
                        )
                    case Turn.DISCARD:
                        ready_file(folder, purpose).unlink(missing_ok=True)
                    case Turn.LIST | Turn.NOTHING:
                        pass
            return turn, current, ready

        turn, current, ready = await asyncio.to_thread(act)
        if current.key_id not in known.listed:
            async with db.writing(NOBODY) as tx:
                await _list(tx, purpose, current)
        if turn is Turn.LIST and ready is not None:
            is_ended = current.key_id in known.ended
            await list_ready(db, purpose, current, ready, is_ended=is_ended)
        signs = ready if turn is Turn.TAKE_OVER and ready is not None else current
        self._keys[purpose] = signs
        return turn


def ended(purpose: KeyPurpose) -> GovernanceUnavailable:
    """Return the refusal of whoever would have to sign with a key that has ended."""
    return GovernanceUnavailable(
        detail=f"the {purpose} key of this service has ended, and no other is ready yet",
        retry_after_seconds=5,
    )


def current_file(folder: Path, purpose: KeyPurpose) -> Path:
    """Return the file of the key that signs."""
    return folder / f"{purpose}.key"


def ready_file(folder: Path, purpose: KeyPurpose) -> Path:
    """Return the file of the key that lies ready."""
    return folder / f"{purpose}.next.key"


async def list_ready(
    db: Database, purpose: KeyPurpose, current: SigningKey, ready: SigningKey, *, is_ended: bool
) -> None:
    """List a key that lies ready, vouched for by the current one unless that has ended."""
    async with db.writing(NOBODY) as tx:
        await _list(tx, purpose, ready)
        if not is_ended:
            now = (await tx.now()).astimezone(UTC)
            rotation = KeyRotation(
                purpose=bundle.KeyPurpose(purpose.value),
                old_key_id=current.key_id,
                new_key_id=ready.key_id,
                new_public_key=ready.public.raw,
                time=now,
                overlap_until=now + LEAD,
            )
            by_old, by_new = sign_rotation(rotation, current, ready)
            await changes.keep_rotation(
                tx,
                ServerKeyRotation(
                    new_key_id=ready.key_id,
                    old_key_id=current.key_id,
                    purpose=purpose,
                    by_old=encode_envelope(by_old),
                    by_new=encode_envelope(by_new),
                    rotated_at=now,
                ),
            )


async def _list(tx: Writing, purpose: KeyPurpose, key: SigningKey) -> None:
    await store.keep_server_key(
        tx,
        ServerKey(
            key_id=key.key_id,
            purpose=purpose,
            public_key=key.public.raw,
            created_at=await tx.now(),
        ),
    )


def _seen(key: SigningKey, known: Known) -> KeyInFile:
    listed = known.listed.get(key.key_id)
    return KeyInFile(
        key_id=key.key_id,
        listed_at=None if listed is None else listed.created_at,
        is_ended=key.key_id in known.ended,
    )
