"""Our own keys: one per purpose, in a file or behind a command, and their turns."""

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from datetime import UTC
from pathlib import Path
from types import MappingProxyType
from typing import Final, Self
from uuid import UUID

from placet.authority import signers, store
from placet.authority.key_changes import store as changes
from placet.authority.key_changes.model import Turn
from placet.authority.key_changes.rules import LEAD
from placet.authority.key_commands import Argv, CommandKey, Commands, KeyCommandUnusable
from placet.authority.key_slots import Known, NewKeyWanted, Slots
from placet.authority.model import KeyPurpose, ServerKey, ServerKeyRotation
from placet.authority.signers import Signer
from placet.authority.unusable import KeyUnusable
from placet.events.model import SYSTEM_ACTOR
from placet.evidence import bundle
from placet.evidence.dsse import Envelope, encode_envelope
from placet.evidence.ed25519 import SigningKey
from placet.evidence.key_rotation import KEY_ROTATION_TYPE, KeyRotation
from placet.kernel.canonical import canonical
from placet.kernel.ids import TenantId
from placet.kernel.principal import Principal
from placet.kernel.refusals import GovernanceUnavailable
from placet.storage.database import Database, Reading, Writing

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
_NO_COMMANDS: Final[Mapping[KeyPurpose, Argv]] = MappingProxyType({})
_LOG: Final = logging.getLogger("placet.keys")


class ServerKeys:
    """The keys that this service signs with, by purpose."""

    def __init__(self, *, grant: SigningKey, artifact: Signer, checkpoint: Signer) -> None:
        """Hold one key per purpose."""
        self._grant = grant
        self._keys: dict[KeyPurpose, Signer] = {
            KeyPurpose.GRANT: grant,
            KeyPurpose.ARTIFACT: artifact,
            KeyPurpose.CHECKPOINT: checkpoint,
        }
        self._ended: frozenset[str] = frozenset()
        self._slots: Slots | None = None

    @property
    def grant(self) -> SigningKey:
        """The key that signs grants. Refuses `governance_unavailable` once it has ended."""
        if self._grant.key_id in self._ended:
            raise ended(KeyPurpose.GRANT)
        return self._grant

    @property
    def artifact(self) -> Signer:
        """The key that signs artifacts. Refuses `governance_unavailable` once it has ended."""
        return self.signing(KeyPurpose.ARTIFACT)

    @property
    def checkpoint(self) -> Signer:
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
    async def load(
        cls,
        folder: Path,
        db: Database,
        given: Mapping[KeyPurpose, Argv] = _NO_COMMANDS,
        *,
        commands: Commands | None = None,
    ) -> Self:
        """Read the keys of a data folder, make those that are missing, and list all of them.

        `given` names the commands that new keys of a purpose come from. Raises `KeyUnusable` with
        the remedy.
        """
        keys = await cls.read(folder, db, given, commands=commands)
        await keys.turn(db)
        for purpose, command in given.items():
            key = keys.of(purpose)
            if not isinstance(key, CommandKey) or key.command != command:
                _LOG.warning(
                    "the %s key is not that of PLACET_%s_KEY_COMMAND;"
                    " `placet server-key rotate %s` lets that take over",
                    purpose,
                    purpose.upper(),
                    purpose,
                )
        return keys

    @classmethod
    async def read(
        cls,
        folder: Path,
        db: Database,
        given: Mapping[KeyPurpose, Argv] = _NO_COMMANDS,
        *,
        commands: Commands | None = None,
    ) -> Self:
        """Do as `load` does, and leave what is due with the keys for later."""
        slots = Slots(folder, given, commands)
        async with db.reading(NOBODY) as tx:
            known = await _known(tx)
        grant = await slots.begin(KeyPurpose.GRANT, known)
        assert isinstance(grant, SigningKey)  # noqa: S101 -- the folder gives no other for grants
        keys = cls(
            grant=grant,
            artifact=await slots.begin(KeyPurpose.ARTIFACT, known),
            checkpoint=await slots.begin(KeyPurpose.CHECKPOINT, known),
        )
        keys._slots = slots
        await keys.register(db)
        return keys

    async def check(self) -> None:
        """Ask each command that signs whether it does. Raises `KeyCommandUnusable`."""
        for key in self._keys.values():
            if isinstance(key, CommandKey) and key.key_id not in self._ended:
                await key.check()

    async def register(self, db: Database) -> None:
        """List the public halves, so that what is signed can be verified by the list."""
        async with db.writing(NOBODY) as tx:
            for purpose in KeyPurpose:
                await _list(tx, purpose, self.of(purpose))

    async def turn(self, db: Database) -> None:
        """Let a key lie ready or take over where that is due, and sign with no key that ended.

        A key that cannot be used holds up its own purpose alone: `KeyUnusable` is raised when the
        others are done. Refuses `governance_unavailable` without the database.
        """
        faults: dict[KeyPurpose, KeyUnusable | OSError] = {}
        for _ in range(_TURNS_MAX):
            known = await self._look(db)
            if self._slots is None:
                return
            done = Turn.NOTHING
            for purpose in [one for one in KeyPurpose if one not in faults]:
                try:
                    turn = await self._step(db, self._slots, purpose, known)
                except (KeyUnusable, OSError) as fault:
                    faults[purpose] = fault
                else:
                    done = done if turn is Turn.NOTHING else turn
            if done is Turn.NOTHING:
                break
        for first in faults.values():
            raise first

    async def look(self, db: Database) -> None:
        """Learn which keys ended, and sign with none of them. Waits for no command."""
        await self._look(db)

    async def drop_ended(self, db: Database) -> None:
        """Sign with no key that ended, and with another where one can be made.

        A key that cannot be used is left to `turn`, which comes round.
        """
        with contextlib.suppress(KeyUnusable, OSError):
            await self.turn(db)

    async def make_ready(
        self, db: Database, purpose: KeyPurpose, *, in_file: bool = False
    ) -> ServerKey:
        """Let another key lie ready for a purpose, unless one does, and return it as it is listed.

        It is one of the purpose's command, unless there is none or it is to be `in_file`. Raises
        `KeyUnusable`.
        """
        slots = self._slots
        assert slots is not None  # noqa: S101 -- keys that are kept nowhere have no next ones
        ready = await slots.make_ready(purpose, await self._look(db), in_file=in_file)
        await self.turn(db)
        return (await self._look(db)).listed[ready.key_id]

    def of(self, purpose: KeyPurpose) -> Signer:
        """Return the key of a purpose to be named, though it may have ended: never to sign with."""
        return self._keys[purpose]

    def signing(self, purpose: KeyPurpose) -> Signer:
        """Return the key of a purpose to sign with. Asks nobody.

        Refuses `governance_unavailable` while the only key there is has ended.
        """
        key = self._keys[purpose]
        if key.key_id in self._ended:
            raise ended(purpose)
        return key

    async def sign(self, purpose: KeyPurpose, payload_type: str, payload: bytes) -> Envelope:
        """Return the payload in an envelope signed with the key of a purpose.

        A command takes its time, so hold no transaction meanwhile. Refuses `governance_unavailable`
        while the only key there is has ended, or its command does not sign.
        """
        try:
            return await signers.sign(payload_type, payload, self.signing(purpose))
        except KeyCommandUnusable as fault:
            _LOG.warning("nothing is signed for `%s`: %s; %s", purpose, fault, fault.remedy)
            raise GovernanceUnavailable(
                detail=f"the command that has the {purpose} key of this service does not sign now",
                retry_after_seconds=5,
            ) from fault

    async def _look(self, db: Database) -> Known:
        async with db.reading(NOBODY) as tx:
            known = await _known(tx)
        # A look that began before another may end behind it, and an end is for ever.
        self._ended |= known.ended
        return known

    async def _step(self, db: Database, slots: Slots, purpose: KeyPurpose, known: Known) -> Turn:
        """Do what is next for a purpose, hold what signs then, and return what was done."""
        try:
            turn, current, ready = await asyncio.to_thread(slots.step, purpose, known)
        except NewKeyWanted:
            is_first = await asyncio.to_thread(slots.current, purpose) is None
            new = await slots.meet(purpose, known, is_first=is_first)
            turn, current, ready = await asyncio.to_thread(slots.step, purpose, known, new)
        if current.key_id not in known.listed:
            async with db.writing(NOBODY) as tx:
                await _list(tx, purpose, current)
        if turn is Turn.LIST and ready is not None:
            is_ended = current.key_id in known.ended
            await list_ready(db, purpose, current, ready, is_ended=is_ended)
        self._hold(purpose, ready if turn is Turn.TAKE_OVER and ready is not None else current)
        return turn

    def _hold(self, purpose: KeyPurpose, key: Signer) -> None:
        self._keys[purpose] = key
        if purpose is KeyPurpose.GRANT and isinstance(key, SigningKey):
            self._grant = key


