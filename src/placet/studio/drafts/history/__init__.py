"""Who set each rule of a draft and why, and what was said about it.

Both are read from the kept commands alone, the draft's own and those of every draft before it: a
rule belongs to the last command that gave it the value it has now, wherever the rule stands. A
command that takes a whole contract from elsewhere owns the rules that it changed, and no others.
With the command come its reason and the spans of sources that it says it rests on.

A comment keeps its place when rules are reordered. One whose rule is gone is shown with
`is_present: false`; settled ones say by whom and when.
"""
