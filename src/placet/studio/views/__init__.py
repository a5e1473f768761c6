"""What people look at: read models of a workspace, with no authority of their own.

- *Atlas*: the workspace on one page, with its tools, rules, work, drift and instances.
- *Control*: the path of one tool's calls, stage by stage, with what proves it and what came of it.
- *Focus*: one judgment or drift item, its evidence, and what each answer to it would lead to.
- *Preview*: what an approval would change, what stands against it, and whose votes are missing.
- *Conformance*: what scans of the runtime found of the approval in force, and what they did not.

Each view speaks of one contract, and says of which: that of the approval in force, or that of the
snapshot under review (its basis). Everything in it is as of one moment of the database, `as_of`.

Invariants
- A view is one statement, whatever the size of the workspace; nothing is asked per tool or item.
- Nothing is decided by a view, and none writes.
- What is not known is said and never made up: a tool that no process reports has no strength, a
  rule that no scan has counted has no figure, and few observations are called few (`says`).

Failures
- Another tenant's id, or none: the refusal of what is named, `workspace_not_found` for example.
- A view of one thing where there is no contract to show it by: `contract_not_shown`. The Atlas and
  Conformance are answered all the same, without a basis.
"""
