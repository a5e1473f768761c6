"""What becomes of a call of each tool, before any rule on it is asked."""

import dataclasses
from collections.abc import Iterator
from typing import Final

import msgspec
from msgspec import UNSET

from placet.policy.diff.change import At, Change, ChangeKind, Said, judged, neutral, ranked
from placet.policy.diff.checkpoints import checkpoint_changes, is_as_strict
from placet.policy.diff.runs import redaction_changes
from placet.policy.diff.session import RANKS
from placet.policy.diff.side import Side, sides
from placet.policy.diff.tools import own_changes
from placet.policy.model import Checkpoint, Contract, Ruling
from placet.policy.rulings import checkpoint_of, ruling_of
from placet.policy.sentences.tools import checkpoint_says
from placet.policy.text.tree import Steps

_DOES: Final = {
    Ruling.DENY: "every call is denied",
    Ruling.ASK: "people are asked before each call",
    Ruling.ALLOW: "no people are asked",
}


@dataclasses.dataclass(frozen=True, slots=True)
class _Standing:
    """Whether calls of a tool are denied, asked about, or left to its rules; and where it says."""

    ruling: Ruling
    checkpoint: Checkpoint | None
    steps: Steps

    def said(self, tool: str) -> Said:
        says = f"`{tool}`: {_DOES[self.ruling]}"
        if self.checkpoint is not None:
            says = f"{says}: {checkpoint_says(self.checkpoint)}"
        return Said(steps=self.steps, value=str(self.ruling), says=says)


def tool_changes(old: Contract, new: Contract) -> Iterator[Change]:
    """Yield what changed in the tools: those of the new contract first, then those taken out."""
    was, now = sides(old), sides(new)
    for name, side in now.items():
        if name in was:
            yield from _kept_changes(name, was[name], side)
        else:
            yield from _added_changes(old, side)
    for name, side in was.items():
        if name not in now:
            yield from _removed_changes(side, new)


def _kept_changes(name: str, old: Side, new: Side) -> Iterator[Change]:
    before, after = _standing(old), _standing(new)
    at = At(layer=3 if Ruling.DENY in {before.ruling, after.ruling} else 11, tool=name)
    more = RANKS[after.ruling] - RANKS[before.ruling]
    yield from ranked(at, before.said(name), after.said(name), more=more)
    if before.checkpoint is not None and after.checkpoint is not None:
        yield from checkpoint_changes(
            name,
            (before.checkpoint, (*old.steps, "checkpoint")),
            (after.checkpoint, (*new.steps, "checkpoint")),
        )
    is_denied = after.ruling is Ruling.DENY
    for change in own_changes(old, new):
        yield _harmless(change) if is_denied else change
    yield from redaction_changes(old, new)


def _harmless(change: Change) -> Change:
    """Return a change of a tool that no call can pass anyway."""
    return msgspec.structs.replace(change, kind=ChangeKind.CHANGED, may_widen=False)


def _added_changes(old: Contract, side: Side) -> Iterator[Change]:
    """Yield that a tool got a contract: it was handled as one without."""
    before, after = _unmatched(old), _standing(side)
    name = side.tool.tool
    at = At(layer=3, tool=name)
    said = after.said(name)
    said = Said(steps=side.steps, value=said.value, says=f"the tool {said.says}")
    if before.ruling is after.ruling is Ruling.DENY:
        yield from neutral(at, None, said)
        return
    is_wider = not _is_as_strict(before, after) or (
        before.ruling is not Ruling.DENY and side.leaves_something
    )
    is_narrower = before.ruling is not Ruling.DENY
    yield from judged(at, None, said, is_wider=is_wider, is_narrower=is_narrower)


def _is_as_strict(before: _Standing, after: _Standing) -> bool:
    if before.ruling is after.ruling is Ruling.ASK:
        both = before.checkpoint, after.checkpoint
        return both[0] is not None and both[1] is not None and is_as_strict(both[0], both[1])
    return RANKS[after.ruling] <= RANKS[before.ruling]


def _removed_changes(side: Side, new: Contract) -> Iterator[Change]:
    """Yield that a tool has no contract any more: its rules are gone."""
    before, after = _standing(side), _unmatched(new)
    name = side.tool.tool
    said = before.said(name)
    said = Said(steps=side.steps, value=said.value, says=f"the tool {said.says}")
    at = At(layer=3, tool=name)
    if after.ruling is Ruling.DENY:
        told = neutral if before.ruling is Ruling.DENY else _narrowed
        yield from told(at, said, None)
        return
    is_narrower = RANKS[after.ruling] < RANKS[before.ruling]
    yield from judged(at, said, None, is_wider=True, is_narrower=is_narrower)


def _narrowed(at: At, old: Said | None, new: Said | None) -> Iterator[Change]:
    yield from judged(at, old, new, is_wider=False, is_narrower=True)


def _standing(side: Side) -> _Standing:
    contract, tool = side.contract, side.tool
    ruling, _ = ruling_of(contract, tool)
    checkpoint = checkpoint_of(tool, ruling)
    if ruling is Ruling.DENY or checkpoint is None:
        return _Standing(ruling, None, _ruling_steps(side))
    steps = _ruling_steps(side) if tool.checkpoint is UNSET else (*side.steps, "checkpoint")
    return _Standing(Ruling.ASK, checkpoint, steps)


def _ruling_steps(side: Side) -> Steps:
    if side.tool.decision is not UNSET:
        return (*side.steps, "decision")
    if side.tool.side_effect in side.contract.session.risk_defaults:
        return ("session", "risk_defaults", str(side.tool.side_effect))
    return (*side.steps, "side_effect")


def _unmatched(contract: Contract) -> _Standing:
    ruling = contract.session.unmatched_tools
    checkpoint = Checkpoint() if ruling is Ruling.ASK else None
    return _Standing(ruling, checkpoint, ("session", "unmatched_tools"))
