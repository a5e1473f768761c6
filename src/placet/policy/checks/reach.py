"""Which phases a commit can lead to, and which tools can ever be called."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping

from placet.policy.cel.tree import Tree
from placet.policy.checks.known import Known
from placet.policy.checks.reading import needed_slots
from placet.policy.model import BoundFrom, CommitRequirement, Contract, ToolContract
from placet.policy.operators import references
from placet.policy.rulings import phases_of, target_of

Phases = int
"""A set of phases, one bit for each. A contract without phases counts as one with a single one."""

EVERYWHERE: Phases = 1
_UNKNOWN: Phases = -1
"""Every phase: of a tool that names an undeclared one, which is told where it stands."""


@dataclasses.dataclass(frozen=True, slots=True)
class Reach:
    """What can come before what.

    `valid` are the phases that a tool may be called in, `after` those that a session can be in once
    it has committed. `meetable` are the tools that some session can call. `bound` has, for each
    slot, the phases in which such a tool can have bound it.
    """

    valid: dict[str, Phases]
    after: dict[str, Phases]
    meetable: frozenset[str]
    bound: dict[str, Phases]

    def can_precede(self, earlier: str, later: str) -> bool:
        """Say whether one tool can have committed before another one is called, by the phases."""
        return bool(self.after[earlier] & self.valid[later])


def reachable(contract: Contract, starts: Iterable[str]) -> set[str]:
    """Return the phases that can be reached from `starts` by transitions, these included.

    Nothing leads on from a terminal phase: it closes the session.
    """
    terminal = {phase.name for phase in contract.session.phases if phase.terminal}
    seen: set[str] = set()
    ahead = list(starts)
    while ahead:
        name = ahead.pop()
        if name not in seen:
            seen.add(name)
            ahead += () if name in terminal else contract.session.transitions.get(name, ())
    return seen


def can_bind(tool: ToolContract) -> Iterator[str]:
    """Yield the slots that a commit of this tool can bind."""
    for bind in tool.binds:
        is_uncommitted = tool.commit_requirement is CommitRequirement.NONE
        if bind.source is BoundFrom.ARGUMENTS or not is_uncommitted:
            yield bind.slot


def reach_of(known: Known, trees: Mapping[str, Tree]) -> Reach:
    """Return what can come before what in a contract; `trees` are the conditions by tool."""
    bits = _Bits(known.contract)
    valid = {name: bits.valid_in(tool) for name, tool in known.tools.items()}
    after = {name: bits.after(tool) for name, tool in known.tools.items()}
    return _Meeting(known, valid, after, trees).reach()


class _Bits:
    """Phases as bits, and for each of them those that it leads to."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._declared = {phase.name for phase in contract.session.phases}
        self._bits: dict[str, Phases] = {}
        self._onward: dict[str, Phases] = {}

    def valid_in(self, tool: ToolContract) -> Phases:
        names = phases_of(self._contract, tool)
        if names is None:
            return EVERYWHERE
        return self._all(names) if self._declared.issuperset(names) else _UNKNOWN

    def after(self, tool: ToolContract) -> Phases:
        names = phases_of(self._contract, tool)
        if names is None:
            return EVERYWHERE
        target = target_of(tool)
        if not self._declared.issuperset((*names, *(() if target is None else (target,)))):
            return _UNKNOWN
        phases = 0
        for name in names if target is None else (target,):
            if name not in self._onward:
                self._onward[name] = self._all(reachable(self._contract, {name}))
            phases |= self._onward[name]
        return phases

    def _all(self, names: Iterable[str]) -> Phases:
        phases = 0
        for name in names:
            phases |= self._bits.setdefault(name, 1 << len(self._bits))
        return phases


class _Meeting:
    """The tools that can be called, found by beginning with those that wait for nothing."""

    def __init__(
        self,
        known: Known,
        valid: dict[str, Phases],
        after: dict[str, Phases],
        trees: Mapping[str, Tree],
    ) -> None:
        self.valid, self.after = valid, after
        self.tools = {name: known.tools[name] for name in known.tools if name in known.callable}
        self.slots = {name: _slots_read(tool, trees.get(name)) for name, tool in self.tools.items()}
        self.meetable: set[str] = set()
        self.bound: dict[str, Phases] = {}
        self.waiting: dict[tuple[str, str], list[str]] = {}
        for name, tool in self.tools.items():
            for requirement in tool.requires:
                self.waiting.setdefault(("tool", requirement.tool), []).append(name)
            for slot in self.slots[name]:
                self.waiting.setdefault(("slot", slot), []).append(name)

    def reach(self) -> Reach:
        ahead = list(self.tools)
        while ahead:
            name = ahead.pop()
            if name not in self.meetable and self._is_met(name):
                self.meetable.add(name)
                ahead += self.waiting.get(("tool", name), ())
                ahead += self._bind(name)
        return Reach(self.valid, self.after, frozenset(self.meetable), self.bound)

    def _is_met(self, name: str) -> bool:
        valid = self.valid[name]
        return all(self.bound.get(slot, 0) & valid for slot in self.slots[name]) and all(
            requirement.tool in self.meetable
            and self.tools[requirement.tool].commit_requirement is not CommitRequirement.NONE
            and self.after[requirement.tool] & valid
            for requirement in self.tools[name].requires
        )

    def _bind(self, name: str) -> list[str]:
        """Bind the slots of a tool that can be called, and return who may have waited for them."""
        woken: list[str] = []
        for slot in can_bind(self.tools[name]):
            before = self.bound.get(slot, 0)
            self.bound[slot] = before | self.after[name]
            if self.bound[slot] != before:
                woken += self.waiting.get(("slot", slot), ())
        return woken


def _slots_read(tool: ToolContract, tree: Tree | None) -> frozenset[str]:
    """Return the slots without which a tool is never called."""
    slots = frozenset(slot for rule in tool.arguments for _, slot in references(rule))
    return slots if tree is None else slots | needed_slots(tree.root)
