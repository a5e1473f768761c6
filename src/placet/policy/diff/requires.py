"""Requirements: those that look at the same earlier call are taken together, then compared."""

import dataclasses
import math
from collections.abc import Iterator, Sequence
from typing import Final, cast

from msgspec import UNSET

from placet.kernel.foreign import Json
from placet.policy.diff.arguments import Group, canonical_path, group_changes, groups, is_implied
from placet.policy.diff.change import At, Change, Said, judged, ranked
from placet.policy.model import Requirement, Same
from placet.policy.paths import PathError
from placet.policy.sentences.rules import requirement_says
from placet.policy.text.document import plain
from placet.policy.text.tree import Steps

LAYER: Final = 5


@dataclasses.dataclass(slots=True)
class _Wanted:
    """All that is wanted of one earlier call: of those of `tool` with the same values, the latest.

    `same` are the values, each as the canonical paths of `ours`, `theirs` and `theirs_output`.
    """

    tool: str
    same: frozenset[tuple[str, str, str]]
    said: Said
    output: dict[str, Group]
    within: float

    def implies(self, other: "_Wanted") -> bool:
        """Say whether a call that meets this is known to meet the other."""
        if self.tool != other.tool or self.within > other.within:
            return False
        if self.same == other.same:
            return is_implied(self.output, other.output)
        # The latest call with more values the same may be an older one, with another output.
        return self.same > other.same and not any(one.atoms for one in other.output.values())


def require_changes(
    tool: str, old: tuple[Sequence[Requirement], Steps], new: tuple[Sequence[Requirement], Steps]
) -> Iterator[Change]:
    """Yield what changed in what a tool requires; each side is the list and its place."""
    at = At(layer=LAYER, tool=tool)
    was, now = _wanted(*old), _wanted(*new)
    for one in now:
        for before in was:
            if (before.tool, before.same) == (one.tool, one.same):
                yield from _call_changes(at, before, one)
    keys = {(one.tool, one.same) for one in was} & {(one.tool, one.same) for one in now}
    gone = [one for one in was if (one.tool, one.same) not in keys]
    come = [one for one in now if (one.tool, one.same) not in keys]
    for name in dict.fromkeys(one.tool for one in (*come, *gone)):
        lost = [(it, not _is_implied(it, now)) for it in gone if it.tool == name]
        won = [(it, not _is_implied(it, was)) for it in come if it.tool == name]
        if len(lost) == len(won) == 1:
            (before, is_wider), (after, is_narrower) = lost[0], won[0]
            said = (before.said, after.said)
            yield from judged(at, *said, is_wider=is_wider, is_narrower=is_narrower)
            continue
        for before, is_wider in lost:
            yield from judged(at, before.said, None, is_wider=is_wider, is_narrower=False)
        for after, is_narrower in won:
            yield from judged(at, None, after.said, is_wider=False, is_narrower=is_narrower)


def _call_changes(at: At, before: _Wanted, after: _Wanted) -> Iterator[Change]:
    """Yield what changed in what is wanted of one and the same call."""
    subject = f"of the call of `{after.tool}` that is required, in the output "
    yield from group_changes(at, before.output, after.output, subject=subject)
    old, new = (_age(one) for one in (before, after))
    yield from ranked(at, old, new, more=_more(before.within, after.within))


def _more(before: float, after: float) -> float:
    return 0 if before == after else after - before


def _age(one: _Wanted) -> Said | None:
    if one.within == math.inf:
        return None
    seconds = int(one.within)
    says = f"the call of `{one.tool}` that is required is at most {seconds} s ago"
    return Said(steps=(*one.said.steps, "within_seconds"), value=seconds, says=says)


def _is_implied(wanted: _Wanted, by: list[_Wanted]) -> bool:
    return any(one.implies(wanted) for one in by)


def _wanted(requirements: Sequence[Requirement], steps: Steps) -> list[_Wanted]:
    """Return requirements, those that pick the same call as one."""
    found: dict[tuple[str, frozenset[tuple[str, str, str]]], _Wanted] = {}
    for index, requirement in enumerate(requirements):
        here = (*steps, index)
        same = frozenset(map(_pair, requirement.same))
        within = requirement.within_seconds
        output = groups(requirement.output, (*here, "output"), with_slots=False)
        one = _Wanted(
            tool=requirement.tool,
            same=same,
            said=Said(steps=here, value=_value(requirement), says=_says(requirement)),
            output=output,
            within=math.inf if within is UNSET else within,
        )
        known = found.setdefault((requirement.tool, same), one)
        if known is not one:
            known.within = min(known.within, one.within)
            for text, group in output.items():
                known.output.setdefault(text, Group(group.path, [])).atoms.extend(group.atoms)
    return list(found.values())


def _pair(same: Same) -> tuple[str, str, str]:
    theirs = "" if same.theirs is UNSET else canonical_path(same.theirs)
    output = "" if same.theirs_output is UNSET else canonical_path(same.theirs_output)
    return canonical_path(same.ours), theirs, output


def _value(requirement: Requirement) -> Json:
    return cast("Json", plain(requirement))


def _says(requirement: Requirement) -> str:
    try:
        return f"requires {requirement_says(requirement)}"
    except PathError:
        return f"requires a committed call of `{requirement.tool}`"
