"""Conditions over several values: CEL, checked and bounded when it is written.

What a condition may see is `args`, `principal`, `labels`, `phase` (the empty text in a contract
without phases) and `slots`: no clock and no outputs. Anything but `true` is a denial.
"""

from collections.abc import Mapping
from typing import Final

from placet.kernel.foreign import Json
from placet.kernel.value import Value
from placet.policy.schemas.cost import Cost

LIBRARY: Final = "cel-expr-python"
LIBRARY_VERSION: Final = "0.1"


class ConditionFault(Value, frozen=True):
    """What is wrong with a condition; `line` and `column` are counted from 1."""

    line: int
    column: int
    message: str


class ConditionError(ValueError):
    """A condition that cannot be used."""

    def __init__(self, faults: tuple[ConditionFault, ...]) -> None:
        """Keep all faults; the text is the first one's."""
        super().__init__(faults[0].message)
        self.faults = faults


class Condition:
    """A compiled condition. `cost` bounds what asking it takes, whatever it is asked."""

    text: str
    cost: Cost

    def holds(
        self,
        args: dict[str, Json],
        principal: Mapping[str, Json],
        labels: Mapping[str, str],
        phase: str | None,
        slots: Mapping[str, Json],
    ) -> bool:
        """Say whether the condition is true. Never raises: whatever goes wrong is false."""
        raise NotImplementedError


def check_condition(text: str) -> list[ConditionFault]:
    """Return what is wrong with a condition, first things first; nothing is wrong if empty."""
    raise NotImplementedError


def compile_condition(text: str) -> Condition:
    """Return a condition ready to be asked. Raises `ConditionError`."""
    raise NotImplementedError


def check_library() -> None:
    """Raise `ConditionError` if another version of the library is installed than is needed."""
    raise NotImplementedError
