"""`placet approve`: a vote on what was compiled and compared here, not on what a page shows.

`served` fetches what the service says. `looking` compiles the contract anew, compares it with the
one in force (`cli.rebuilding`), which `in_force` holds to the workspace and `cli.seen` to what was
in force before; `comparing` names every place where what was served and what was
found here disagree. `words` tells a person, `signing` signs what was found here.

Invariant. Nothing is signed in favour of a request with a disagreement. What is signed is what was
computed here; the service's own list of what to sign is only held against it.
"""
