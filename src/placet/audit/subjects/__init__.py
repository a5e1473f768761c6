"""Erasing what a tenant's streams say of one person, because they asked.

    open (to be looked for) -> waiting (for streams to close) -> done

A person's data are a text, for example an address, and perhaps the value of an attribute by which
the agent's principal was named. The text is looked for in every body and in the arguments and
outputs of every call (`looks`): it stands in a string exactly as it is written, or as JSON that
stands anywhere in the string writes it, or is a whole number. A body that holds it goes, and with
it all that was said of the same call, in closed sessions and workspaces, and in runs whether they
are open or not (`erasures`). A principal names whole sessions.

What stands in streams that are still open is `due`: the request waits, and looks again every
quarter of an hour until they have closed. Until then the text itself is kept, since it has to be
looked for; at the end it is emptied, with the salt. Events name the person by a salted hash alone.

A run gives no authority, and nothing of it waits: a body that holds the text goes at once, with its
artifacts and with every state that was folded of the run or of a fork behind it. Who goes on with
such a run folds it anew, and is told where a body that the fold reads is missing.

What is found where nothing may be erased is counted, with the reason, in the answer (`kept`), and
so is what nobody can look into.

Invariants
- No event, no log line and no answer holds the text. A reason that holds it is refused.
- A dry run looks and counts, and erases nothing.
- Looking again changes nothing that was done: what is gone is not found.

Failures
- A worker that dies takes the request up again from its beginning; what was erased stays erased.
- A stream that is written to while it is looked at is found by the next look, or is still open.
"""
