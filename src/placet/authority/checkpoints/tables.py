"""How checkpoints are kept: never changed."""

from placet.authority.checkpoints.model import Checkpoint
from placet.storage.columns import table

CHECKPOINT = table("authority_checkpoint", Checkpoint, key=("epoch", "size"))
