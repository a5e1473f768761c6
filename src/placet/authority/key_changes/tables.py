"""How changes of our own keys are kept: all of them only added to."""

from placet.authority.key_changes.model import ServerKeyEndTold
from placet.authority.model import ServerKeyEnd, ServerKeyRotation
from placet.storage.columns import table

SERVER_KEY_ROTATION = table(
    "authority_server_key_rotation", ServerKeyRotation, key=("new_key_id",), tenant=False
)
SERVER_KEY_END = table("authority_server_key_end", ServerKeyEnd, key=("key_id",), tenant=False)
SERVER_KEY_END_TOLD = table("authority_server_key_end_told", ServerKeyEndTold, key=("key_id",))
