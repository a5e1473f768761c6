"""The Merkle tree of RFC 6962: roots, paths, and what they prove. Pure; hashes are 32 bytes.

A *node* is `(level, index)`: the complete subtree over the leaves from `index << level` up to, but
not including, `(index + 1) << level`. What it hashes to never changes once the tree holds them all,
so nodes can be kept. A *span* is `(start, end)`: any part of the tree that a path may ask for; it
is made of nodes, of which the tree itself has at most one per level.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeAlias

from placet.kernel.hashing import DIGEST_BYTES
from placet.kernel.value import Value

EMPTY_ROOT: Final = hashlib.sha256(b"").digest()
"""The root of a tree without leaves."""

_LEAF: Final = b"\x00"
_NODE: Final = b"\x01"

Node: TypeAlias = tuple[int, int]
Span: TypeAlias = tuple[int, int]


class Grown(Value, frozen=True):
    """A tree to which leaves were added: its size, the hashes of its nodes, and what became whole.

    `edge` goes with `nodes_of((0, size))`. `made` holds each node of level 1 and above that these
    leaves completed.
    """

    size: int
    edge: list[bytes]
    made: dict[Node, bytes]


def leaf_hash(entry: bytes) -> bytes:
    """Return the hash of a leaf whose content is `entry`."""
    return hashlib.sha256(_LEAF + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of the node over two hashes."""
    return hashlib.sha256(_NODE + left + right).digest()


def nodes_of(span: Span) -> list[Node]:
    """Return the nodes that a span is made of, each smaller than the one to its left.

    `start` is a multiple of a power of two that is no less than the span is long.
    """
    start, end = span
    nodes = []
    while start < end:
        level = (end - start).bit_length() - 1
        nodes.append((level, start >> level))
        start += 1 << level
    return nodes


def fold(hashes: Sequence[bytes]) -> bytes:
    """Return the hash of a span from those of its nodes; of none, the root of an empty tree."""
    if not hashes:
        return EMPTY_ROOT
    folded = hashes[-1]
    for left in reversed(hashes[:-1]):
        folded = node_hash(left, folded)
    return folded


def grow(size: int, edge: Sequence[bytes], leaves: Iterable[bytes]) -> Grown:
    """Add leaf hashes to a tree of which only the size and the hashes of its nodes are known."""
    stack, made = list(edge), {}
    for leaf in leaves:
        level, index, hashed = 0, size, leaf
        while index & 1:
            level, index, hashed = level + 1, index >> 1, node_hash(stack.pop(), hashed)
            made[level, index] = hashed
        stack.append(hashed)
        size += 1
    return Grown(size=size, edge=stack, made=made)


def root_of(leaves: Iterable[bytes]) -> bytes:
    """Return the root of the tree over these leaf hashes."""
    return fold(grow(0, (), leaves).edge)


def inclusion_spans(index: int, size: int) -> list[Span]:
    """Return the spans whose hashes prove that leaf `index` is in a tree of `size`, leaf first.

    RFC 6962, 2.1.1. `0 ≤ index < size`.
    """
    start, end = 0, size
    path = []
    while end - start > 1:
        middle = start + _half(end - start)
        if index < middle:
            path.append((middle, end))
            end = middle
        else:
            path.append((start, middle))
            start = middle
    return path[::-1]


def consistency_spans(old: int, new: int) -> list[Span]:
    """Return the spans whose hashes prove that a tree of `old` leaves is the beginning of `new`.

    RFC 6962, 2.1.2. `0 ≤ old ≤ new`; nothing is to prove for an empty tree and for the same one.
    """
    if old in {0, new}:
        return []
    start, end = 0, new
    path = []
    while old < end:
        middle = start + _half(end - start)
        if old <= middle:
            path.append((middle, end))
            end = middle
        else:
            path.append((start, middle))
            start = middle
    if start:
        path.append((start, end))
    return path[::-1]


def hashes_of(spans: Iterable[Span], known: Mapping[Node, bytes]) -> list[bytes]:
    """Return the hash of each span, given those of its nodes."""
    return [fold([known[node] for node in nodes_of(span)]) for span in spans]


def is_included(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Tell whether a path proves that a leaf hash stands at `index` in the tree of this root.

    RFC 9162, 2.1.3.2.
    """
    if not 0 <= index < size or not _are_hashes(path):
        return False
    place, last, hashed = index, size - 1, leaf
    for step in path:
        if last == 0:
            return False
        if place & 1 or place == last:
            hashed = node_hash(step, hashed)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            hashed = node_hash(hashed, step)
        place, last = place >> 1, last >> 1
    return last == 0 and hashed == root


def is_consistent(
    old: int, old_root: bytes, new: int, new_root: bytes, path: Sequence[bytes]
) -> bool:
    """Tell whether a path proves that the tree of `old` leaves is the beginning of that of `new`.

    RFC 9162, 2.1.4.2.
    """
    if not 0 <= old <= new or not _are_hashes(path):
        return False
    if old == new:
        return not path and old_root == new_root
    if old == 0:
        return not path and old_root == EMPTY_ROOT
    steps = list(path) if old & (old - 1) else [old_root, *path]
    if not steps:
        return False
    place, last = old - 1, new - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    first, *rest = steps
    before = after = first
    for step in rest:
        if last == 0:
            return False
        if place & 1 or place == last:
            before, after = node_hash(step, before), node_hash(step, after)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            after = node_hash(after, step)
        place, last = place >> 1, last >> 1
    return last == 0 and before == old_root and after == new_root


def _half(length: int) -> int:
    """Return the largest power of two below a length of at least 2."""
    return 1 << ((length - 1).bit_length() - 1)


def _are_hashes(path: Sequence[bytes]) -> bool:
    return all(len(step) == DIGEST_BYTES for step in path)
