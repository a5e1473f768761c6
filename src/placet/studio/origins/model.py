"""Why a contract cannot be brought into a draft."""

import dataclasses
from uuid import UUID

from placet.kernel.refusals import Conflict
from placet.kernel.value import Value


class RebasePlace(Value, frozen=True):
    """A place that the draft and the active approval changed in two ways.

    Each value is canonical JSON as text, null where there is none.
    """

    place: str
    base: str | None
    ours: str | None
    theirs: str | None


@dataclasses.dataclass(kw_only=True, eq=False)
class RebaseConflict(Conflict):
    """The draft and the active approval changed the same places."""

    hint = "make the draft agree with one of both at each place, then rebase again"
    conflicts: list[RebasePlace]


@dataclasses.dataclass(kw_only=True, eq=False)
class RebaseTargetMoved(Conflict):
    """That approval is not the active one."""

    hint = "rebase on the active approval"
    active_approval_id: UUID | None


class RebaseWithoutBase(Conflict):
    """The draft stems from no approval of its workspace, so there is nothing to compare with."""

    hint = "open a draft from the active approval, and make the changes there"
