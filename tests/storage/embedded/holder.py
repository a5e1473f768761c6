"""A process that holds the server: told what to do on stdin, it answers a JSON line each.

Its first argument is a JSON object: `folder`, `pg_bin`, `user` (a user id to become first), and
`file_bytes_max` (a limit on the size of files that it and its children may write).
"""

import encodings.idna  # noqa: F401 -- read before another user's eyes can read no library
import json
import os
import resource
import sys
from pathlib import Path

from placet.storage.embedded.cluster import ensure
from placet.storage.unusable import Unusable


def tell(**what: object) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def main() -> None:
    asked = json.loads(sys.argv[1])
    if asked.get("user"):
        os.setgroups([])
        os.setgid(asked["user"])
        os.setuid(asked["user"])
    if asked.get("file_bytes_max"):
        resource.setrlimit(resource.RLIMIT_FSIZE, (asked["file_bytes_max"], -1))
    try:
        cluster = ensure(Path(asked["folder"]), asked["pg_bin"] and Path(asked["pg_bin"]))
    except Unusable as fault:
        tell(fault=type(fault).__name__, detail=fault.detail, remedy=fault.remedy)
        return
    tell(origin=cluster.origin, port=cluster.port, server=cluster.pid, pid=os.getpid())
    sys.stdin.readline()
    cluster.close()
    tell(closed=True)


main()
