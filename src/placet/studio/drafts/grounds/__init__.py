"""What a draft stands on beside its rules: its sources, and the answers that people gave.

The commands here change no rule, but for `accept_inferred_rule`, which sets the contract of a tool
as an inferred rule proposes it. What they leave behind is read from the kept commands of a draft's
lineage alone (`drafts.standing`), so it is chained, never changed, and the same on every machine.

- `add_source`, `retire_source`: which of the workspace's sources the draft counts. A source that
  is quarantined or could not be read is not added.
- `resolve_judgment`, `reopen_judgment`: the answer to an open question of `judgments`, and taking
  it back. Both give a reason.
- `accept_inferred_rule`, `reject_inferred_rule`: what becomes of a proposal of `inferred_rules`.

Every command may name the spans of listed sources that it rests on (`sources`): they are kept with
it, and the blame of each rule that it set shows them.
"""
