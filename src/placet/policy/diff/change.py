"""One change between two contracts, and how it is judged."""

from collections.abc import Hashable, Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Final, TypeVar

from placet.kernel.foreign import Json
from placet.kernel.value import Value
from placet.policy.paths import path_text
from placet.policy.text.tree import Steps

_Key = TypeVar("_Key", bound=Hashable)


class ChangeKind(StrEnum):
    """What a change does to the calls that can pass."""

    WIDENED = "widened"
    NARROWED = "narrowed"
    CHANGED = "changed"


class Change(Value, frozen=True):
    """One rule that is not what it was.

    - `path` is where it stands in the new document, or in the old one where it was taken out
      (`$.tools[4].arguments[0].lte`); `text` names things by their names.
    - `tool` is null where the rule is the session's. `layer` is the evaluator's layer that the rule
      acts in, or null where it decides nothing about a call by itself.
    - `before` and `after` are what the contract says, null for nothing.
    - `may_widen` is true where some call may pass that did not: of everything that widened, and of
      what changed in a way that cannot be decided. It is true as well where a value that was
      hidden may be seen.
    """

    kind: ChangeKind
    path: str
    tool: str | None
    layer: int | None
    text: str
    before: Json
    after: Json
    may_widen: bool = False


class Said(Value, frozen=True):
    """What a contract says at one place, as a value and in words."""

    steps: Steps
    value: Json
    says: str


class At(Value, frozen=True):
    """Whose rule is looked at, and in which layer it acts."""

    layer: int | None = None
    tool: str | None = None


_ORDER: Final = {ChangeKind.WIDENED: 0, ChangeKind.CHANGED: 1, ChangeKind.NARROWED: 2}


def in_order(changes: Iterable[Change]) -> list[Change]:
    """Return changes with the widened ones first, then changed, then narrowed.

    Among the changed, those that may widen stand first; otherwise the order stays.
    """
    return sorted(changes, key=lambda change: (_ORDER[change.kind], not change.may_widen))


def judged(
    at: At, old: Said | None, new: Said | None, *, is_wider: bool, is_narrower: bool
) -> Iterator[Change]:
    """Yield the change from `old` to `new`, unless it lets neither more nor less pass.

    What is not proven is given as true, so that both together mean: it cannot be decided.
    """
    if is_wider and is_narrower:
        yield _change(ChangeKind.CHANGED, at, old, new, may_widen=True)
    elif is_wider:
        yield _change(ChangeKind.WIDENED, at, old, new, may_widen=True)
    elif is_narrower:
        yield _change(ChangeKind.NARROWED, at, old, new, may_widen=False)


def ranked(at: At, old: Said | None, new: Said | None, *, more: float) -> Iterator[Change]:
    """Yield a change of what has an order; `more` is above 0 where more can pass than before."""
    yield from judged(at, old, new, is_wider=more > 0, is_narrower=more < 0)


def undecided(at: At, old: Said | None, new: Said | None) -> Iterator[Change]:
    """Yield a change that may let more pass and may let less pass."""
    yield from judged(at, old, new, is_wider=True, is_narrower=True)


def neutral(at: At, old: Said | None, new: Said | None) -> Iterator[Change]:
    """Yield a change that lets no call pass that did not pass before, and refuses none."""
    yield _change(ChangeKind.CHANGED, at, old, new, may_widen=False)


def members(
    at: At, old: Mapping[_Key, Said], new: Mapping[_Key, Said], *, more_is_wider: bool
) -> Iterator[Change]:
    """Yield a change for each member that only one of two sets has, by the members' keys."""
    for key, said in new.items():
        if key not in old:
            yield from judged(at, None, said, is_wider=more_is_wider, is_narrower=not more_is_wider)
    for key, said in old.items():
        if key not in new:
            yield from judged(at, said, None, is_wider=not more_is_wider, is_narrower=more_is_wider)


def _change(
    kind: ChangeKind, at: At, old: Said | None, new: Said | None, *, may_widen: bool
) -> Change:
    here = new or old
    return Change(
        kind=kind,
        path=path_text(() if here is None else here.steps),
        tool=at.tool,
        layer=at.layer,
        text=_text(old, new),
        before=None if old is None else old.value,
        after=None if new is None else new.value,
        may_widen=may_widen,
    )


def _text(old: Said | None, new: Said | None) -> str:
    match old, new:
        case Said(), Said():
            return f"{new.says} (before: {old.says})"
        case None, Said():
            return f"new: {new.says}"
        case Said(), None:
            return f"no longer: {old.says}"
    return ""
