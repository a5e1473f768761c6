"""Rules on paths: grouped by path, and compared by what they want there together."""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Final, cast

import msgspec
from msgspec import UNSET

from placet.kernel.foreign import Json
from placet.policy.diff.change import At, Change, Said, judged
from placet.policy.diff.meaning import Atom, Meaning, needed
from placet.policy.model import Rule
from placet.policy.operators import REF, load_references, says
from placet.policy.paths import Path, PathError, parse_path
from placet.policy.text.document import plain
from placet.policy.text.tree import Steps

_ASPECTS: Final = (
    ("exists",),
    ("type",),
    ("equals", "one_of"),
    ("not_equals", "none_of"),
    ("gt", "gte"),
    ("lt", "lte"),
    ("length_gte",),
    ("length_lte",),
    ("contains",),
    ("matches",),
    ("equals_ref", "one_of_ref"),
    ("not_equals_ref", "none_of_ref"),
    ("gt_ref", "gte_ref"),
    ("lt_ref", "lte_ref"),
)
"""Operators that are told as one, since one can take the place of the other."""


@dataclasses.dataclass(frozen=True, slots=True)
class Group:
    """All that is wanted at one path."""

    path: Path
    atoms: list[Atom]


def groups(rules: Sequence[Rule], steps: Steps, *, with_slots: bool = True) -> dict[str, Group]:
    """Return what rules want, by the path's canonical text."""
    found: dict[str, Group] = {}
    for index, rule in enumerate(rules):
        path = _path(rule.path)
        group = found.setdefault(path.text, Group(path, []))
        for name in rule.__struct_fields__:
            operand = getattr(rule, name)
            if name == "path" or operand is UNSET or (name.endswith(REF) and not with_slots):
                continue
            group.atoms.append(Atom(name, operand, (*steps, index, name)))
    return found


def is_implied(by: dict[str, Group], wanted: dict[str, Group]) -> bool:
    """Say whether all that is `wanted` holds wherever `by` holds, as far as that can be told."""
    return all(
        text in by and all(map(Meaning(by[text].atoms).implies, group.atoms))
        for text, group in wanted.items()
        if group.atoms
    )


def group_changes(
    at: At, old: dict[str, Group], new: dict[str, Group], *, subject: str = ""
) -> Iterator[Change]:
    """Yield what changed, for each path and each aspect by itself."""
    for text in dict.fromkeys([*new, *old]):
        path = (new[text] if text in new else old[text]).path
        before = old[text].atoms if text in old else []
        after = new[text].atoms if text in new else []
        yield from _path_changes(at, path, before, after, subject)


def _path_changes(
    at: At, path: Path, before: list[Atom], after: list[Atom], subject: str
) -> Iterator[Change]:
    was, now = Meaning(before), Meaning(after)
    for names in _ASPECTS:
        olds = [atom for atom in before if atom.name in names]
        news = [atom for atom in after if atom.name in names]
        is_slot = names[0].endswith(REF)
        yield from judged(
            At(layer=8, tool=at.tool) if is_slot else at,
            _said(path, olds, subject),
            _said(path, news, subject),
            is_wider=not all(map(now.implies, olds)),
            is_narrower=not all(map(was.implies, news)),
        )


def _said(path: Path, atoms: list[Atom], subject: str) -> Said | None:
    atoms = needed(atoms)
    if not atoms:
        return None
    values = [{atom.name: cast("Json", plain(atom.operand))} for atom in atoms]
    texts = dict.fromkeys(_says(path, atom) for atom in atoms)
    return Said(
        steps=atoms[-1].steps,
        value=values[0] if len(values) == 1 else cast("Json", values),
        says=f"{subject}{' and '.join(texts)}",
    )


def _says(path: Path, atom: Atom) -> str:
    if not atom.name.endswith(REF):
        return says(path, atom.name, atom.operand, is_whole=True)
    try:
        rule = msgspec.convert({"path": path.text, atom.name: atom.operand}, Rule)
        return next(load_references(rule, "")).needs
    except PathError:
        return f"`{path.text}`: {atom.name} `{atom.operand}`"


def canonical_path(text: str) -> str:
    """Return a path's canonical text; what is no path stays as it is."""
    return _path(text).text


def _path(text: str) -> Path:
    try:
        return parse_path(text)
    except PathError:
        return Path(text, (), is_many=False)
