"""How sources are kept."""

import sqlalchemy as sa

from placet.storage.columns import table, tenant_foreign_key
from placet.studio.sources.model import BusinessSource

SOURCE = table(
    "studio_source",
    BusinessSource,
    tenant_foreign_key(["workspace_id"], "studio_workspace(workspace_id)"),
    sa.Index(
        "studio_source_one_content_ix",
        "tenant_id",
        "workspace_id",
        "kind",
        "media_type",
        "content_hash",
        unique=True,
        postgresql_where=sa.text("content_hash IS NOT NULL"),
    ),
    sa.Index("studio_source_list_ix", "tenant_id", "workspace_id", "source_id"),
    sa.CheckConstraint(
        "security_status <> 'pending' AND ingestion_status <> 'parsed'", name="statuses_are_final"
    ),
    sa.CheckConstraint(
        "(security_status = 'quarantined') = (content_hash IS NULL)"
        " AND (security_status = 'quarantined') = (quarantine_reason IS NOT NULL)"
        " AND (security_status = 'quarantined') = (ingestion_status = 'received')"
        " AND (security_status <> 'quarantined' OR octet_length(content) = 0)",
        name="quarantined_keeps_nothing",
    ),
    sa.CheckConstraint(
        "(ingestion_status = 'failed') = (failure IS NOT NULL)", name="failed_has_reason"
    ),
    key=("source_id",),
)
