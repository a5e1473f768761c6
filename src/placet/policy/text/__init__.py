"""A contract as text: read with every fault where it stands, and written for people.

    bytes --json_text, yaml_text--> tree of nodes with places --bind--> Contract

- `json_text`, `yaml_text`, `tree`: text to nodes, each with its line and column; what reads in two
  ways is refused, and so is more than 1 MiB, 80,000 values or 32 levels.
- `values`: decoded JSON to nodes and back.
- `bind`, `words`: nodes to Structs; an unknown key is a fault, with the nearest known one, and each
  fault says what to write instead.
- `parse`, `directory`: one text, or the files of a directory, to a contract, or to everything that
  is wrong with its form; where the findings of the checks stand.
- `document`, `writing`: a contract as a plain document again, and as YAML for people.
- `language`: the JSON Schema of the language.

Invariants
- A contract that is written, as canonical JSON or as YAML, is read as the same contract.
- Whatever a text holds, reading it ends, takes less than 50 MB, and gives a contract or findings.
"""
