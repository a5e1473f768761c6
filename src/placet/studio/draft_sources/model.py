"""The sources of a draft, as they are shown."""

from placet.evidence.fields import HexDigest
from placet.kernel.value import Value
from placet.studio.drafts.model import DraftId
from placet.studio.drafts.standing import ListedSource


class DraftSourcesAnswer(Value, frozen=True):
    """What a draft counts at a version, and the hash that a snapshot of it would hold.

    At most 200, in the order of their adding.
    """

    draft_id: DraftId
    version: int
    source_snapshot_hash: HexDigest
    sources: list[ListedSource]
