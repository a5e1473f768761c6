"""What calls beyond a series give to it, as somebody told who counts them."""

import dataclasses
from typing import Final

from placet.policy.numbers import Number


@dataclasses.dataclass(frozen=True, slots=True)
class Beyond:
    """Values that count too; they leave with nobody's window, since whoever told them knows when.

    A sum and an extreme are one value. For different ones, `besides` is how many there are that
    are not among `values`.
    """

    values: frozenset[Number | bytes] = frozenset()
    besides: int = 0


NOTHING_BEYOND: Final = Beyond()
