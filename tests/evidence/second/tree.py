"""The Merkle tree of RFC 6962 §2.1, by its definition, and its two proofs."""

import hashlib
from collections.abc import Sequence


def node(left: bytes, right: bytes) -> bytes:
    """Return the hash of a node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def leaf(entry: bytes) -> bytes:
    """Return the hash of a leaf."""
    return hashlib.sha256(b"\x00" + entry).digest()


def split(size: int) -> int:
    """Return the largest power of two smaller than the size."""
    power = 1
    while power * 2 < size:
        power *= 2
    return power


def root(leaves: Sequence[bytes]) -> bytes:
    """Return MTH of leaf hashes."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    at = split(len(leaves))
    return node(root(leaves[:at]), root(leaves[at:]))


def inclusion_root(hashed: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """Return the root that an inclusion proof leads to, or None for a proof of a wrong length."""
    if size == 1:
        return hashed if index == 0 and not path else None
    if not path or index >= size:
        return None
    at = split(size)
    if index < at:
        left = inclusion_root(hashed, index, at, path[:-1])
        return None if left is None else node(left, path[-1])
    right = inclusion_root(hashed, index - at, size - at, path[:-1])
    return None if right is None else node(path[-1], right)


def consistency_roots(
    old: int, new: int, path: Sequence[bytes], old_root: bytes
) -> tuple[bytes, bytes] | None:
    """Return the roots of both trees that a consistency proof leads to, or None."""
    if not 0 < old < new:
        return None
    return _subproof(old, new, list(path), old_root, is_whole=True)


def _subproof(
    old: int, new: int, path: list[bytes], old_root: bytes, *, is_whole: bool
) -> tuple[bytes, bytes] | None:
    if old == new:
        if is_whole:
            return None if path else (old_root, old_root)
        return (path[0], path[0]) if len(path) == 1 else None
    if not path:
        return None
    at, last = split(new), path[-1]
    if old <= at:
        inner = _subproof(old, at, path[:-1], old_root, is_whole=is_whole)
        return None if inner is None else (inner[0], node(inner[1], last))
    inner = _subproof(old - at, new - at, path[:-1], old_root, is_whole=False)
    return None if inner is None else (node(last, inner[0]), node(last, inner[1]))
