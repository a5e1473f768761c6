"""How long bodies of closed streams are kept, and what must be so before one goes.

A tenant says for how many days after its closing the stream of a session, a workspace or a run
keeps its bodies. Nothing is said of it at first, and nothing goes. Once a policy is set, a worker
looks for closed streams that are older, and erases all of their bodies that may be erased, with
every copy of them (`erasures`), in batches. Headers and leaves stay, so that the chain, the log and
every signature still verify.

Two things must be so first, of the whole stream up to its last event:

- a signed checkpoint covers it: whoever holds that checkpoint can see later that nothing else stood
  there;
- an export holds it: `record_export` keeps the manifest of each (its hash, its size, how far each
  stream was taken, and the log's size and root then), and tells of it in the `erasures` stream.

An export holds bodies, which tell of arguments and outputs by their hashes. The arguments and
outputs themselves are in no export. They go with the bodies, and nobody has them then.

Where one of them is missing the stream stays, and `retention show` counts it under that reason.

    closed and old enough -> covered by a checkpoint -> in an export -> erased, batch by batch

A late receipt of a stream that was erased is one more event of it: it is kept with its body until a
checkpoint and an export have it too.

Which closed sessions and runs have bodies is noted when they close (`audit_closed`), and no more
when the last of them goes; a body that comes late brings the note back. So a round looks at what is
old enough and still there, and never at what is over. The note says nothing of any policy: one that
is made shorter or longer is held to the same notes. A run that nobody closed does not grow old.

Invariants
- Only closed streams, only whole ones, only up to the batch where the work was broken off; the next
  round goes on there.
- Each batch looks at the policy anew: what is to be kept for ever stays from then on.
- What was erased stands in the `erasures` stream, in the transaction that erased it.
- While an export of the tenant is being written nothing goes, for an hour at most.

Failures
- A worker that dies has erased whole batches and told of each; another goes on.
- A stream that was written to meanwhile is left alone and looked at again in the next round.
"""
