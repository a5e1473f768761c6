"""How registrations of issuers are shown."""

from placet.authority.issuers.model import Issuer, IssuerRevocation, IssuerView


def view_of(issuer: Issuer, revocation: IssuerRevocation | None) -> IssuerView:
    """Return a registration and its end without the tenant, which the reader knows."""
    return IssuerView(
        issuer_id=issuer.issuer_id,
        name=issuer.name,
        agent=issuer.agent,
        environment=issuer.environment,
        key_id=issuer.key_id,
        public_key=issuer.public_key,
        registered_by=issuer.registered_by,
        registered_at=issuer.registered_at,
        revoked_by=None if revocation is None else revocation.revoked_by,
        revoke_reason=None if revocation is None else revocation.reason,
        revoked_at=None if revocation is None else revocation.revoked_at,
    )
