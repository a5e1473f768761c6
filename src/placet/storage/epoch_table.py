"""How the restore epoch is kept: one row, which the migrator alone raises."""

import sqlalchemy as sa

from placet.storage.columns import table
from placet.storage.epoch import StorageEpoch

STORAGE_EPOCH = table(
    "storage_epoch",
    StorageEpoch,
    sa.CheckConstraint("is_only", name="one_row"),
    sa.CheckConstraint("epoch >= 1", name="epoch_counts"),
    key=("is_only",),
    tenant=False,
    app_reads=False,
)
