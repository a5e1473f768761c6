"""Brings in every class of refusal that the service may answer, so that it comes back as itself.

Imported with the first refusal that is read, and not before: an agent that is never refused does
not pay for it.
"""

import placet.authority.controls.model
import placet.authority.issuers.model
import placet.authority.lifts.model
import placet.authority.model
import placet.authority.recovery.model
import placet.authority.tool_hosts.model
import placet.evidence.dsse
import placet.plans.inventory.model
import placet.plans.model
import placet.replay.asks.model
import placet.replay.assertions.model
import placet.replay.controls.model
import placet.replay.orphans.model
import placet.replay.reconciliations.model
import placet.replay.sessions.refusals
import placet.studio.approvals.model
import placet.studio.asks.model
import placet.studio.drafts.model
import placet.studio.drift.model
import placet.studio.drift.scans.model
import placet.studio.endings.model
import placet.studio.enrolments.model
import placet.studio.impact.model
import placet.studio.inferred_rules.model
import placet.studio.judgments.model
import placet.studio.origins.model
import placet.studio.requests.model
import placet.studio.shadow.model
import placet.studio.snapshots.model
import placet.studio.sources.model
import placet.studio.views.control.model
import placet.studio.views.model
import placet.studio.votes.model
import placet.studio.workspaces.model
import placet.tenancy.model
import placet.webhooks.deliveries.model
import placet.webhooks.endpoints.model  # noqa: F401 -- each registers its classes by being imported
