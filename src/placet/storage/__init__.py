"""How we speak to Postgres, never what we say.

- `columns` makes a table from a Struct; `database` opens the two kinds of transaction and the hot
  pool; `idempotency` keeps first answers; `faults` turns a driver's fault into a refusal;
  `migrations` brings a schema up to date; `roles` makes the roles that it needs; `embedded` is a
  Postgres of our own where nobody gave us one.

Two ways lead to the database. Ordinary work opens `reading(principal)` or `writing(principal)`
at the edge, which sets the tenant for row-level security and commits once. The hot path calls one
database function per request through `HotPool.call`, in autocommit: the function authenticates,
sets the tenant itself, decides whether the write still holds, and writes, or answers with a code
and leaves nothing behind. `lending` keeps connections of that pool in hand, and `together` sends
calls of several sessions that come at one time as one statement.

Invariants: no session-level setting survives a release; no `SET`, `LISTEN`, cursor or session
lock on the hot pool; with no tenant set, every tenant table shows no row and takes none.
Failures: a lost or refusing database is `GovernanceUnavailable`; a lock or statement time-out is
`RequestInProgress` or `GovernanceUnavailable`; a commit whose answer was lost is *unknown*, and
the caller repeats the same request to learn which.
"""
