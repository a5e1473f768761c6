"""What agents really did, read back in the form in which a contract can be held to it.

A `Recording` is one session: its calls in the order of their proposal, with what people said to
them and what became of them. `lines` tells it as a simulation takes it: each response at the time
of its proposal, each approval at its grant, each outcome at its settlement.

Invariants
- Nothing is written here, and nothing is decided: verdicts that are shown are those of the time.
- A window and a moment give the same recordings for ever: sessions that called in the window, the
  newest first, each from its beginning, and nothing that happened at or after the moment. What a
  session called before the window is there for what came after it, and does not count by itself.
- A session is cut off at its end, never at its beginning, for what came first decides the rest.

What is not there
- Sessions that were opened more than `OPENED_BEFORE_MAX` before a window.
- Arguments and outputs above `TEXT_BYTES_MAX` are not read; such a call has `arguments` null.
- Nor are those that were erased, and such outputs.
- Who the agent acted for, labels and costs: no recording has them, and what asks for whom the
  agent acted is not judged by one.
- A call that was never begun counts as failed: either way it holds nothing any more.
- Of a call whose session only recorded (`shadowed`) the first receipt tells the outcome.
"""
