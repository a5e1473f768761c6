"""Case tables: what a contract answers in situations that an author wrote down.

    text --read_table--> Table --trials--> Trial, each with a policy --judge--> Result

- `model`: the form of a table. `read`, `table`, `form`: a text to a table; every fault of its form
  has a line, and a table with a fault is not run at all.
- `defaults`: what a case has of its own, and what of the table.
- `contracts`: the contract as a case changes it, compiled and loaded once for all cases alike.
- `situation`: a case's facts to `Facts`. `rules`: single operators on single documents.
- `trials`, `judge`: one trial for every expectation, and what came of it. `words`, `junit`: the
  same for people and for CI.

Invariants
- Nothing passes by silence: a case without a name or an expectation, a key or a code that is not
  known, a name that stands twice and a table without cases are faults.
- A denial is expected with its codes: a call that is denied for another reason is a failed case.
- A table is judged by the evaluator that the service asks, through its public functions alone.
"""
