"""The open questions about a draft, and what people answered.

A judgment is something that a machine found and only a person can settle: a financial tool without
a ceiling, a tool that the sources name and the contract does not. `blocker` judgments stop an
approval while they are open; `advisory` ones are recorded in it. `open` -> `resolved` by the
command `resolve_judgment`, whose reason is the answer; back by `reopen_judgment`.

Where they come from:

- every finding in the whole contract that is a blocker or an advisory. Errors, and rules that this
  service could not enforce, are no questions: nobody can answer them away.
- the sources that the draft counts: `unmapped_tool` for a tool that they list or call and that has
  no contract, `observed_but_denied` for one that they call and that the contract denies. Both are
  advisory, and only as complete as the index of the sources.

    judgment_id = hex of the first 8 bytes of
        SHA-256("placet.judgment.v1" 00 | canonical JSON of code, severity, place, path, message
                and the hash of what stands at the place)

For `no_ceiling` that hash also covers the session's limits, aggregates and envelopes.

So an answer is to one question about one thing as it was worded and as it stood: when the tool or
the part of the session changes, the question is asked anew. An answer holds as long as what it is
about stands as it stood when the answer was given, in every version since: what was changed and
changed back is asked about again, and the earlier answer stays in the history for whoever gives it
once more. A new draft with a parent begins with the parent's answers.

Invariants
- A snapshot holds every judgment with its answer, its status follows from the open ones, and its
  hash covers them; the view that voters sign shows them.
- The answer is in the chain of the draft's commands, with who gave it and why.

Failures
- A question that the draft does not raise: `judgment_not_found`. One that is answered already, or
  is to be reopened and is open: `judgment_answered` and `judgment_open`.
- No reason given: `reason_required`.
"""
