"""Commands on one part of what holds for a session: one phase, one limit, one aggregate.

`set_*` puts a part in the place of its namesake, or adds it; `remove_*` takes it out. Rules that
have no name (on principals and on labels) are told apart by their `rule_id`, the beginning of the
SHA-256 of the rule itself:

    rule_id = hex of the first 8 bytes of SHA-256("placet.contract_rule.v1" 00 | canonical JSON)

so it survives every change of order, and a rule that was changed meanwhile is not found under it.
"""
