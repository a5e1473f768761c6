"""Controls as sessions meet them: what one is put under, and what a wider kill left running.

A control on one session changes its row under its lock, with one event and a higher
`control_revision`, so that a prepared request or a grant from before it is stale. None needs the
lease.

- `labels`: an agent or an operator adds a label; only an operator clears one. Rules on labels read
  them from the next decision on.
- `tool-filter`: an operator takes tools away from a session, and nobody gives them back.
- `report-bypass`: somebody saw the agent act around its grants. The session is `compromised`: it
  takes receipts and settlements and nothing else, and may still be killed.

A kill wider than a session is one row elsewhere (`authority.controls`). Which grants were out when
it was set is read here afterwards, page by page, and never under the gate.

Failures
- An answer that was lost: what stands already is answered again, and nothing more happens.
- A control and a response at once: the session's lock decides who is first; the response that comes
  second finds the revision moved.
- A kill and any of these at once: the same lock. After the kill they are refused as what it ended,
  but for reports of what happened anyway, which are kept.
"""
