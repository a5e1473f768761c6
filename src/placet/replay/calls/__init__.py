"""Tool calls, from the prepared request to the receipt that settles them.

A pending call is `blocked` (final), `held` (an allowed sibling of an open ask), `awaiting_approval`
(until its deadline, which denies), `granted`, `unknown`, `settled`, `abandoned`, `shadowed`
(recorded only), or one of the ends of an ask: `denied`, `expired`, `cancelled`, `superseded`.
`granted` goes to `settled` by a receipt that brings the evidence the tool needs, to `unknown` by
time-out when it may have begun, to `abandoned` by time-out when it had to be started, never was,
and nobody reported on it, or before that, when its tool's host signed that it never let it in.
`unknown` goes to `settled` by a receipt that its tool's host signed and that comes in order, by a
receipt that is cited, by the read that the contract names (`reconciliations`), or by an operator.
Legal triples of status, execution state and commit state are a CHECK of the table.

What counts: `requires` and the phase see committed calls; counters, effect keys and
`forbidden_after` see granted, unknown and committed calls. An effect key is unique over the
sessions of an agent in an environment, and is freed only by a failure with the evidence that the
tool needs for failure.

Many receipts per call are kept; `settled_by` names the one that decided. A receipt under an old
fence or of a session that has ended is marked `late`; one that says otherwise than the settled
outcome or than another receipt, or that ran other arguments, is marked `conflicting`; neither
settles anything by itself. A receipt that was kept without the settlement it brings is settled by
its reporter's retry, or by the sweeper.

How good a receipt is, the service says: the caller's own word, or (`attested`) what the tool's host
signed about the same call in the same words, while its key counts here, which the statement that
writes looks up. For which host a grant is, `audiences` remembers as of a control epoch, which every
host that comes or goes raises.

The facts of a session are its state, which `fold` makes of its events, and what stands in rows:
what commits left (`replay_kept`) and what calls give to aggregates (`replay_amount`), written by
`leaving` and read by `left_behind`. A limit that stops a session is offered by the core with the
event that names it and its call. In a session that only records the same facts move, by the calls
that would have been granted and by what their receipts tell; nothing is taken, closed or stopped.

A process that remembers nothing of a session is told its facts anew, and these do not grow with the
session: amounts that no failure can take back are told as one number, what has left its window is
not told, and of what rules require the latest calls are enough.

Each verb of the hot path has a file: `prepare`, `propose`, `start`, `report`, `settle`, `sweep`.
They decide by `proposal` and `rules`, write through `store`, and share `runtime`, which remembers
sessions in `memory`. `fold` is the state as a function of events, and `events` what is said.
"""
