"""Every loop that runs beside the requests of a service."""

from placet.worker.sweeper import sweeper

LOOPS = (sweeper,)
