"""A contract as text: read with every fault where it stands, and written for people.

    bytes --json_text, yaml_text--> tree of nodes with places --bind--> Contract

- `json_text`, `yaml_text`, `tree`: text to nodes, each with its line and column; what reads in two
  ways is refused.
- `bind`: nodes to Structs; an unknown key is a fault, with the nearest known one.
- `parse`: one text to a contract, or to everything that is wrong with its form.
- `document`: a contract as a plain document again, without what is the default anyway.
"""
