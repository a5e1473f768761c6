"""Whether a grant proves a call that nobody knows, and how orphans are shown."""

from typing import Final

from placet.evidence.grant import Grant
from placet.kernel.ids import TenantId
from placet.kernel.principal import Environment
from placet.kernel.value import Value
from placet.policy.evaluate import read_calls
from placet.policy.facts import Call
from placet.policy.loaded import Policy
from placet.replay.orphans.model import (
    OrphanFlaw,
    OrphanRefused,
    OrphanView,
    ReplayOrphanReceipt,
)


class Reporter(Value, frozen=True):
    """Who reports: whose the grant must be."""

    tenant_id: TenantId
    agent: str | None
    environment: Environment | None


def check_grant(grant: Grant, reporter: Reporter) -> None:
    """Refuse `orphan_refused` unless the grant is this agent's, in this environment."""
    others = (
        (grant.tenant_id != reporter.tenant_id, OrphanFlaw.TENANT),
        (grant.agent != reporter.agent, OrphanFlaw.AGENT),
        (grant.environment is not reporter.environment, OrphanFlaw.ENVIRONMENT),
    )
    for is_other, flaw in others:
        if is_other:
            raise refused(flaw)


def find_effect_key(policy: Policy, grant: Grant, arguments: str) -> bytes | None:
    """Return the effect key of the call that was granted; None where its tool has none.

    Refuses `orphan_refused` unless the arguments are those of the grant.
    """
    (judged,) = read_calls(policy, (Call(tool=grant.tool, arguments=arguments.encode()),))
    if judged.arguments_hash is None or judged.arguments_hash.hex() != grant.arguments_hash:
        raise refused(OrphanFlaw.ARGUMENTS)
    return judged.effect_key


def refused(flaw: OrphanFlaw) -> OrphanRefused:
    """Return the refusal with its words."""
    return OrphanRefused(detail=_WORDS[flaw], reason=flaw)


def view_of(orphan: ReplayOrphanReceipt) -> OrphanView:
    """Return an orphan without the tenant, which the reader knows, and without its output."""
    return OrphanView(
        receipt_id=orphan.receipt_id,
        session_id=orphan.session_id,
        call_id=orphan.call_id,
        agent=orphan.agent,
        tool_name=orphan.tool_name,
        status=orphan.status,
        evidence_level=orphan.evidence_level,
        arguments_hash=orphan.arguments_hash.hex(),
        output_hash=None if orphan.output_hash is None else orphan.output_hash.hex(),
        external_ref=orphan.external_ref,
        error=orphan.error,
        cost_micros=orphan.cost_micros,
        conflicting=orphan.conflicting,
        effect_key=None if orphan.effect_key is None else orphan.effect_key.hex(),
        grant_envelope=orphan.grant_envelope,
        host_envelope=orphan.host_envelope,
        reported_by=orphan.reported_by,
        received_at=orphan.received_at,
    )


_WORDS: Final = {
    OrphanFlaw.MALFORMED: "what came as a grant is no envelope",
    OrphanFlaw.TYPE: "the envelope holds no grant",
    OrphanFlaw.SIGNATURE: "no key of ours signed this grant",
    OrphanFlaw.PAYLOAD: "what is signed is no grant in its one form",
    OrphanFlaw.TENANT: "the grant is another tenant's",
    OrphanFlaw.AGENT: "the grant is another agent's",
    OrphanFlaw.ENVIRONMENT: "the grant is for another environment",
    OrphanFlaw.ARGUMENTS: "the arguments are not those that were granted",
    OrphanFlaw.KNOWN: "the call is known here, so it is reported on as usual",
}
