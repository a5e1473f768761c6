"""Every loop that runs beside the requests of a service."""

from placet.worker.audit import audit
from placet.worker.deadlines import deadlines
from placet.worker.drift import drift
from placet.worker.endings import endings
from placet.worker.log import log
from placet.worker.readiness import readiness
from placet.worker.recovery import recovery
from placet.worker.retention import retention
from placet.worker.server_keys import server_keys
from placet.worker.shadows import shadows
from placet.worker.snapshots import snapshots
from placet.worker.sweeper import sweeper
from placet.worker.webhooks import webhooks
from placet.worker.witness import witness

LOOPS = (
    sweeper,
    audit,
    deadlines,
    drift,
    endings,
    log,
    readiness,
    recovery,
    retention,
    server_keys,
    shadows,
    snapshots,
    webhooks,
    witness,
)
