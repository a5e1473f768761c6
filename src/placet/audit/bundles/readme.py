"""What a bundle says of itself to whoever opens it."""

from typing import Final

from placet.evidence.bundle import BundleScope, ScopeKind

_WHAT: Final = {
    ScopeKind.SESSION: "one session of an agent",
    ScopeKind.APPROVAL: "one approval",
    ScopeKind.INCIDENT: "a window of time",
    ScopeKind.TENANT: "a whole tenant",
}
_TEXT: Final = """\
This file is evidence of {what}, as the first line names it.

Each line is one JSON document in canonical form (RFC 8785). The first names the streams of events
and the public keys. Then come this text, the seals of sessions that have ended, the events of each
stream from its first, signed documents, approvals, checkpoints of the tenant's log with proofs of
each stream's place in it, and a manifest.

To check it you need no service, no database and no network:

    placet verify FILE --keys KEYS --checkpoint CHECKPOINT

or the one file src/placet/evidence/verify.py with Python and the package `cryptography`. KEYS is a
list of public keys that you pinned beforehand, CHECKPOINT a checkpoint that you keep. Without them
the file proves only that it is whole and agrees with itself.

What is checked, byte by byte, and what no file can prove, stands in docs/reference/evidence.md.
"""


def readme_of(scope: BundleScope) -> str:
    """Return the text for a bundle of this scope."""
    return _TEXT.format(what=_WHAT[scope.kind])
