"""Every table of the product, so that Alembic sees all of them."""

import placet.audit.erasures.tables
import placet.audit.retention.tables
import placet.audit.search.tables
import placet.audit.subjects.tables
import placet.authority.checkpoints.tables
import placet.authority.controls.tables
import placet.authority.issuers.tables
import placet.authority.key_changes.tables
import placet.authority.lifts.tables
import placet.authority.recovery.tables
import placet.authority.tables
import placet.authority.tool_hosts.tables
import placet.events.artifacts.tables
import placet.events.checkpoints.tables
import placet.events.forks.tables
import placet.events.places.tables
import placet.events.tables
import placet.evidence.log.tables
import placet.plans.attachments.tables
import placet.plans.inventory.tables
import placet.plans.tables
import placet.replay.asks.tables
import placet.replay.assertions.tables
import placet.replay.calls.tables
import placet.replay.orphans.tables
import placet.replay.seals.tables
import placet.replay.sessions.tables
import placet.replay.slices.tables
import placet.replay.snapshots.tables
import placet.replay.standing.tables
import placet.replay.tallies.tables
import placet.storage.epoch_table
import placet.storage.idempotency
import placet.storage.work
import placet.studio.approvals.tables
import placet.studio.break_glass.tables
import placet.studio.drafts.tables
import placet.studio.drift.scans.tables
import placet.studio.drift.tables
import placet.studio.endings.tables
import placet.studio.enrolments.tables
import placet.studio.impact.tables
import placet.studio.inferred_rules.tables
import placet.studio.requests.tables
import placet.studio.rule_evidence.tables
import placet.studio.shadow.tables
import placet.studio.snapshots.tables
import placet.studio.sources.tables
import placet.studio.votes.tables
import placet.studio.workspaces.tables
import placet.tenancy.tables
import placet.webhooks.deliveries.tables
import placet.webhooks.endpoints.tables
from placet.storage.columns import METADATA

__all__ = ["METADATA", "placet"]
