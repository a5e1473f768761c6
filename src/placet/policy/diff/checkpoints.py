"""Whose yes is needed, until when, and whether with a reason."""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from placet.policy.diff.change import At, Change, Said, judged, ranked
from placet.policy.model import Checkpoint
from placet.policy.text.tree import Steps

LAYER: Final = 11


def is_as_strict(old: Checkpoint, new: Checkpoint) -> bool:
    """Say whether whatever passes the new checkpoint would have passed the old one."""
    return (
        _is_covered(new, old)
        and new.expires_seconds <= old.expires_seconds
        and new.reason_required >= old.reason_required
    )


def checkpoint_changes(
    tool: str, old: tuple[Checkpoint, Steps], new: tuple[Checkpoint, Steps]
) -> Iterator[Change]:
    """Yield what changed in a checkpoint; each side comes with its place."""
    (before, old_at), (after, new_at) = old, new
    at = At(layer=LAYER, tool=tool)
    is_wider, is_narrower = not _is_covered(after, before), not _is_covered(before, after)
    people = (_people(before, old_at), _people(after, new_at))
    yield from judged(at, *people, is_wider=is_wider, is_narrower=is_narrower)
    more = after.expires_seconds - before.expires_seconds
    yield from ranked(at, _expiry(before, old_at), _expiry(after, new_at), more=more)
    more = before.reason_required - after.reason_required
    yield from ranked(at, _reason(before, old_at), _reason(after, new_at), more=more)


def _is_covered(by: Checkpoint, wanted: Checkpoint) -> bool:
    """Say whether each group that is wanted has a group of its own, as large, on the other side."""
    mine, others = _counts(by), _counts(wanted)
    return all(
        len(mine.get(role, [])) >= len(counts)
        and all(one >= other for one, other in zip(mine[role], counts, strict=False))
        for role, counts in others.items()
    )


def _counts(checkpoint: Checkpoint) -> dict[str, list[int]]:
    """Return the groups' sizes by role, the largest first."""
    counts: dict[str, list[int]] = {}
    for group in checkpoint.all_of:
        counts.setdefault(group.role, []).append(group.count)
    return {role: sorted(of, reverse=True) for role, of in counts.items()}


def _people(checkpoint: Checkpoint, steps: Steps) -> Said:
    people = " and ".join(f"{group.count} `{group.role}`" for group in checkpoint.all_of)
    counts = Counter({group.role: 0 for group in checkpoint.all_of})
    counts.update({group.role: group.count for group in checkpoint.all_of})
    return Said(steps=(*steps, "all_of"), value=dict(counts), says=f"{people} must say yes")


def _expiry(checkpoint: Checkpoint, steps: Steps) -> Said:
    seconds = checkpoint.expires_seconds
    says = f"an ask is a no after {seconds} s"
    return Said(steps=(*steps, "expires_seconds"), value=seconds, says=says)


def _reason(checkpoint: Checkpoint, steps: Steps) -> Said:
    is_needed = checkpoint.reason_required
    says = "each yes needs a reason" if is_needed else "a yes needs no reason"
    return Said(steps=(*steps, "reason_required"), value=is_needed, says=says)
