"""What an assertion must say, and what comes of it and a key's claims together."""

from uuid import UUID

from placet.authority.issuers.model import Issuer
from placet.evidence.principal import Assertion
from placet.kernel.principal import Attributes, check_attributes
from placet.replay.assertions.model import AssertionFlaw, AssertionRefused, PrincipalConflict


def check_place(assertion: Assertion, issuer: Issuer, tenant_id: UUID) -> None:
    """Refuse an assertion for another tenant, agent, environment or issuer than its key's."""
    says = assertion.tenant_id, assertion.issuer_id, assertion.agent, assertion.environment
    if says != (tenant_id, issuer.issuer_id, issuer.agent, issuer.environment):
        raise AssertionRefused(
            detail="the assertion names another tenant, issuer, agent or environment",
            flaw=AssertionFlaw.OTHER_PLACE,
        )


def merge(claims: Attributes, subject: Attributes) -> Attributes:
    """Return what a key and an issuer say together.

    Refuses `principal_conflict` where they differ, and `assertion_refused` where it is too much.
    """
    differ = sorted(
        name for name in claims.keys() & subject.keys() if _differ(name, claims, subject)
    )
    if differ:
        detail = "the key and the issuer differ on what stands in `attributes`"
        raise PrincipalConflict(detail=detail, attributes=differ)
    together = {**subject, **claims}
    try:
        check_attributes(together)
    except ValueError as fault:
        raise AssertionRefused(detail=str(fault), flaw=AssertionFlaw.TOO_LARGE) from fault
    return together


def _differ(name: str, claims: Attributes, subject: Attributes) -> bool:
    one, other = claims[name], subject[name]
    return type(one) is not type(other) or one != other
