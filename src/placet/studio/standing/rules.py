"""What stands against a standing grant: pure functions."""

from collections.abc import Collection, Sequence
from datetime import datetime

import msgspec

from placet.evidence.dsse import Envelope, EnvelopeFlaw, EnvelopeRefused
from placet.evidence.ed25519 import PublicKey
from placet.evidence.standing import Standing, verify_standing
from placet.kernel.canonical import canonical
from placet.kernel.ids import ActorId
from placet.policy.loaded import LoadedTool
from placet.policy.model import Rule
from placet.policy.paths import touches
from placet.policy.standing import checkpoint_hash, load_rules, schema_hash
from placet.replay.standing.model import IN_FORCE_MAX, PER_TOOL_MAX, ReplayStandingGrant
from placet.studio.standing.model import (
    LASTS_MAX,
    StandingFlaw,
    StandingObjection,
    StandingRefused,
    StandingTerms,
    StandingView,
)
from placet.studio.workspaces.model import GovernanceWorkspace, WorkspaceId

_RULES = msgspec.json.Decoder(list[Rule])


def open_standing(envelope: Envelope, own: Sequence[PublicKey]) -> Standing | StandingObjection:
    """Return the standing grant if one of the signer's own keys signed it, else why it is none."""
    try:
        return verify_standing(envelope, own)
    except EnvelopeRefused as fault:
        if not own:
            return objection(StandingFlaw.KEY_UNKNOWN, "no key is enrolled for the signer")
        if fault.flaw is EnvelopeFlaw.PAYLOAD:
            return objection(StandingFlaw.SIGNED_OTHERWISE, fault.detail)
        return objection(StandingFlaw.SIGNATURE_INVALID, fault.detail)


def terms_of(workspace: GovernanceWorkspace, tool: LoadedTool) -> StandingTerms | None:
    """Return what a standing grant of a tool signs of the contract; None where nobody is asked."""
    if tool.checkpoint is None:
        return None
    return StandingTerms(
        tenant_id=workspace.tenant_id,
        workspace_id=workspace.workspace_id,
        agent=workspace.agent,
        environment=workspace.environment,
        tool=tool.name,
        side_effect=tool.side_effect,
        schema_hash=schema_hash(tool),
        checkpoint_hash=checkpoint_hash(tool.checkpoint),
        all_of=list(tool.checkpoint.all_of),
    )


def check_standing(
    standing: Standing, signer_id: ActorId, terms: StandingTerms, now: datetime
) -> list[StandingObjection]:
    """Return what stands against what a standing grant says, whoever signed it."""
    named = {field: getattr(terms, field) for field in _NAMED} | {"granted_by": signer_id}
    wrong = [field for field, value in named.items() if getattr(standing, field) != value]
    found = []
    if wrong:
        detail = "what was signed differs from what is in force in: " + ", ".join(sorted(wrong))
        found.append(objection(StandingFlaw.OTHER_TERMS, detail))
    if not now < standing.expires_at <= now + LASTS_MAX:
        detail = f"it must end within {LASTS_MAX.days} days, and later than now"
        found.append(objection(StandingFlaw.TOO_LONG, detail))
    return found


def check_rules(standing: Standing, tool: LoadedTool) -> list[StandingObjection]:
    """Return what stands against the rules on arguments."""
    try:
        operators = load_rules(rules_text(standing).decode())
    except ValueError as fault:
        return [objection(StandingFlaw.RULES_BAD, f"its rules cannot be read: {fault}")]
    if any(touches(operator.path, tool.redacted) for operator in operators):
        detail = "its rules name a value that the contract hides"
        return [objection(StandingFlaw.RULES_BAD, detail)]
    return []


def check_people(terms: StandingTerms, roles: Collection[str]) -> list[StandingObjection]:
    """Return why one person with these roles cannot answer by themselves."""
    if any(group.count > 1 for group in terms.all_of):
        people = " and ".join(f"{group.count} {group.role}" for group in terms.all_of)
        detail = f"the contract asks {people}, and a standing grant is the word of one person"
        return [objection(StandingFlaw.SEVERAL_PEOPLE, detail)]
    missing = sorted({group.role for group in terms.all_of} - set(roles))
    if not missing:
        return []
    names = ", ".join(f"`{name}`" for name in missing)
    return [objection(StandingFlaw.ROLE_MISSING, f"the signer has not the role {names}")]


def rules_text(standing: Standing) -> bytes:
    """Return the one form of the rules on arguments."""
    return canonical(standing.arguments)


def view_of(grant: ReplayStandingGrant) -> StandingView:
    """Return a standing grant as people see it."""
    return StandingView(
        standing_id=grant.standing_id,
        workspace_id=WorkspaceId(grant.workspace_id),
        agent=grant.agent,
        environment=grant.environment,
        tool=grant.tool_name,
        arguments=_RULES.decode(grant.rules),
        uses=grant.uses_max,
        used=grant.used,
        reason=grant.reason,
        granted_by=grant.granted_by,
        granted_at=grant.granted_at,
        expires_at=grant.expires_at,
        revoked_by=grant.revoked_by,
        revoke_reason=grant.revoke_reason,
        revoked_at=grant.revoked_at,
    )


def objection(code: StandingFlaw, detail: str) -> StandingObjection:
    """Return one thing that stands against a standing grant."""
    return StandingObjection(code=code, detail=detail)


def not_added(*, is_given: bool) -> StandingObjection:
    """Return why a standing grant that nothing else stands against was not put in force."""
    if is_given:
        detail = "a standing grant with this id was given before"
        return objection(StandingFlaw.GIVEN_BEFORE, detail)
    detail = (
        f"{PER_TOOL_MAX} are in force for this tool, or {IN_FORCE_MAX} for the agent: revoke some,"
        " or let one say more with `one_of` or bounds"
    )
    return objection(StandingFlaw.TOO_MANY, detail)


def refused(reasons: list[StandingObjection]) -> StandingRefused:
    """Return the refusal that lists what stands against a standing grant."""
    return StandingRefused(detail="; ".join(reason.detail for reason in reasons), reasons=reasons)


_NAMED = (
    "tenant_id",
    "workspace_id",
    "agent",
    "environment",
    "tool",
    "schema_hash",
    "checkpoint_hash",
)
