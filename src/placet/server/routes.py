"""The handlers of every part, in the order of the reference page."""

from typing import Final

from litestar.handlers import HTTPRouteHandler

from placet.audit.bundles import routes as bundles
from placet.audit.retention import routes as retention
from placet.audit.search import routes as search
from placet.audit.streams import routes as streams
from placet.audit.subjects import routes as subjects
from placet.authority import routes as authority
from placet.authority.checkpoints import routes as checkpoints
from placet.authority.controls import routes as controls
from placet.authority.issuers import routes as issuers
from placet.authority.lifts import routes as lifts
from placet.authority.recovery import routes as recovery
from placet.authority.tool_hosts import routes as tool_hosts
from placet.plans import routes as plans
from placet.plans.attachments import routes as attachments
from placet.plans.inventory import routes as inventory
from placet.replay.asks import routes as asks
from placet.replay.calls import routes as calls
from placet.replay.closings import routes as closings
from placet.replay.controls import routes as session_controls
from placet.replay.export import routes as export
from placet.replay.orphans import routes as orphans
from placet.replay.pending import routes as pending
from placet.replay.sessions import routes as sessions
from placet.replay.snapshots import routes as session_snapshots
from placet.replay.steps import routes as steps
from placet.replay.unguarded import routes as unguarded
from placet.replay.watching import routes as watching
from placet.server import health, reference
from placet.studio.abandonments import routes as abandonments
from placet.studio.archives import routes as archives
from placet.studio.asks import routes as studio_asks
from placet.studio.break_glass import routes as break_glass
from placet.studio.draft_sources import routes as draft_sources
from placet.studio.drafts import routes as drafts
from placet.studio.drafts.history import routes as draft_history
from placet.studio.drift import routes as drift
from placet.studio.drift.scans import routes as drift_scans
from placet.studio.endings import routes as endings
from placet.studio.enrolments import routes as enrolments
from placet.studio.impact import routes as impact
from placet.studio.inferred_rules import routes as inferred_rules
from placet.studio.origins import routes as origins
from placet.studio.readiness import routes as readiness
from placet.studio.requests import routes as requests
from placet.studio.rule_evidence import routes as rule_evidence
from placet.studio.shadow import routes as shadow
from placet.studio.snapshots import routes as snapshots
from placet.studio.sources import routes as sources
from placet.studio.standing import routes as standing
from placet.studio.views.atlas import routes as atlas
from placet.studio.views.conformance import routes as conformance
from placet.studio.views.control import routes as control
from placet.studio.views.focus import routes as focus
from placet.studio.views.preview import routes as preview
from placet.studio.votes import routes as votes
from placet.studio.workspaces import routes as workspaces
from placet.tenancy import routes as tenancy
from placet.webhooks.deliveries import routes as webhook_deliveries
from placet.webhooks.endpoints import routes as webhook_endpoints

ROUTERS: Final[tuple[list[HTTPRouteHandler], ...]] = (
    tenancy.HANDLERS,
    authority.HANDLERS,
    controls.HANDLERS,
    lifts.HANDLERS,
    recovery.HANDLERS,
    tool_hosts.HANDLERS,
    issuers.HANDLERS,
    checkpoints.HANDLERS,
    workspaces.HANDLERS,
    archives.HANDLERS,
    sources.HANDLERS,
    readiness.HANDLERS,
    enrolments.HANDLERS,
    origins.HANDLERS,
    drafts.HANDLERS,
    draft_history.HANDLERS,
    draft_sources.HANDLERS,
    inferred_rules.HANDLERS,
    abandonments.HANDLERS,
    snapshots.HANDLERS,
    impact.HANDLERS,
    shadow.HANDLERS,
    requests.HANDLERS,
    votes.HANDLERS,
    endings.HANDLERS,
    break_glass.HANDLERS,
    rule_evidence.HANDLERS,
    drift.HANDLERS,
    drift_scans.HANDLERS,
    atlas.HANDLERS,
    control.HANDLERS,
    focus.HANDLERS,
    preview.HANDLERS,
    conformance.HANDLERS,
    plans.HANDLERS,
    attachments.HANDLERS,
    inventory.HANDLERS,
    webhook_endpoints.HANDLERS,
    webhook_deliveries.HANDLERS,
    sessions.HANDLERS,
    orphans.HANDLERS,
    pending.HANDLERS,
    calls.HANDLERS,
    steps.HANDLERS,
    asks.HANDLERS,
    studio_asks.HANDLERS,
    standing.HANDLERS,
    closings.HANDLERS,
    session_controls.HANDLERS,
    unguarded.HANDLERS,
    watching.HANDLERS,
    export.HANDLERS,
    session_snapshots.HANDLERS,
    bundles.HANDLERS,
    streams.HANDLERS,
    search.HANDLERS,
    retention.HANDLERS,
    subjects.HANDLERS,
    health.HANDLERS,
    reference.HANDLERS,
)
"""One list per part. A new part adds its line."""
