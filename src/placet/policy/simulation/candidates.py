"""Earlier calls that did not happen here, though they may have where they were recorded."""

from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import field

from placet.kernel import foreign
from placet.kernel.foreign import ForeignJsonError, Json
from placet.kernel.value import Mutable
from placet.policy.facts import COMMITTED_MAX, Call
from placet.policy.hashes import likeness
from placet.policy.holding import Holding
from placet.policy.loaded import LoadedRequirement, LoadedSame, Policy
from placet.policy.paths import MISSING, Selected, find
from placet.policy.simulation.late import Output

_NOBODY: Final[dict[str, "Candidate"]] = {}


class Candidate(Mutable):
    """A call that is not committed. `output` is what a commit with its recorded one would leave.

    `is_unknown`: the recording does not hold its arguments. `holding` is what a grant would hold,
    once somebody has asked for it, and so are `shown` and `bound`: texts that tell what the commit
    would show to rules that require it, and what it would leave in slots.
    """

    call_id: str
    step: int
    call: Call
    principal: Mapping[str, Json]
    output: Output | None
    is_unknown: bool = False
    holding: Holding | None = None
    shown: str | None = None
    bound: dict[int, str] | None = None
    keys: list[tuple[str, tuple[object, ...]]] = field(default_factory=list)

    def given(self) -> Json:
        """Return the arguments, null where they are malformed."""
        try:
            return foreign.parse(self.call.arguments)
        except ForeignJsonError:
            return None


class Candidates:
    """The latest calls of each tool that are not committed, as many as facts keep committed ones.

    Those of a tool that others require are found by the values that a requirement compares; they
    are read for it when somebody asks first.
    """

    def __init__(self, policy: Policy) -> None:
        """Begin with none."""
        self._requirements: dict[str, list[LoadedRequirement]] = {}
        for tool in policy.tools.values():
            for requirement in tool.requires:
                if requirement.same:
                    self._requirements.setdefault(requirement.tool, []).append(requirement)
        self._kept: dict[str, dict[str, Candidate]] = {}
        self._unread: dict[str, dict[str, Candidate]] = {}
        self._found: dict[tuple[str, tuple[object, ...]], dict[str, Candidate]] = {}

    @property
    def tools(self) -> list[str]:
        """Return the tools that have any."""
        return [tool for tool, kept in self._kept.items() if kept]

    def add(self, candidate: Candidate) -> None:
        """Keep a call, and forget the oldest of its tool where there are too many."""
        tool = candidate.call.tool
        kept = self._kept.setdefault(tool, {})
        kept[candidate.call_id] = candidate
        if tool in self._requirements and not candidate.is_unknown:
            self._unread.setdefault(tool, {})[candidate.call_id] = candidate
        if len(kept) > COMMITTED_MAX:
            self.discard(tool, next(iter(kept)))

    def discard(self, tool: str, call_id: str) -> None:
        """Forget a call, because it is committed now, or too long ago."""
        candidate = self._kept.get(tool, _NOBODY).pop(call_id, None)
        if candidate is None:
            return
        self._unread.get(tool, _NOBODY).pop(call_id, None)
        for key in candidate.keys:
            del self._found[key][call_id]
            if not self._found[key]:
                del self._found[key]

    def of(self, tool: str) -> Iterator[Candidate]:
        """Yield the calls of a tool, the newest first."""
        return reversed(self._kept.get(tool, _NOBODY).values())

    def matching(self, requirement: LoadedRequirement, arguments: Json) -> Iterator[Candidate]:
        """Yield, newest first, the calls that a requirement of these arguments may be about."""
        if not requirement.same:
            return self.of(requirement.tool)
        self._read(requirement.tool)
        key = _key([_likeness(find(same.ours, arguments), same) for same in requirement.same])
        found = _NOBODY if key is None else self._found.get((requirement.rule, key), _NOBODY)
        return reversed(found.values())

    def _read(self, tool: str) -> None:
        for candidate in self._unread.pop(tool, _NOBODY).values():
            given = candidate.given()
            for requirement in self._requirements[tool]:
                key = _key([_theirs(same, given, candidate.output) for same in requirement.same])
                if key is not None:
                    place = (requirement.rule, key)
                    candidate.keys.append(place)
                    self._found.setdefault(place, {})[candidate.call_id] = candidate


def _theirs(same: LoadedSame, given: Json, output: Output | None) -> object:
    if not same.is_output:
        return _likeness(find(same.theirs.path, given), same)
    return None if output is None else output.kept.get(same.theirs.key)


def _likeness(value: Selected, same: LoadedSame) -> str | None:
    return None if value is MISSING else likeness(value, is_secret=same.theirs.is_secret)


def _key(values: list[object]) -> tuple[object, ...] | None:
    """Return what equal values share, or None where one is missing."""
    return None if None in values else tuple(values)
