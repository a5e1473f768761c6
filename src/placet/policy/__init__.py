"""What one agent may do: a contract is read, checked, compiled, and asked.

Everything here is a function of its arguments: no clock, no network, no database, no randomness.
So the service, the SDK's local check, the command line and an auditor all get the same answer.

    text --parse--> Contract --check--> findings
                    Contract --compile--> runtime projection --load--> Policy
                    Policy + Facts + Call --evaluate--> Allow | Deny | Ask

- `model`: the contract as Structs, what is known of a session (`Facts`), what is asked (`Call`),
  and what is answered (`Decision`).
- `parse`, `json_text`, `yaml_text`, `tree`, `bind`: text to Structs, every fault with line and
  column, nothing that is unknown taken in silence.
- `document`, `review`: a contract as a plain document again, and as sentences for people.
- `paths`, `numbers`, `operators`: what a rule looks at and how it compares, exactly.
- `check` and the `check_*` beside it, `schema_shape`, `schema_paths`, `finding`: the findings.
- `rulings`, `projection`, `compile`: every default filled in, and bytes that are the same on every
  machine.
- `load`, `loaded`, `schema_engine`: what is made of these bytes once, so that evaluating is fast.
- `cost`, `schema_cost`: how long checking can take, known before it begins.
- `layers`, `requirements`, `window`, `hashes`, `evaluate`, `response`: the decision on one call,
  and on a whole response.
- `narrow`, `remember`: the tools that could pass now, and what must be remembered for later.

Invariants
- Any error, unknown value or unhandled case is `Deny`.
- Nothing passes by absence: a missing value fails every operator but `exists: false`.
- A decision holds in the closed interval from `holds_from` to `holds_until`; no time rule that it
  looked at flips inside.
- No reason ever holds a value of the arguments or of an output: only the contract's own words.
- Checking one call's arguments takes well below a second, whatever the contract and whatever they
  hold: a contract that could not is a finding, arguments that are too long for it are denied.
- The layers are asked in the order of the language; the first that fails answers, with all of its
  failing reasons.

A contract that uses a key which this version does not enforce is refused, never read past.
"""
