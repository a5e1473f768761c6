"""How requests of subjects are kept, and what they found."""

import sqlalchemy as sa

from placet.audit.subjects.model import SubjectRequest, SubjectStream
from placet.storage.columns import table, tenant_foreign_key

SUBJECT_REQUEST = table(
    "audit_subject_request",
    SubjectRequest,
    tenant_foreign_key(["asked_by"], "tenancy_actor(actor_id)"),
    sa.CheckConstraint(
        "(status = 'done') = (finished_at IS NOT NULL)"
        " AND (status <> 'done' OR (subject = '' AND principal IS NULL"
        " AND octet_length(salt) = 0))",
        name="done_keeps_no_subject",
    ),
    key=("request_id",),
    updates=("subject", "principal", "salt", "status", "kept", "looked_at", "finished_at"),
)
SUBJECT_STREAM = table(
    "audit_subject_stream",
    SubjectStream,
    tenant_foreign_key(["request_id"], "audit_subject_request(request_id)"),
    sa.CheckConstraint("bodies >= 0", name="bodies_count"),
    key=("request_id", "stream_id"),
    updates=("status", "bodies", "noted_at"),
)
