"""What a tool's host checks before it runs a call: a grant, offline, and whose turn it is.

A host that checks grants makes its tools *verified*: without a grant of the service nothing runs,
whatever the agent's process does. It asks nobody while it checks.

- `model`: what came with a request, and the verdict. `keys`: the keys whose grants count, and how
  old that list is. `memory`: which calls were here and who was overtaken, in this process;
  `sqlite`: the same in a file, for more processes and for restarts.
- `check`: `ToolHost`, the plain way. `asgi`: `GrantCheck`, before a web application.

What is checked, in this order: the list of keys is young enough; envelope and signature; the tenant
and the environment are this host's; audience, server, tool, schema, arguments as they are about to
be run, and time; the fence that was sent beside the grant is the grant's; no caller with a higher
fence was here in this session; the call was not here before. The last two are one step of the
memory, so that two requests at once cannot both pass.

Invariants. A call is let in once, and never after it was withdrawn. Once a session's fence was
seen, no lower one is let in. An expired grant is not let in by a clock that lies at most the
tolerated skew behind.

What failures lead to. Whatever cannot be checked is refused: keys that cannot be read or are too
old, and a memory that cannot be written. A call that was let in counts as seen even if the tool
then fails: the caller reports what became of it, and asks for another call.
"""
