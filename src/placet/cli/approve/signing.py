"""The vote: what was found here, signed with a person's key."""

from typing import TYPE_CHECKING

from msgspec.structs import asdict

from placet.evidence.vote import ApprovalVote, VoteDecision, sign_vote
from placet.kernel.ids import ActorId

if TYPE_CHECKING:
    from placet.evidence.dsse import Envelope
    from placet.evidence.ed25519 import SigningKey
    from placet.studio.requests.model import VoteFields


def sign(
    fields: "VoteFields", decision: VoteDecision, voter: ActorId, key: "SigningKey"
) -> "Envelope":
    """Return the signed vote of a person on these fields."""
    vote = ApprovalVote(**asdict(fields), decision=decision, voter_id=voter, key_id=key.key_id)
    return sign_vote(vote, key)
