"""Where the nodes of a log's tree are kept: 256 of every eighth level in a tile.

Nodes of the lowest levels are computed from entries, those between two levels of tiles from a part
of one tile.
"""

from collections.abc import Mapping
from typing import Final

from placet.evidence.merkle import Node
from placet.kernel.hashing import DIGEST_BYTES

TILE_HEIGHT: Final = 8
"""Levels of the tree from one level of tiles to the next."""

TILE_WIDTH: Final = 1 << TILE_HEIGHT


def place_of(node: Node) -> tuple[int, int, int]:
    """Return what a node is computed from: a level of tiles, and `start` and `end` in it.

    Level 0 is the entries; level n holds the nodes of level `TILE_HEIGHT * n` of the tree.
    """
    level, index = node
    tile, low = divmod(level, TILE_HEIGHT)
    return tile, index << low, (index + 1) << low


def tiles_with(made: Mapping[Node, bytes]) -> dict[tuple[int, int], tuple[int, bytes]]:
    """Return what is added to which tile: by level and index, from which place on, and the hashes.

    `made` holds nodes in the order in which they became whole.
    """
    found: dict[tuple[int, int], tuple[int, bytes]] = {}
    for (level, index), hashed in made.items():
        if level % TILE_HEIGHT == 0:
            place = (level // TILE_HEIGHT, index // TILE_WIDTH)
            start, before = found.get(place, (index % TILE_WIDTH, b""))
            found[place] = (start, before + hashed)
    return found


def hashes_in(tile: bytes) -> list[bytes]:
    """Return the hashes of a tile."""
    return [tile[at : at + DIGEST_BYTES] for at in range(0, len(tile), DIGEST_BYTES)]
