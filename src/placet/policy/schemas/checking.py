"""A compiled schema: what it says of a document, and what asking it can take."""

import dataclasses
from collections.abc import Callable

from placet.kernel.foreign import Json
from placet.policy.decision import Reason
from placet.policy.schemas.cost import Cost


@dataclasses.dataclass(frozen=True, slots=True)
class SchemaCheck:
    """A compiled schema: whether a document fits, and why not, with at most so many values.

    `cost` bounds either.
    """

    is_valid: Callable[[Json], bool]
    reasons: Callable[[Json, int], list[Reason]]
    cost: Cost
