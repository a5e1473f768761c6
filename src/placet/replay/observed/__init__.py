"""What calls came to under one artifact, counted.

For whoever compares the runtime with what was approved: how often each tool was refused and by
which rules, how often it was granted and succeeded, and which commits found their session in
another phase than the one that they were granted in. Nothing is written here.

A window is open at its beginning and closed at its end: `after < at <= until`, by the database's
clock. `settled_until` is the moment up to which nothing can be added any more: every transaction
of the service that is still open began later, and a call's times are taken inside its transaction.
So windows that follow each other count each call exactly once.
"""
