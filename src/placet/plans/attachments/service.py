"""Taking an instance's report, and telling who runs what."""

from placet.kernel.paging import encode_cursor
from placet.kernel.principal import Principal
from placet.kernel.refusals import ScopeMissing
from placet.plans import service as plans
from placet.plans.attachments import rules, store
from placet.plans.attachments.model import (
    Attachment,
    AttachmentNoted,
    AttachmentPage,
    AttachmentQuery,
    ReportAttachment,
)
from placet.plans.inventory import rules as inventory_rules
from placet.plans.inventory import store as inventory
from placet.plans.model import PlanNotFound
from placet.storage.database import Reading, Writing


async def note_attachment(
    tx: Writing, principal: Principal, asked: ReportAttachment
) -> AttachmentNoted:
    """Keep an instance's report, and the tools that it offers if it tells of them.

    Refuses `scope_missing` for a key that is bound to no agent, and `tool_schema_too_large`.
    """
    agent, environment = principal.agent, principal.environment
    if agent is None or environment is None:
        raise ScopeMissing(detail="this key is bound to no agent", scope="runtime")
    now = await tx.now()
    if asked.tools is not None:
        offered = inventory_rules.versions_of(
            asked.tools, tenant_id=tx.tenant_id, agent=agent, environment=environment, now=now
        )
        await inventory.keep_versions(tx, offered)
    attachment = Attachment(
        tenant_id=tx.tenant_id,
        agent=agent,
        environment=environment,
        instance_id=asked.instance_id,
        status=asked.status,
        compiled_hash=asked.compiled_hash,
        reason=asked.reason,
        sdk_version=asked.sdk_version,
        tool_count=None if asked.tools is None else len(offered),
        reported_by=tx.actor_id,
        since=now,
        first_seen_at=now,
        last_seen_at=now,
    )
    await store.keep_attachment(tx, attachment)
    plan = await plans.find_plan(tx, agent, environment)
    in_force = None if plan is None else plan.compiled_hash
    return AttachmentNoted(
        instance_id=asked.instance_id,
        status=asked.status,
        is_converged=rules.is_converged(asked.status, asked.compiled_hash, in_force),
        plan_status=None if plan is None else plan.status,
        plan_version=None if plan is None else plan.version,
        compiled_hash=in_force,
        last_seen_at=now,
    )


async def list_attachments(
    tx: Reading, asked: AttachmentQuery, after: str | None
) -> AttachmentPage:
    """Return who runs what of an agent, by instance, after the one named.

    Refuses `plan_not_found`.
    """
    plan = await plans.find_plan(tx, asked.agent, asked.environment)
    if plan is None:
        raise PlanNotFound(detail="nobody has opened governance for this agent there")
    now = await tx.now()
    of_agent = (tx, asked.agent, asked.environment)
    found = await store.list_attachments(*of_agent, after=after, limit=asked.limit + 1)
    shown = found[: asked.limit]
    return AttachmentPage(
        plan_status=plan.status,
        plan_version=plan.version,
        compiled_hash=plan.compiled_hash,
        counts=await store.count_attachments(
            *of_agent, plan.compiled_hash, now - rules.SILENT_AFTER
        ),
        items=[rules.view_of(one, plan.compiled_hash, now) for one in shown],
        next_cursor=encode_cursor([shown[-1].instance_id]) if len(found) > len(shown) else None,
    )
