"""What auditors do: search what happened, take it away, and see that what is due is erased.

Everything here reads what the parts below have written; nothing here gives authority or takes it.
Each act of an auditor is itself an event, and what is erased is erased through one function, which
tells of it in the same transaction.
"""
