"""The keys of a data folder: for each purpose one that signs, and now and then one that lies ready.

A file holds a key, or which command has it: `{"command":["/path","word"],"public_key":"<hex>"}`.
What stands in the folder signs. A setting only says where the next key of a purpose comes from, so
that no process signs with another key because its environment is another one.
"""

import asyncio
import contextlib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from placet.authority import key_files
from placet.authority.key_changes.model import KeyInFile, Turn
from placet.authority.key_changes.rules import decide_turn
from placet.authority.key_commands import Argv, CommandKey, Commands, KeyCommandUnusable
from placet.authority.key_files import KeyFileUnusable
from placet.authority.model import KeyPurpose, ServerKey
from placet.authority.signers import Signer
from placet.evidence.ed25519 import PublicKey, SigningKey
from placet.kernel.value import Input, Value

COMMANDED: Final = frozenset({KeyPurpose.ARTIFACT, KeyPurpose.CHECKPOINT})
"""Whose key may be a command's. Grants are signed within a call, where no command is waited for."""
_BEGINS: Final = "{"


class Known(Value, frozen=True):
    """What the database knows of our keys: since when each is listed, and which ended."""

    listed: Mapping[str, ServerKey]
    ended: frozenset[str]
    now: datetime


class KeptCommand(Input, frozen=True):
    """What a file says of a key that a command has. `public_key` is 64 hexadecimal digits."""

    command: tuple[str, ...]
    public_key: str


class NewKeyWanted(Exception):  # noqa: N818 -- what is asked for, before anything was done
    """A command has to give a new key, which is not waited for while the folder is held."""


class Slots:
    """The keys of one folder, and the commands that give new ones."""

    def __init__(
        self, folder: Path, given: Mapping[KeyPurpose, Argv], commands: Commands | None = None
    ) -> None:
        """Stand on a folder; `given` names the command of each purpose that has one."""
        self.folder = folder
        self.given = given
        self.commands = commands or Commands()

    def find(self, path: Path) -> Signer | None:
        """Return the key of a file, or None where there is no file. Raises `KeyFileUnusable`."""
        text = key_files.find_text(path)
        if text is None or not text.startswith(_BEGINS):
            return None if text is None else key_files.key_of(path, text)
        try:
            kept = msgspec.json.decode(text, type=KeptCommand)
            public = PublicKey(raw=bytes.fromhex(kept.public_key))
        except ValueError as fault:
            raise key_files.no_key_in(path) from fault
        if not kept.command:
            raise key_files.no_key_in(path)
        return CommandKey(Argv(kept.command), public, self.commands)

    def current(self, purpose: KeyPurpose) -> Signer | None:
        """Return the key that signs. Raises `KeyFileUnusable`."""
        return _fit(purpose, self.find(current_file(self.folder, purpose)))

    def ready(self, purpose: KeyPurpose) -> Signer | None:
        """Return the key that lies ready. Raises `KeyFileUnusable`."""
        return _fit(purpose, self.find(ready_file(self.folder, purpose)))

    async def begin(self, purpose: KeyPurpose, known: Known) -> Signer:
        """Return the key that signs, and make it if there is none. Raises `KeyUnusable`."""
        found = await asyncio.to_thread(self._first, purpose, None)
        if found is None:
            new = await self.meet(purpose, known, is_first=True)
            found = await asyncio.to_thread(self._first, purpose, new)
        assert found is not None  # noqa: S101 -- it was there, or was made of what the command gave
        if isinstance(found, CommandKey):
            return await self._renewed(purpose, found)
        return found

    async def meet(
        self, purpose: KeyPurpose, known: Known, *, is_first: bool = False
    ) -> CommandKey:
        """Return the key that the purpose's command gives, if it may be taken into use.

        The first key of a folder may be one that signed before. Raises `KeyCommandUnusable`.
        """
        met = await CommandKey.meet(self.given[purpose], self.commands)
        others = await asyncio.to_thread(self._others, purpose)
        listed = known.listed.get(met.key_id)
        if met.key_id in others or (listed is not None and listed.purpose is not purpose):
            raise _refused(purpose, met, "signs something else for this service")
        if met.key_id in known.ended:
            raise _refused(purpose, met, "has ended")
        if listed is not None and not is_first:
            raise _refused(purpose, met, "signs already, or did")
        return met

    async def make_ready(self, purpose: KeyPurpose, known: Known, *, in_file: bool) -> Signer:
        """Let another key lie ready, unless one does, and return it.

        Raises `KeyUnusable`, also where it is to be `in_file` and a command's lies ready.
        """
        found = await asyncio.to_thread(self._find_ready, purpose, known)
        if found is not None:
            if in_file and isinstance(found, CommandKey):
                raise _under_way(purpose, found)
            return found
        new = None
        if purpose in self.given and not in_file:
            new = await self.meet(purpose, known)

        def act() -> Signer:
            with key_files.held(self.folder):
                if new is None and not in_file:
                    self._check_kind(purpose, self.current(purpose))
                return self._made(ready_file(self.folder, purpose), new)

        return await asyncio.to_thread(act)

    def step(
        self, purpose: KeyPurpose, known: Known, new: CommandKey | None = None
    ) -> tuple[Turn, Signer, Signer | None]:
        """Do in the folder what is next for a purpose. Blocking.

        Returns what it was, with the key that was current and the one that lies ready. Raises
        `NewKeyWanted` before anything is done, and `KeyUnusable`.
        """
        with key_files.held(self.folder):
            current, ready = self.current(purpose), self.ready(purpose)
            if current is None:
                self._check_given(purpose, new)
                current = self._made(current_file(self.folder, purpose), new)
            there = None if ready is None else _seen(ready, known)
            turn = decide_turn(purpose, _seen(current, known), there, known.now)
            match turn:
                case Turn.MAKE:
                    self._check_given(purpose, new)
                    self._check_kind(purpose, current)
                    ready = self._made(ready_file(self.folder, purpose), new)
                case Turn.TAKE_OVER:
                    key_files.take_over(
                        ready_file(self.folder, purpose), current_file(self.folder, purpose)
                    )
                case Turn.DISCARD:
                    ready_file(self.folder, purpose).unlink(missing_ok=True)
                case Turn.LIST | Turn.NOTHING:
                    pass
        return turn, current, ready

    def _find_ready(self, purpose: KeyPurpose, known: Known) -> Signer | None:
        """Return the key that lies ready, having discarded one that has ended."""
        with key_files.held(self.folder):
            found = self.ready(purpose)
            if found is None or found.key_id not in known.ended:
                return found
            ready_file(self.folder, purpose).unlink(missing_ok=True)
            return None

    def _first(self, purpose: KeyPurpose, new: CommandKey | None) -> Signer | None:
        with key_files.held(self.folder):
            found = self.current(purpose)
            if found is not None or (new is None and purpose in self.given):
                return found
            return self._made(current_file(self.folder, purpose), new)

    async def _renewed(self, purpose: KeyPurpose, current: CommandKey) -> CommandKey:
        """Return the key with the command that the setting names, if that has the same key."""
        given = self.given.get(purpose, current.command)
        if given == current.command:
            return current
        with contextlib.suppress(KeyCommandUnusable):
            met = await CommandKey.meet(given, self.commands)
            if met.key_id == current.key_id:
                await asyncio.to_thread(self._move, purpose, met)
                return met
        return current

    def _move(self, purpose: KeyPurpose, met: CommandKey) -> None:
        with key_files.held(self.folder):
            current = self.current(purpose)
            if current is not None and current.key_id == met.key_id:
                path = current_file(self.folder, purpose)
                key_files.keep_text(path, _text_of(met), is_anew=True)

    def _made(self, path: Path, new: CommandKey | None) -> Signer:
        if new is None:
            key_files.make_key(path)
        else:
            key_files.keep_text(path, _text_of(new))
        found = self.find(path)
        assert found is not None, path  # noqa: S101 -- it was linked, or a twin's was there
        return found

    def _check_given(self, purpose: KeyPurpose, new: CommandKey | None) -> None:
        if new is None and purpose in self.given:
            raise NewKeyWanted

    def _check_kind(self, purpose: KeyPurpose, current: Signer | None) -> None:
        """Refuse to let a file take over from a command because nobody named the next one."""
        if isinstance(current, CommandKey) and purpose not in self.given:
            raise KeyCommandUnusable(
                detail=f"a command has the {purpose} key, and none is set that gives the next one",
                remedy=f"set PLACET_{purpose.upper()}_KEY_COMMAND, or go back to a file with"
                f" `placet server-key rotate {purpose} --file`",
            )

    def _others(self, purpose: KeyPurpose) -> set[str]:
        """Return the keys of the other purposes in the folder, of the files that can be read."""
        found = set()
        for other in set(KeyPurpose) - {purpose}:
            for file in (current_file, ready_file):
                with contextlib.suppress(KeyFileUnusable, OSError):
                    key = self.find(file(self.folder, other))
                    found |= set() if key is None else {key.key_id}
        return found


