"""What one agent may do: a contract is read, checked, compiled, and asked.

Everything here is a function of its arguments: no clock, no network, no database, no randomness.
So the service, the SDK's local check, the command line and an auditor all get the same answer.

    text --parse--> Contract --check--> findings
                    Contract --compile--> runtime projection --load--> Policy
                    Policy + Facts + Call --evaluate--> Allow | Deny | Ask
                    Policy + what became of calls --ledger--> Facts

Words
- `model`: the contract as Structs. `facts`: what is known of a session, and what is asked of it.
  `decision`: what is answered, and why. `finding`: what a check says.

Before anything runs
- `text`: a contract as text, read with every fault in its place, and written for people.
- `checks`: everything that is wrong with a well-formed contract.
- `schemas`, `conditions`: input schemas and patterns, and CEL, each bounded before it is used.
- `rulings`, `projection`, `compile`: every default filled in, and bytes that are the same on every
  machine. `review`, `sentences`, `explain`: the contract as sentences. `diff`: what a change
  widens. `needs`: the facts that a contract decides by.
- `load`, `load_session`, `loaded`: what is made of these bytes once, so that evaluating is fast.
- `cost`: how long checking a call can take, known before it begins.

When a call comes
- `paths`, `numbers`, `operators`, `hashes`: what a rule looks at and how it compares, exactly.
- `layers` (1 to 4, 6 to 8), `requirements` (5), `allowances` and `amounts` (9), `limits` (10),
  `window`, `judged`: the layers, one function each. `evaluate`: their order. `response`: the gate,
  and several calls together. `narrow`: the tools that could pass now.

When something became of it
- `holding`, `remember`, `ledger`: what a grant holds, what a commit leaves, and the fold of both.
- `reconciling`: what a read tells of a call whose outcome is unknown.

To try a contract
- `cases`: tables of cases that people write. `simulation`: recorded calls, on a candidate.

Invariants
- Any error, unknown value or unhandled case is `Deny`.
- Nothing passes by absence: a missing value fails every operator but `exists: false`, an empty
  slot every comparison, a missing attribute every allow; and a policy is not used by whoever does
  not keep the facts that it needs.
- A decision holds in the closed interval from `holds_from` to `holds_until`; no time rule that it
  looked at flips inside.
- No reason ever holds a value of the arguments or of an output: only the contract's own words.
- Checking one call's arguments takes well below a second, whatever the contract and whatever they
  hold: a contract that could not is a finding, arguments that are too long for it are denied.
- The layers are asked in the order of the language; the first that fails answers, with all of its
  failing reasons.
- Facts are of bounded size, however long the session.
"""
