"""Searching what happened: an index over the tenant's log, made from it and thrown away at will.

A worker follows the log by its own index, so that nothing is left out and nothing comes twice, and
writes one row for each event (`audit_event`) and one for each thing that it can be found by
(`audit_term`). How far it has come is told with every answer: `indexed_through` entries of a log
that has `log_size`. What has happened since is found once the log has taken it, and the index has.

An event is found by: its actor, its type, its time; the agent whose session or workspace it stands
in, or that its body names; the tool, the verdict and the rules that its body names, or the tool of
the call that it names; and its fingerprint. A *fingerprint* is one of two hashes, in hex: that of a
call's arguments (`arguments_hash`), or the key under which its effect may happen once
(`effect_key`). The index holds such names and hashes, and nothing else of what bodies say.

Each filter is a stretch of one key, ordered by time. Of several filters the one with the fewest
entries is walked, and the others are looked up; one page walks at most `WALKED_MAX` entries, so
that no question is expensive. A page may therefore hold fewer events than were asked for, or none,
and still name a cursor to go on from. A cursor also says how far the index was when the search
began, so later pages show the same events however much has come in since.

Erasure: when the index comes to an event that tells of erased bodies, it takes away what it had
from these bodies. What is left is what a fresh index would hold: headers, and the agents that
sessions and workspaces still name.

An export writes an event of the tenant's (`AuditExported`, with the filters) before its first line.
Its last line is a manifest. Where the index is made anew meanwhile, it ends without one.

Failures: an index that is behind, or is made anew, answers with less and says so. Of one that is
to be made anew some rows go at a time, and until all are gone it answers as if it had none.
"""
