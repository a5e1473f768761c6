"""Questions about instances, and the last report of each that is kept."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from placet.kernel.principal import Environment
from placet.plans.attachments.model import (
    INSTANCES_MAX,
    Attachment,
    AttachmentCounts,
    AttachmentStatus,
)
from placet.plans.attachments.tables import ATTACHMENT
from placet.storage.database import Reading, Writing, fields_of

_AT = ATTACHMENT.c


def keep_statement(attachment: Attachment) -> sa.Insert:
    """Return the change that adds an instance, or puts this report in the place of its last."""
    added = postgresql.insert(ATTACHMENT).values(fields_of(attachment))
    new = added.excluded
    is_same = sa.and_(
        _AT.status == new.status, _AT.compiled_hash.is_not_distinct_from(new.compiled_hash)
    )
    return added.on_conflict_do_update(
        index_elements=["tenant_id", "agent", "environment", "instance_id"],
        set_={
            "status": new.status,
            "compiled_hash": new.compiled_hash,
            "reason": new.reason,
            "sdk_version": new.sdk_version,
            "tool_count": sa.func.coalesce(new.tool_count, _AT.tool_count),
            "reported_by": new.reported_by,
            "since": sa.case((is_same, _AT.since), else_=new.since),
            "last_seen_at": sa.func.greatest(_AT.last_seen_at, new.last_seen_at),
        },
    )


async def keep_attachment(tx: Writing, attachment: Attachment) -> None:
    """Keep a report, and forget the instances silent for longest beyond those that are kept."""
    await tx.change(keep_statement(attachment))
    of_agent = _of(tx, attachment.agent, attachment.environment)
    beyond = (
        sa.select(_AT.instance_id)
        .where(*of_agent)
        .order_by(_AT.last_seen_at.desc(), _AT.instance_id)
        .offset(INSTANCES_MAX)
    )
    await tx.change(sa.delete(ATTACHMENT).where(*of_agent, _AT.instance_id.in_(beyond)))


async def list_attachments(
    tx: Reading, agent: str, environment: Environment, *, after: str | None, limit: int
) -> list[Attachment]:
    """Return up to `limit` instances of an agent by their names, after the one named."""
    query = sa.select(ATTACHMENT).where(*_of(tx, agent, environment))
    if after is not None:
        query = query.where(_AT.instance_id > after)
    return await tx.list(Attachment, query.order_by(_AT.instance_id).limit(limit))


async def count_attachments(
    tx: Reading, agent: str, environment: Environment, in_force: str | None, silent_from: datetime
) -> AttachmentCounts:
    """Return how many instances an agent has, how many run `in_force`, how many are silent.

    Silent are those whose last report is of `silent_from` or before: what they run is not known.
    """
    if in_force is None:
        converged = _AT.status == AttachmentStatus.NO_PLAN
    else:
        converged = sa.and_(_AT.status == AttachmentStatus.ATTACHED, _AT.compiled_hash == in_force)
    is_heard = _AT.last_seen_at > silent_from
    rows = await tx.rows(
        sa.select(
            sa.func.count().label("instances"),
            sa.func.count().filter(sa.and_(converged, is_heard)).label("converged"),
            sa.func.count().filter(_AT.last_seen_at <= silent_from).label("silent"),
        ).where(*_of(tx, agent, environment))
    )
    found = rows[0]
    return AttachmentCounts(
        instances=found.instances, converged=found.converged, silent=found.silent
    )


def _of(tx: Reading, agent: str, environment: Environment) -> tuple[sa.ColumnElement[bool], ...]:
    return (_AT.tenant_id == tx.tenant_id, _AT.agent == agent, _AT.environment == environment)
