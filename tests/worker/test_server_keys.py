"""The loops that look after our keys."""

import asyncio
import contextlib
from pathlib import Path

from tests.authority.commanded import Signer, lay_ready
from tests.authority.key_changes.test_turns import end

from placet.authority.model import KeyPurpose
from placet.authority.server_keys import ServerKeys
from placet.kernel.refusals import GovernanceUnavailable
from placet.storage.database import Database
from placet.worker.server_keys import turn_for_ever


async def test_an_end_is_learned_of_while_a_command_is_waited_for(
    db: Database, tmp_path: Path
) -> None:
    signer, after = Signer(tmp_path), Signer(tmp_path, "after")
    keys = await ServerKeys.load(tmp_path / "keys", db, {KeyPurpose.ARTIFACT: signer.command})
    old = keys.grant
    lay_ready(tmp_path / "keys", after, KeyPurpose.ARTIFACT)
    going = asyncio.create_task(turn_for_ever(keys, db, 0.05))
    async with asyncio.timeout(20), signer.stopped():
        await end(db, old)
        with contextlib.suppress(GovernanceUnavailable):
            while keys.grant.key_id == old.key_id:  # noqa: ASYNC110 -- nobody tells of it
                await asyncio.sleep(0)
    while keys.of(KeyPurpose.GRANT).key_id == old.key_id:  # noqa: ASYNC110 -- as above
        await asyncio.sleep(0)
    going.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await going
