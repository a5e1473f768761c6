"""How checkpoints are kept: never changed."""

import sqlalchemy as sa

from placet.authority.checkpoints.model import Checkpoint
from placet.storage.columns import table

CHECKPOINT = table(
    "authority_checkpoint", Checkpoint, sa.Index(None, "tenant_id", "size"), key=("epoch", "size")
)
