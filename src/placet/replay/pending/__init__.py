"""The calls of a session that may still change, as whoever takes over reads them.

Everything that a new holder needs to settle or await each of them stands in one answer: under which
fence and controls it was granted, what is known of its execution, why it waits, and what was
reported of it, late or not. The holder settles by citing one of those receipts.

A key that does not run the agent reads the arguments as an approver would, without what the
contract redacts, and no output. Long arguments and outputs are shown by their hash, and of many
open calls the first ones.
"""
