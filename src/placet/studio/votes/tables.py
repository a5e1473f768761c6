"""How votes are kept."""

import sqlalchemy as sa

from placet.storage.columns import table, tenant_foreign_key
from placet.studio.votes.model import ApprovalVote

VOTE = table(
    "studio_approval_vote",
    ApprovalVote,
    tenant_foreign_key(["request_id"], "studio_approval_request(request_id)"),
    tenant_foreign_key(["voter_id"], "tenancy_actor(actor_id)"),
    tenant_foreign_key(["key_id"], "authority_person_key(key_id)"),
    sa.UniqueConstraint("tenant_id", "vote_id"),
    key=("request_id", "voter_id"),
)
