"""The client inside the agent's process: ask before a tool runs, report after it ran.

- `client`: `Client`, from which sessions come. `session`: one governed session with its lease.
  `govern`: a callable becomes a governed tool. `turn`: a whole model turn at once. `sync` (over
  `own_loop`): the same for programs without an event loop.
- `studio`: the client for people, in a folder of its own.
- `answers`: what the service answers. `errors`: what only the client knows. What the service
  refuses is raised in the service's own classes, which `known_refusals` brings in.
- From a wish to a receipt: `requests` and `arguments` say what is asked, `permits` gets leave (with
  `grants` checked against `keys`), `giving_back` returns what is not wanted any more, `tool` and
  `execution` run what `gate` lets begin, `reports` and `outbox` tell how it ended, `outcomes` says
  it to the model. What blocks meanwhile is done `aside`, not behind tools that hang.
- The process comes back: `journal` keeps on disk what may have begun and what is owed (in lines of
  `records`), `takeover` settles what an earlier process left, `resuming` goes on with what waits.
  `holding` is the life of a session, `calling` a call whose tool is a block, `notes` what is told
  beside a result, `unguarded` tells of calls that ran while nobody answered.
- `attach`, `lease` and `renewal`: how long work may be begun. `plan` and `plan_file`: what holds
  where nothing was approved, or nobody answers. `telling`: the service learns what runs here.
- `endpoints`, `caller`, `retry`, `transport`: how a request is sent, sent again, and read. `means`:
  what a client hands to its sessions.

Invariants. A tool runs only with the arguments that were granted: they are hashed from the very
bytes that they are read from. No tool is begun after two thirds of the lease's life, by this
process's monotone clock, from the moment the request for the lease was first sent, and none once
the session is being left; the last look is taken in the thread that runs the tool. A session
begins a call at most once, however often its grant is answered; a request whose answer was lost is
sent again, a tool never. That a granted call was not begun is reported only by the one who claimed
it, and only where nobody else can have begun it: a false word would let an effect happen twice. For
the same reason an exception of a tool that needs a start counts as a failure only if it is
`NotDone`.

What failures lead to. No answer, in staging and production: nothing is begun, and
`GovernanceUnavailable` is raised. In development the tool runs and is counted as unguarded. A lost
lease: what has begun goes on and is reported late, nothing new begins, and `LeaseLost` is raised. A
caller that is cancelled while it asks: what it is granted is given back. One that is cancelled
while its tool runs: the call is in doubt until the tool has ended, and then it is settled by that;
only a tool whose contract says `cancel: safe` is cancelled, with its caller and with the lease.
A receipt that cannot be delivered is owed, and is sent again until the session is left; with a
journal, also by the process that comes after. Where too many are owed, nothing is asked for or
begun, and `OutboxFull` is raised: what has run is never left untold for want of room. No key that
signed the grant, also after the keys were asked for anew: `GrantRefused`.

This governs in the *cooperative* strength: it stops mistakes, and no malice in its own process.
"""
