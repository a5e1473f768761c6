"""Whether the commands that have keys of ours sign, and with which keys, for whoever looks."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from msgspec.structs import replace

from placet.authority.key_commands import Argv, CommandKey, Commands
from placet.authority.key_slots import Slots
from placet.authority.model import KeyPurpose
from placet.authority.signers import Signer
from placet.authority.unusable import KeyUnusable
from placet.storage.checks import Check, Status


async def look(
    folder: Path, given: Mapping[KeyPurpose, Argv], commands: Commands | None = None
) -> list[Check]:
    """Return a check for each key that a command has or is to have. Changes nothing."""
    slots = Slots(folder, given, commands)
    found = []
    for purpose in KeyPurpose:
        try:
            current = await asyncio.to_thread(slots.current, purpose)
            ready = await asyncio.to_thread(slots.ready, purpose)
        except KeyUnusable as fault:
            found.append(_failed(f"{purpose} key", fault))
            continue
        found += await _of_purpose(slots, purpose, current, ready)
        if isinstance(ready, CommandKey):
            found.append(_warned(await _checked(f"next {purpose} key", ready)))
    return found


async def _of_purpose(
    slots: Slots, purpose: KeyPurpose, current: Signer | None, ready: Signer | None
) -> list[Check]:
    name, given = f"{purpose} key", slots.given.get(purpose)
    found = [await _checked(name, current)] if isinstance(current, CommandKey) else []
    if given is None:
        return found
    if current is None:
        return [await _met(name, given, slots.commands)]
    if not isinstance(current, CommandKey) or current.command != given:
        found.append(_of_another(name, purpose, current, takes_over=_takes_over(ready, given)))
    return found


def _takes_over(ready: Signer | None, given: Argv) -> bool:
    return isinstance(ready, CommandKey) and ready.command == given


def _of_another(name: str, purpose: KeyPurpose, current: Signer, *, takes_over: bool) -> Check:
    """Say that the command that a setting names does not sign yet."""
    where = f"`{current.command[0]}`" if isinstance(current, CommandKey) else "a file"
    variable = f"PLACET_{purpose.upper()}_KEY_COMMAND"
    if takes_over:
        found = f"{where} has it until what {variable} names takes over, which lies ready"
        return Check(name=name, status=Status.OK, found=found)
    return Check(
        name=name,
        status=Status.WARN,
        found=f"{where} has it and signs on, and not what {variable} names",
        remedy=f"let that take over with `placet server-key rotate {purpose}`,"
        " or set the variable as it was",
    )


async def _checked(name: str, key: CommandKey) -> Check:
    try:
        await key.check()
    except KeyUnusable as fault:
        return _failed(name, fault)
    return _signs(name, key)


async def _met(name: str, given: Argv, commands: Commands) -> Check:
    try:
        return _signs(name, await CommandKey.meet(given, commands))
    except KeyUnusable as fault:
        return _failed(name, fault)


def _warned(check: Check) -> Check:
    """Return the check of a key that does not sign yet: no start fails by it."""
    return replace(check, status=Status.WARN) if check.status is Status.FAIL else check


def _signs(name: str, key: CommandKey) -> Check:
    found = f"`{key.command[0]}` signs with {key.key_id}"
    return Check(name=name, status=Status.OK, found=found)


def _failed(name: str, fault: KeyUnusable) -> Check:
    return Check(name=name, status=Status.FAIL, found=fault.detail, remedy=fault.remedy)
