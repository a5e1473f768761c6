"""What is wrong with a well-formed contract, and what is worth saying of it.

    Contract --check_contract--> findings        Located --check_located--> findings in their places

`check` asks every file beside it, in one pass. Each finding has a code of its own, stands at the
key or value that is at fault, and says what to do.

- `codes`, `found`, `page`: every code with its severity and a sentence, the maker of findings, and
  the reference page.
- `known`, `reach`: what several checks need: which tools are denied, and what can come before what.
- `names`, `phases`, `requires`, `slots`, `principals`, `limits`, `aggregates`, `tools`,
  `reconcile`, `paths`, `rules`, `schemas`, `conditions`: what a part of the language can say
  wrongly.
- `bounds`, `given`, `spans`, `fits`: what a value must be to meet several operators and a schema.
- `cost`: what can take too long, to check now or to judge later.
- `located`, `against`: findings with line and column, and what is wider than in another contract.

Invariants
- A contract without an error compiles and loads.
- Whatever a contract holds, to check it takes seconds at most.
- In doubt nothing is found: what excludes everything, and what another rule implies, is certain.
"""
