"""Finding out for whom a session is opened."""

from placet.authority.issuers import store as issuers
from placet.evidence.dsse import EnvelopeRefused, encode_envelope, parse_envelope
from placet.evidence.ed25519 import PublicKey
from placet.evidence.principal import verify_assertion
from placet.kernel.principal import Principal
from placet.kernel.refusals import Refusal
from placet.replay.assertions.model import (
    Acting,
    Asserted,
    AssertionFlaw,
    AssertionRefused,
)
from placet.replay.assertions.rules import check_place, merge
from placet.storage.database import Reading
from placet.tenancy import store as tenancy


async def read_acting(tx: Reading, principal: Principal, given: bytes | None) -> Acting:
    """Return for whom a session of this key is to be opened.

    Whether the issuer counts and the time is right, the opening itself finds out. Refuses
    `assertion_refused` and `principal_conflict`.
    """
    claims = await tenancy.get_claims(tx, principal.key_id)
    if given is None:
        return Acting(principal=claims)
    try:
        envelope = parse_envelope(given)
    except EnvelopeRefused as fault:
        raise AssertionRefused(detail=fault.detail, flaw=AssertionFlaw.MALFORMED) from fault
    (signature,) = envelope.signatures
    issuer = await issuers.find_issuer_by_key(tx, signature.keyid)
    if issuer is None or (issuer.agent, issuer.environment) != (
        principal.agent,
        principal.environment,
    ):
        raise AssertionRefused(
            detail="no issuer with this key is registered for this agent and environment",
            flaw=AssertionFlaw.ISSUER_UNKNOWN,
        )
    try:
        assertion = verify_assertion(envelope, [PublicKey(raw=issuer.public_key)])
    except EnvelopeRefused as fault:
        raise AssertionRefused(detail=fault.detail, flaw=AssertionFlaw.SIGNATURE) from fault
    check_place(assertion, issuer, tx.tenant_id)
    return Acting(
        principal=merge(claims, assertion.subject),
        asserted=Asserted(
            issuer_id=issuer.issuer_id,
            assertion_id=assertion.assertion_id,
            issued_at=assertion.issued_at,
            expires_at=assertion.expires_at,
        ),
        envelope=encode_envelope(envelope),
    )


def find_refusal(code: str) -> Refusal | None:
    """Return what a code of the opening says of its assertion, if anything."""
    match code:
        case "assertion_issuer_revoked":
            return _refused(AssertionFlaw.ISSUER_REVOKED, "the issuer's registration has ended")
        case "assertion_early":
            detail = "the assertion was issued ahead of the service's clock"
            return _refused(AssertionFlaw.EARLY, detail)
        case "assertion_expired":
            return _refused(AssertionFlaw.EXPIRED, "the assertion's time is over")
        case "assertion_used":
            detail = "a session was opened on this assertion before"
            return _refused(AssertionFlaw.USED, detail)
        case _:
            return None


def _refused(flaw: AssertionFlaw, detail: str) -> AssertionRefused:
    return AssertionRefused(detail=detail, flaw=flaw)