def ended(purpose: KeyPurpose) -> GovernanceUnavailable:
    """Return the refusal of whoever would have to sign with a key that has ended."""
    return GovernanceUnavailable(
        detail=f"the {purpose} key of this service has ended, and no other is ready yet",
        retry_after_seconds=5,
    )


async def list_ready(
    db: Database, purpose: KeyPurpose, current: Signer, ready: Signer, *, is_ended: bool
) -> None:
    """List a key that lies ready, vouched for by the current one unless that has ended.

    Raises `KeyCommandUnusable`.
    """
    rotation = None if is_ended else await _rotation(db, purpose, current, ready)
    async with db.writing(NOBODY) as tx:
        await _list(tx, purpose, ready)
        if rotation is None:
            return
        # Race: the current key may have ended while a command signed.
        await changes.hold_ends(tx)
        if not await changes.is_ended(tx, current.key_id):
            await changes.keep_rotation(tx, rotation)


async def _rotation(
    db: Database, purpose: KeyPurpose, current: Signer, ready: Signer
) -> ServerKeyRotation:
    async with db.reading(NOBODY) as tx:
        now = (await tx.now()).astimezone(UTC)
    payload = canonical(
        KeyRotation(
            purpose=bundle.KeyPurpose(purpose.value),
            old_key_id=current.key_id,
            new_key_id=ready.key_id,
            new_public_key=ready.public.raw,
            time=now,
            overlap_until=now + LEAD,
        )
    )
    return ServerKeyRotation(
        new_key_id=ready.key_id,
        old_key_id=current.key_id,
        purpose=purpose,
        by_old=encode_envelope(await signers.sign(KEY_ROTATION_TYPE, payload, current)),
        by_new=encode_envelope(await signers.sign(KEY_ROTATION_TYPE, payload, ready)),
        rotated_at=now,
    )


async def _list(tx: Writing, purpose: KeyPurpose, key: Signer) -> None:
    await store.keep_server_key(
        tx,
        ServerKey(
            key_id=key.key_id,
            purpose=purpose,
            public_key=key.public.raw,
            created_at=await tx.now(),
        ),
    )


async def _known(tx: Reading) -> Known:
    return Known(
        listed={key.key_id: key for key in await store.list_server_keys(tx)},
        ended=frozenset(end.key_id for end in await changes.list_ends(tx)),
        now=await tx.now(),
    )
