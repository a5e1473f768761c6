"""Bundles of evidence: everything that proves a session, an approval, an incident or a tenant.

A bundle holds whole streams, each from its first event to a head that the header names, so that a
verifier needs nothing else to follow them. Beside them go what was signed about them, and the
newest checkpoint of the tenant's log with the proof of each stream's place in it.

| scope | streams |
|---|---|
| session | the session's |
| approval | the workspace's |
| incident | all that have an event between two times; with an agent or tool, sessions that fit it |
| tenant | all of them |

With each but the last go the tenant's streams of authority, of controls, of seals and of erasures.
A stream of an incident ends with its last event that is no later than the end of the window.

An export is an act of its own: `BundleExported` is written before the first byte, and when the last
one has left, its size and hash are recorded. Heads are read first, the log is brought up to them
afterwards, and each is looked for in it: so the checkpoint covers every event in the bundle, but
for the last ones of the stream that tells of checkpoints. Events never change, so they are read in
short transactions, a page at a time, however slow the reader is. Memory holds two pages and one
small record per stream. Proofs are made for many streams at once: what they share of the tree is
read and hashed once.

Failures: while as many exports of the tenant run as may (`replay.export`), another is refused with
`too_many_exports` and told of nowhere. Where the log cannot be brought up to the heads in one go,
because very much waits for it or others hold it, nothing is exported, and whoever asked is told
when to come back. A reader that leaves early leaves an export that was begun and never recorded.
What cannot be read any more, or was erased meanwhile, ends the answer in the middle, and a bundle
without its last line verifies nowhere.
"""
