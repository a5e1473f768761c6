"""Where nodes of the tree are kept."""

from hypothesis import given
from hypothesis import strategies as st

from placet.evidence.log.tiles import place_of, tiles_with
from placet.evidence.merkle import grow, leaf_hash, nodes_of


@given(st.integers(0, 70_000))
def test_every_node_of_a_tree_is_computed_from_one_tile_or_from_few_entries(size: int) -> None:
    for level, index in nodes_of((0, size)):
        tile, start, end = place_of((level, index))
        assert end - start <= 128
        assert start // 256 == (end - 1) // 256
        assert start << (8 * tile) == index << level
        assert end << (8 * tile) == (index + 1) << level


def test_what_became_whole_is_added_to_tiles_where_they_end() -> None:
    first = grow(0, (), [leaf_hash(b"")] * 600)
    assert tiles_with(first.made) == {(1, 0): (0, first.made[8, 0] + first.made[8, 1])}
    more = grow(600, first.edge, [leaf_hash(b"")] * 65_536)
    added = tiles_with(more.made)
    assert set(added) == {(1, 0), (1, 1), (2, 0)}
    assert (added[1, 0][0], len(added[1, 0][1])) == (2, 254 * 32)
    assert (added[1, 1][0], len(added[1, 1][1])) == (0, 2 * 32)
    assert added[2, 0] == (0, more.made[16, 0])
