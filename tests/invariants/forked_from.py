"""What the process has done already from which services are forked: import and put together."""

from pathlib import Path

from placet.server.app import create_app
from placet.settings import Settings
from placet.worker.loops import LOOPS

assert LOOPS

# The first application takes twice as long as any after it: what its handlers take is looked at.
create_app(Settings(data_dir=Path("unused")), "postgresql://unused")
