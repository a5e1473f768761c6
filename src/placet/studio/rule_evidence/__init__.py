"""What speaks for each rule of an approval and what against it, and how old that is.

An `EvidenceEntry` belongs to one rule of one approval's artifact, by its place in the review
projection (`tools.issue_refund.arguments[0].lte`). It counts:

- support: calls that kept the rule and were settled as succeeded, and captured calls among the
  workspace's observed runs that keep it;
- contradictions: calls that were refused because of the rule, and captured calls that it would
  refuse;
- when it was last observed: the last call that came as far as this rule, whatever became of it.

Of a captured call only what it says itself can be judged: the ruling on its tool, and its
arguments against schema and rules (layers 3 and 6). It is as old as its source.

Rules that decide nothing about a call by themselves, phases and transitions as such, and what ends
a session as a whole (layer 1) have no entry.

Freshness is computed when an entry is read: `fresh` up to one half-life since the last
observation, `ageing` up to two, then `stale`; `never` where nothing was observed. The half-life is
that of the rule's family: 30 days for arguments and conditions, which follow the data; 60 for
phases, requirements, effect keys and amounts, which follow the process; 90 for rulings, limits and
checkpoints; 180 for principals.

Invariants
- Counters only rise. Each call is counted once for an approval, each source once.
- Evidence changes no approval, no artifact and no decision.

Failures: another tenant's approval is `approval_not_found`, as none. A line of a source that is no
call counts for nothing.
"""
