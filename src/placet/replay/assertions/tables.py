"""How it is kept that an assertion was used: only added to, by the function that opens sessions."""

from placet.replay.assertions.model import UsedAssertion
from placet.storage.columns import table, tenant_foreign_key

ASSERTION = table(
    "replay_assertion",
    UsedAssertion,
    tenant_foreign_key(["issuer_id"], "authority_issuer(issuer_id)"),
    key=("issuer_id", "assertion_id"),
)
