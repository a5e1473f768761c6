"""How challenges, enrolments and what was decided about them are kept: only added to."""

import sqlalchemy as sa

from placet.storage.columns import table, tenant_foreign_key
from placet.studio.enrolments.model import Enrolment, EnrolmentChallenge, EnrolmentConfirmation

CHALLENGE = table(
    "studio_enrolment_challenge",
    EnrolmentChallenge,
    tenant_foreign_key(["actor_id"], "tenancy_actor(actor_id)"),
    sa.CheckConstraint("octet_length(challenge) = 32", name="challenge_size"),
    key=("challenge_id",),
)
ENROLMENT = table(
    "studio_enrolment",
    Enrolment,
    tenant_foreign_key(["workspace_id"], "studio_workspace(workspace_id)"),
    tenant_foreign_key(["actor_id"], "tenancy_actor(actor_id)"),
    tenant_foreign_key(["challenge_id"], "studio_enrolment_challenge(challenge_id)"),
    sa.UniqueConstraint("tenant_id", "challenge_id"),
    sa.CheckConstraint("octet_length(public_key) = 32", name="public_key_size"),
    key=("enrolment_id",),
)
CONFIRMATION = table(
    "studio_enrolment_confirmation",
    EnrolmentConfirmation,
    tenant_foreign_key(["enrolment_id"], "studio_enrolment(enrolment_id)"),
    tenant_foreign_key(["confirmed_by"], "tenancy_actor(actor_id)"),
    tenant_foreign_key(["key_id"], "authority_person_key(key_id)"),
    key=("enrolment_id", "confirmed_by"),
)
