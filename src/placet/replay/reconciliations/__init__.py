"""What became of a call that nobody can say anything of, told by a read.

A contract may name, for a tool, a read that tells what became of its calls: the read's arguments
are taken from those of the unknown call, and two groups of rules look at its output. Whoever holds
the session governs that read as any other call, and then settles the unknown call by citing it.
The service judges: the caller says neither what the read answered nor what that means.

A read counts if it is a call of the session that the contract's rule asks for, with exactly the
arguments that the rule makes, granted when the unknown call could act no more; and if it succeeded,
and all that was reported of it says the same. A call can act until its grant has run out and as
long again has passed as the grant was good, because its tool may begin in the grant's last moment
and then run for no longer than that. Its word is `externally_verified` where the host of the read's
tool signed it, else it is its reporter's own, and either must be enough for what it says of the
call.

- `succeeded_when` holds: the call is settled as succeeded, also where `failed_when` holds too.
- `failed_when` holds alone: it is settled as failed, and gives back what it held.
- Neither holds: nothing is known yet. The call stays unknown, and a later read may tell.

Invariants
- Nothing is settled by a read against what was reported of the call itself: then somebody looks.
- What the read answered is taken from its kept receipt, never from the request.

Failures
- A read that does not count: `read_refused` says why, and nothing was written.
- Evidence that is too weak for what it says: `evidence_too_weak`, and nothing was written.
"""
