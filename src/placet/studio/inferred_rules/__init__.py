"""What the observed calls among a draft's sources suggest: proposals, never rules.

Inference looks at the sources that a draft counts, the first 20,000 calls and 64 MiB of them, and
proposes what the draft does not say yet:

- `tool`: a contract for a tool that the sources list or that they call 3 times or more. Its schema
  is the declared one, where a tool list gives one and only one, or else what the calls had: the
  types of each property, and which of them every call had. The decision is `ask`. What the tool
  does to the world cannot be seen in its calls: whoever accepts it says so (`side_effect`).
- `input_schema`: the same schema, for a tool of the draft that has none.
- `argument`: a rule on one argument of a tool of the draft that was called 10 times or more and
  says nothing of the kind there: `one_of` where a text had at most 5 values, each more than once;
  `gte` and `lte` where a number had a lowest and a highest value.

Each proposal says how many calls it is from, whether its schema was declared or observed, and shows
up to 10 of the parts that it comes from. Ten calls are ten calls: a range that was seen is not the
range that is right, and what never happened in the sources is not in the proposals. Texts that
were redacted make no `one_of`, and a call or a schema that holds U+0000, half a surrogate pair, NaN
or a number beyond the range of a double is not looked at.

    rule_hash = SHA-256("placet.inferred_rule.v1" 00 | canonical JSON of kind, tool, path, proposal)

Invariants
- A proposal changes nothing. `accept_inferred_rule` is a command like every other one: it sets the
  tool's contract as it then is, with the spans that the proposal comes from; `reject_inferred_rule`
  sets nothing. Both are kept with the rule's hash, so that the same proposal from more calls is
  known as decided.
- Rows are never changed. The same proposal from the same sources is one row of a workspace.

Failures
- A proposal of another workspace or tenant: `inferred_rule_not_found`.
- A tool accepted without its side effect, a side effect for what is no tool, a proposal for a tool
  that the draft has meanwhile or has no longer, for a schema or an argument of which the draft says
  something meanwhile, or from other sources than the draft counts now: `contract_invalid`.
- One inference at a time runs in a process; another waits a while, and then: `inference_busy`.
"""
