"""A Postgres of our own, for those who did not bring one.

`cluster.ensure(folder)` gives a running server over the binaries that the `server` extra installs,
or over those of `PLACET_PG_BIN`. It listens on TCP on the loopback address only, asks for SCRAM
passwords, and keeps page checksums.

Several processes may hold one folder. Two lock files say who:

- `start.lock`, exclusive, is held only while somebody makes, starts or stops the server;
- `holders.lock`, shared, is held by everyone who uses it, for as long as they do.

A holder who leaves takes `start.lock`, then tries to have `holders.lock` alone. If that succeeds
it was the last, and stops the server. The operating system frees both locks of a process that is
killed, so no lock is ever stale. A server whose last holder was killed goes on running; the next
holder adopts it.

The cluster is made under another name and renamed when it is whole. Its port is remembered, so
that an address stays true over a restart. Before a start nobody may stand in the data folder: the
processes of a killed postmaster are waited for.

Failures: another major's data, no user to run as, a folder that this user cannot enter, a full
disk, missing binaries or a lost password file are each an `Unusable` with a remedy, and leave the
folder as it was. When the postmaster is killed, connections are lost, and the next `ensure` or
`revive` starts it again at the same port; every commit that was answered is there.

Run as root, the server runs as `SUDO_USER`, `postgres` or `nobody`. No folder that is not ours has
its permissions changed; binaries that the user cannot reach are copied instead.
"""
