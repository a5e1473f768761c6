"""What is said when a draft is given up."""

from typing import Annotated

import msgspec

from placet.kernel.value import Input, Value
from placet.studio.drafts.model import REASON_MAX, DraftId


class AbandonDraft(Input, frozen=True):
    """Give up a draft that still has the expected version, and say why."""

    expected_draft_version: Annotated[int, msgspec.Meta(ge=0)]
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=REASON_MAX)]


class DraftAbandoned(Value, frozen=True):
    """Event: an open draft was given up."""

    draft_id: DraftId
    version: int
    reason: str
