"""How issuers and their ends are kept: only added to."""

import sqlalchemy as sa

from placet.authority.issuers.model import Issuer, IssuerRevocation
from placet.storage.columns import table, tenant_foreign_key

ISSUER = table(
    "authority_issuer",
    Issuer,
    tenant_foreign_key(["registered_by"], "tenancy_actor(actor_id)"),
    sa.UniqueConstraint("tenant_id", "key_id"),
    sa.CheckConstraint("octet_length(public_key) = 32", name="public_key_size"),
    key=("issuer_id",),
)
ISSUER_REVOCATION = table(
    "authority_issuer_revocation",
    IssuerRevocation,
    tenant_foreign_key(["issuer_id"], "authority_issuer(issuer_id)"),
    # Who ended it may be the service itself, after a restore.
    key=("issuer_id",),
)
