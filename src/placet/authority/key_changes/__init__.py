"""How a key of the service takes over from another, and how one ends.

A purpose has one key that signs, and now and then a second one that lies ready.

- *Ready*: made near the end of a grant key's day, or by an operator. It is listed at once, and
  takes over an hour later.
- *Signing*: the first key of its purpose, or one that took over. When the next one does, its secret
  half is gone, and what it signed counts on.
- *Ended*: an operator said so, since somebody else may have it. It signs nothing more, for ever.

Invariants: a key is listed before it signs. Who takes over is vouched for by both keys in one
document, so whoever pinned the old one can follow; a key that comes after an ended one is vouched
for by nobody, and is pinned anew. A grant key signs for a day.

The end of a key stands in each tenant's `authority` stream, with the length of the tenant's log at
that moment: what the key signed counts only where the event that tells of it stands in the log
before that. Nobody goes by the times that signed documents claim.

Where a command has the key, the next one is another command's or, if somebody says so, a file's;
while a command gives the key that ended, nothing is signed.

Failures: a process that dies on the way leaves a key that lies ready unlisted; whoever looks next
lists it. Two processes of one folder take turns by a lock in it. Without the database nothing
changes; a file that cannot be used holds up its own purpose alone. A service learns of an end
within 5 seconds and signs with another key from then on. Artifacts and checkpoints by the old one
are not kept even before it learns: who approves lets no key end meanwhile, and who keeps a
checkpoint looks while they hold the log. Grants ask nobody: what was granted in these seconds
counts where it stands below the place. Telling the tenants can be broken off and done again:
each is told once. A tenant whose log is damaged is told where it ends.
"""
