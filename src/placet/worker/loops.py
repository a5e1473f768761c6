"""Every loop that runs beside the requests of a service."""

from placet.worker.deadlines import deadlines
from placet.worker.drift import drift
from placet.worker.endings import endings
from placet.worker.log import log
from placet.worker.readiness import readiness
from placet.worker.retention import retention
from placet.worker.server_keys import server_keys
from placet.worker.shadows import shadows
from placet.worker.snapshots import snapshots
from placet.worker.sweeper import sweeper
from placet.worker.webhooks import webhooks

LOOPS = (
    sweeper,
    deadlines,
    drift,
    endings,
    log,
    readiness,
    retention,
    server_keys,
    shadows,
    snapshots,
    webhooks,
)
