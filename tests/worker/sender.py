"""A service's outbox in a process of its own, to be killed: its argument is a JSON object.

`database_url`, and `key`: the 32 bytes that secrets are derived from, in hexadecimal.
"""

import asyncio
import json
import sys

from placet.kernel.clock import SystemClock
from placet.kernel.ids import SystemIds
from placet.storage.database import Database
from placet.webhooks.endpoints.signing import SigningSecrets
from placet.webhooks.sending.call import Caller
from placet.webhooks.sending.drain import Sender
from placet.webhooks.sending.resolve import SystemResolver
from placet.worker.webhooks import send_for_ever


async def main() -> None:
    asked = json.loads(sys.argv[1])
    db = await Database.open(asked["database_url"], pool_size=2)
    caller = Caller(SystemResolver(), to_loopback=True)
    secrets = SigningSecrets(bytes.fromhex(asked["key"]))
    sender = Sender(db, SystemIds(), SystemClock(), secrets, caller)
    await send_for_ever(db, sender, period_seconds=0.05)


if __name__ == "__main__":
    asyncio.run(main())
