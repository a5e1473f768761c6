"""What a draft takes from elsewhere: each is one command, and the draft's next version.

- `restore_version`: what the draft held at one of its versions, 0 for what it began with.
- `restore_snapshot`: what a snapshot holds, of the draft or of one that it began with and nobody
  approved.
- `import_artifact`: what an approval of the same agent approved, byte for byte, so that it compiles
  to the same hash. One of another workspace is a promotion, one of this workspace a rollback. Who
  ever wrote at what is imported counts as an author of the draft, whoever approved it there.
- `rebase`: what the active approval changed, brought into a draft that stems from another one. Who
  wrote that counts as an author of the draft once the approval is not in force any more.
- Commands that name something else (a source, a judgment, an inferred rule, spans of sources) are
  kept with it as it stands.
- Opening a draft from an approval: one of this workspace is reopened, with its draft as the parent;
  one of another workspace is the first command of an empty draft.

A rebase compares three contracts place by place (`drafts.places`): `base`, the approval that the
draft stems from; `theirs`, the active approval; `ours`, the draft. Where one side did not change a
place, the other's is taken. Where both changed it, and not to the same, it is a conflict: the
rebase is refused, and every such place is named with all three. A rule without a name has no
place to change; both sides replacing one by different rules is a conflict on the old rule.

Invariants
- What is taken is read in the transaction that writes the command, and kept in the command.
- The command is guarded by the draft's version as every other one is.

Failures
- Conflicts: `rebase_conflict`. An approval that is not active: `rebase_target_moved`. A draft that
  stems from no approval of its workspace: `rebase_without_base`.
- An approval of another agent, an unknown version: `contract_invalid`.
"""
