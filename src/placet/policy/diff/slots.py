"""Slots: which values committed calls leave for later ones."""

from collections.abc import Callable, Iterator
from typing import Final

from placet.policy.diff.arguments import canonical_path
from placet.policy.diff.change import At, Change, Said, neutral, undecided
from placet.policy.diff.side import Side
from placet.policy.model import Bind, Contract
from placet.policy.operators import references

_READS: Final = "slots"
"""How a condition names the slots."""

_Told = Callable[[At, Said | None, Said | None], Iterator[Change]]


def slot_changes(old: Contract, new: Contract) -> Iterator[Change]:
    """Yield slots that are written in another way."""
    was, now = _writes(old), _writes(new)
    yield from _changes(At(), was, now, new)


def bind_changes(old: Side, new: Side) -> Iterator[Change]:
    """Yield slots that a tool fills in another way."""
    yield from _changes(At(tool=new.tool.tool), _sources(old), _sources(new), new.contract)


def _changes(at: At, was: dict[str, Said], now: dict[str, Said], new: Contract) -> Iterator[Change]:
    """Yield changes of slots: what is read may be more and may be less than it was."""
    for slot in dict.fromkeys((*now, *was)):
        before, after = was.get(slot), now.get(slot)
        if before is None or after is None or before.value != after.value:
            told: _Told = undecided if _is_read(slot, new) else neutral
            yield from told(at, before, after)


def _is_read(slot: str, contract: Contract) -> bool:
    """Say whether some rule may read a slot."""
    return any(
        (tool.when and _READS in tool.when)
        or any(slot == name for rule in tool.arguments for _, name in references(rule))
        for tool in contract.tools
    )


def _writes(contract: Contract) -> dict[str, Said]:
    return {
        binding.slot: Said(
            steps=("session", "bindings", index),
            value=str(binding.write),
            says=f"the slot `{binding.slot}` keeps its values by `{binding.write}`",
        )
        for index, binding in enumerate(contract.session.bindings)
    }


def _sources(side: Side) -> dict[str, Said]:
    """Return what a tool puts into each slot, in the order in which it does."""
    slots: dict[str, list[tuple[int, Bind]]] = {}
    for index, bind in enumerate(side.tool.binds):
        slots.setdefault(bind.slot, []).append((index, bind))
    return {slot: _source(side, slot, binds) for slot, binds in slots.items()}


def _source(side: Side, slot: str, binds: list[tuple[int, Bind]]) -> Said:
    paths = [(canonical_path(bind.path), bind.source) for _, bind in binds]
    told = ", then ".join(f"`{path}` of its {source}" for path, source in paths)
    return Said(
        steps=(*side.steps, "binds", binds[-1][0]),
        value=[f"{source} {path}" for path, source in paths],
        says=f"a commit of `{side.tool.tool}` puts {told} into the slot `{slot}`",
    )
