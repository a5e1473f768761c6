"""Where people write down what an agent may do, and sign it.

- `workspaces`: one per tenant, agent and environment; what everything below hangs on.
- `sources`: the material that rules stem from, without its secrets.
- `drafts`: the contract under work, changed only by typed commands.
- `origins`: contracts that a draft takes from elsewhere: back, promoted, rebased.
- `draft_sources`: which sources a draft counts, and the spans that its rules rest on.
- `judgments`: what only a person can settle about a draft, and what was answered.
- `inferred_rules`: what the sources suggest; proposals until somebody accepts them.
- `abandonments`: drafts that are given up.
- `snapshots`: a draft, frozen, with everything that was found in it.
- `requests`: the frozen view of one snapshot that people are asked to assent to.
- `votes`: what they sign on it.
- `approvals`: what was assented to, and what follows from it.
- `break_glass`: putting in force for an hour what was approved to stand by.
- `rule_evidence`: what calls say for and against each rule of an approval.
- `drift`: where runtime and approval part, and what people do about it.

    workspace -> draft -> commands 1..n -> snapshot -> request -> votes -> approval
                                                              artifact, plan <-'

Every step writes its event into the workspace's stream in the same transaction; people's keys and
votes go into the tenant's `authority` stream, whose order decides which vote counted.

Rows are locked in one order everywhere: request, draft, workspace, plan, `authority` stream,
workspace stream.
"""
