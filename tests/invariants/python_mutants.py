"""Rules with a guard taken away: a mutant is a function of ours put in the place of another."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import msgspec
import pytest

from placet.replay.calls import fold, rules
from placet.replay.calls.events import CallProposed, CallSettled
from placet.replay.calls.model import EvidenceLevel
from placet.replay.sessions.state import SessionState

Patch = tuple[ModuleType, str, Callable[..., Any]]


@dataclass(frozen=True)
class PythonMutant:
    """Rules with something left out, and the invariant that they break."""

    name: str
    breaks: str
    patches: tuple[Patch, ...]


@contextmanager
def patched(mutant: PythonMutant) -> Iterator[None]:
    """Have a mutant in the place of the real functions, and take it out again."""
    with pytest.MonkeyPatch.context() as patch:
        for module, name, function in mutant.patches:
            # Fails where there is no such function any more.
            patch.setattr(module, name, function)
        yield


_left = fold._left  # noqa: SLF001 -- a mutant is a change of what is inside


def _counts_nothing(state: SessionState, said: CallProposed) -> SessionState:
    return _left(state, said)


def _counts_commits(state: SessionState, said: CallProposed | CallSettled) -> SessionState:
    counted = {**state.counted, said.tool: state.counted.get(said.tool, 0) + 1}
    return _left(msgspec.structs.replace(state, counted=counted), said)


LIMIT_COUNTS_COMMITS_ONLY = PythonMutant(
    "limit_counts_commits_only",
    "I15",
    ((fold, "_granted", _counts_nothing), (fold, "_left", _counts_commits)),
)
CLAIMED_FAILURE_FREES_THE_KEY = PythonMutant(
    "claimed_failure_frees_the_key",
    "I10",
    ((rules, "failure_need", lambda *_: EvidenceLevel.CLIENT_REPORTED),),
)
