"""The contract under work: changed by typed commands only, and frozen into snapshots.

A `BusinessDraft` is an editable lineage of a workspace. It holds the contract as it stands (a
document that may still lack parts), the number of commands that made it, and the head of their
chain. `open` -> `approved` | `superseded` | `abandoned`; at most one draft of a workspace is open.
A draft that names a parent begins with the parent's contract and the parent's chain; an open
parent is superseded by it.

A `BusinessCommand` is the only way to write to a draft. It names the version that it was decided
on (`expected_draft_version`), and may say why (`reason`, kept and chained with it). Only accepted
commands are rows. What can be set:

- the whole: `import_contract`; from elsewhere (`origins`) `restore_version`, `restore_snapshot`,
  `import_artifact`, `rebase`;
- a tool or all that holds for a session: `set_tool_contract`, `remove_tool_contract`,
  `set_session`; one part of the latter: `pieces`;
- what the draft stands on: `grounds` (its sources, answers to judgments, inferred rules);
- nothing, but something is said: `comment`, `resolve_comment`, `reopen_comment`.

A piece that cannot be read as a part of a contract is refused with the findings; what the whole
contract lacks stops no command.

- `places`: names for rules that survive every change of order; comments and blame go by them.
- `contract_reading`, `piece_reading`, `reading`: a command as it was sent, read by the policy.
- `replaying`: what a kept command makes of a contract. It decides what is written as well as what
  is replayed, so the kept commands of a lineage, replayed from the empty contract, always give the
  contract of the draft.
- `standing`: what the kept commands leave beside the contract.
- `history`: who set each rule, why and by which spans of sources; what was said about it; the
  commands one by one, each with all that its hash covers.
- `lists`: drafts and commands without contracts.

The chain: for each command

    chain_hash = SHA-256("placet.draft_command.v1" 00 | previous chain_hash 32
                         | SHA-256("placet.draft_payload.v1" 00 | payload) 32 | header)

where `payload` is the command as it is kept and `header` the canonical JSON of tenant, workspace,
draft, version, command id, command type, actor and origin. The first `previous` is 32 zero bytes,
or the parent's head.

Invariants
- Versions are 1..n with no gap, under any interleaving: the statement that raises the version holds
  only on the version that was read and on an open draft.
- The row of a command, the draft's new version and the event are one transaction.
- Command rows are never changed.

Failures
- A command on another version: `draft_version_conflict`, with the current version.
- A command on a draft that is no longer open: `draft_closed`.
- A second open draft: `draft_already_open`, with the first one's id.
- An unreadable piece, or one that is not there to be removed: `contract_invalid`, with the
  findings; nothing stored.
- A comment that is none of the draft's lineage: `comment_not_found`. A version that no command
  made: `command_not_found`.
"""