def given_by(settings: Mapping[str, tuple[str, ...]]) -> dict[KeyPurpose, Argv]:
    """Return the commands that settings name, by the purpose of the keys that they have."""
    return {KeyPurpose(purpose): Argv(words) for purpose, words in settings.items()}


def current_file(folder: Path, purpose: KeyPurpose) -> Path:
    """Return the file of the key that signs."""
    return folder / f"{purpose}.key"


def ready_file(folder: Path, purpose: KeyPurpose) -> Path:
    """Return the file of the key that lies ready."""
    return folder / f"{purpose}.next.key"


def _fit(purpose: KeyPurpose, found: Signer | None) -> Signer | None:
    if isinstance(found, SigningKey | None) or purpose in COMMANDED:
        return found
    raise KeyFileUnusable(
        detail=f"the file of the {purpose} key names a command",
        remedy="grants are signed by the service itself: remove the file for a new key",
    )


def _text_of(key: CommandKey) -> str:
    kept = KeptCommand(command=key.command, public_key=key.public.raw.hex())
    return msgspec.json.encode(kept).decode()


def _refused(purpose: KeyPurpose, met: CommandKey, said: str) -> KeyCommandUnusable:
    return KeyCommandUnusable(
        detail=f"the command `{met.command[0]}` for the {purpose} key gives the key {met.key_id},"
        f" which {said}",
        remedy=f"let it give a new one, or name another in PLACET_{purpose.upper()}_KEY_COMMAND",
    )


def _under_way(purpose: KeyPurpose, ready: CommandKey) -> KeyCommandUnusable:
    return KeyCommandUnusable(
        detail=f"the key {ready.key_id} of the command `{ready.command[0]}` lies ready for the"
        f" {purpose} key, and no file takes its place",
        remedy="ask again once it has taken over, an hour after it was listed; or let it never sign"
        f" with `placet server-key revoke {ready.key_id} --reason …`, and ask again",
    )


def _seen(key: Signer, known: Known) -> KeyInFile:
    listed = known.listed.get(key.key_id)
    return KeyInFile(
        key_id=key.key_id,
        listed_at=None if listed is None else listed.created_at,
        is_ended=key.key_id in known.ended,
    )
