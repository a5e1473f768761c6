"""What a session's stream says, and bundles that a verifier reads without us.

Read models: they change nothing. A bundle's heads are read on one snapshot; its events, which
never change, in short transactions after that, so an export of any size takes little memory and
holds nothing open while its reader is slow.
"""
