"""Asks: calls that wait for people, what people are shown, and what follows from their answer.

A call that `awaits_approval` is an ask. Its call's row is the truth about whether it still waits;
a `ReplayAsk` stands beside it from the first vote on, and keeps the view that the voters were
shown and whether they have said enough: `open` → `approved` | `rejected`. An ask without votes has
no row and is open.

The view is made by the service, and is the same whenever it is asked for: the call, the calls
beside it in the step, who must say yes, and until when. Where the contract redacts a path, the view
holds a salted hash in the place of the value; the salt is the one of the event that proposed the
call. The first vote freezes the view's bytes.

An approval grants nothing: it is a fact. The session's holder then claims the call under its fence
(`claim`): all layers are judged again with that fact, and only then is a grant given, once. Under
`reject_all` a step is claimed as a whole once all its asks are approved; under the other gates each
ask by itself. A rejection ends the call at once (`denied`), with the reason that goes back to the
model; under `reject_all` the step's other calls end with it.

Somebody who is asked may edit the call (`editing`): it is `superseded`, and a new call with other
arguments, an id, a view and an ask of its own waits in its step until the same deadline. The edit
grants nothing, and votes on the old call count for nothing. What is hidden stays as it is where the
editor leaves its mark. Whoever waits for the old call is told of the new one.

Invariants
- A vote names the view and the arguments that it is about, and counts for no others.
- One vote of one person on one call; one rejection is enough, and nothing revives a rejected call.
- No call is granted by a vote. A claim is decided on the session's facts, fence and controls of
  the moment in which it is written, and is written once.
- Under `reject_all`, nothing of a step is granted once any of its calls has ended otherwise.

What each failure leads to: an answer to a claim that was lost is given again to the same claim id;
no vote, or no claim, by the deadline is a denial. The end of a session cancels what waits in it: a
kill or a close of it at once, a limit too, and of a session that closes by itself the next sweep.
From that moment, and from the end of its authority, a vote is told `ask_closed`. A kill of the
agent or of the tenant cancels nothing, since it may be lifted; until then a claim is refused.
"""
