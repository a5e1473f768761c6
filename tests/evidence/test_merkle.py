"""The tree of RFC 6962: published vectors, and a tree written as the definition says."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from placet.evidence import merkle
from placet.evidence.merkle import (
    EMPTY_ROOT,
    consistency_spans,
    grow,
    hashes_of,
    inclusion_spans,
    is_consistent,
    is_included,
    leaf_hash,
    nodes_of,
    root_of,
)

# The leaves and results that implementations of RFC 6962 are commonly tested with.
ENTRIES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
SECOND = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
MIDDLE = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
RIGHT = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
FIFTH = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
LAST_TWO = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
FIFTH_AND_SIXTH = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"
INCLUSION = {
    (0, 8): [SECOND, MIDDLE, RIGHT],
    (5, 8): [FIFTH, LAST_TWO, ROOTS[4]],
    (2, 3): [ROOTS[2]],
    (1, 5): [ROOTS[1], MIDDLE, FIFTH],
    (0, 1): [],
}
CONSISTENCY = {
    (1, 8): [SECOND, MIDDLE, RIGHT],
    (6, 8): [FIFTH_AND_SIXTH, LAST_TWO, ROOTS[4]],
    (2, 5): [MIDDLE, FIFTH],
    (1, 1): [],
    (0, 8): [],
}
SIZE_MAX = 600

sizes = st.integers(0, SIZE_MAX)


def leaves_of(size: int) -> list[bytes]:
    return [leaf_hash(n.to_bytes(4, "big")) for n in range(size)]


def known(leaves: list[bytes]) -> dict[merkle.Node, bytes]:
    return {(0, n): leaf for n, leaf in enumerate(leaves)} | grow(0, (), leaves).made


# As the RFC defines them, over lists and by recursion: slow, and close to the text.
def mth(leaves: list[bytes]) -> bytes:
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    k = split(len(leaves))
    return hashlib.sha256(b"\x01" + mth(leaves[:k]) + mth(leaves[k:])).digest()


def split(n: int) -> int:
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def path(m: int, leaves: list[bytes]) -> list[bytes]:
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if m < k:
        return [*path(m, leaves[:k]), mth(leaves[k:])]
    return [*path(m - k, leaves[k:]), mth(leaves[:k])]


def subproof(m: int, leaves: list[bytes], *, is_whole: bool) -> list[bytes]:
    n = len(leaves)
    if m == n:
        return [] if is_whole else [mth(leaves)]
    k = split(n)
    if m <= k:
        return [*subproof(m, leaves[:k], is_whole=is_whole), mth(leaves[k:])]
    return [*subproof(m - k, leaves[k:], is_whole=False), mth(leaves[:k])]


@pytest.mark.parametrize("size", range(9))
def test_the_root_of_known_leaves_is_the_published_one(size: int) -> None:
    assert root_of(leaf_hash(entry) for entry in ENTRIES[:size]).hex() == ROOTS[size]


@pytest.mark.parametrize(("asked", "told"), INCLUSION.items())
def test_the_path_of_a_known_leaf_is_the_published_one(
    asked: tuple[int, int], told: list[str]
) -> None:
    index, size = asked
    leaves = [leaf_hash(entry) for entry in ENTRIES[:size]]
    found = hashes_of(inclusion_spans(index, size), known(leaves))
    assert [each.hex() for each in found] == told
    assert is_included(leaves[index], index, size, found, bytes.fromhex(ROOTS[size]))


@pytest.mark.parametrize(("asked", "told"), CONSISTENCY.items())
def test_the_proof_between_known_trees_is_the_published_one(
    asked: tuple[int, int], told: list[str]
) -> None:
    old, new = asked
    leaves = [leaf_hash(entry) for entry in ENTRIES[:new]]
    found = hashes_of(consistency_spans(old, new), known(leaves))
    assert [each.hex() for each in found] == told
    before, after = bytes.fromhex(ROOTS[old]), bytes.fromhex(ROOTS[new])
    assert is_consistent(old, before, new, after, found)


@given(sizes)
def test_a_tree_hashes_as_the_definition_says(size: int) -> None:
    leaves = leaves_of(size)
    assert root_of(leaves) == mth(leaves)


@given(sizes, sizes)
def test_a_tree_that_grew_in_two_steps_is_the_tree_of_all(first: int, more: int) -> None:
    leaves = leaves_of(first + more)
    before = grow(0, (), leaves[:first])
    after = grow(first, before.edge, leaves[first:])
    assert len(before.edge) == len(nodes_of((0, first)))
    assert merkle.fold(after.edge) == root_of(leaves)
    assert before.made | after.made == grow(0, (), leaves).made


@given(st.data(), st.integers(1, SIZE_MAX))
def test_every_path_is_that_of_the_definition_and_proves_its_leaf(
    data: st.DataObject, size: int
) -> None:
    index = data.draw(st.integers(0, size - 1))
    leaves = leaves_of(size)
    found = hashes_of(inclusion_spans(index, size), known(leaves))
    assert found == path(index, leaves)
    assert is_included(leaves[index], index, size, found, mth(leaves))


@given(st.data(), st.integers(1, SIZE_MAX))
def test_every_consistency_proof_is_that_of_the_definition_and_proves_it(
    data: st.DataObject, new: int
) -> None:
    old = data.draw(st.integers(0, new))
    leaves = leaves_of(new)
    found = hashes_of(consistency_spans(old, new), known(leaves))
    if old:
        assert found == subproof(old, leaves, is_whole=True)
    assert is_consistent(old, mth(leaves[:old]), new, mth(leaves), found)


@given(st.data(), st.integers(2, 80))
def test_a_path_proves_no_other_leaf_place_size_or_root(data: st.DataObject, size: int) -> None:
    index = data.draw(st.integers(0, size - 1))
    leaves = leaves_of(size)
    found = hashes_of(inclusion_spans(index, size), known(leaves))
    other = leaf_hash(b"other")
    assert not is_included(other, index, size, found, mth(leaves))
    assert not is_included(leaves[index], index, size, found, other)
    assert not is_included(leaves[index], index, size, [*found, other], mth(leaves))
    assert not is_included(leaves[index], index, size, found[:-1], mth(leaves))
    broken = [*found]
    at = data.draw(st.integers(0, len(found) - 1))
    broken[at] = broken[at][:31]
    assert not is_included(leaves[index], index, size, broken, mth(leaves))
    for place in range(-1, size + 1):
        if place != index:
            assert not is_included(leaves[index], place, size, found, mth(leaves))


@given(st.data(), st.integers(2, 80))
def test_a_proof_shows_no_other_tree_to_be_the_beginning(data: st.DataObject, new: int) -> None:
    old = data.draw(st.integers(1, new - 1))
    leaves = leaves_of(new)
    found = hashes_of(consistency_spans(old, new), known(leaves))
    before, after, other = mth(leaves[:old]), mth(leaves), leaf_hash(b"other")
    assert not is_consistent(old, other, new, after, found)
    assert not is_consistent(old, before, new, other, found)
    assert not is_consistent(old, before, new, after, [*found, other])
    assert not is_consistent(old, before, new, after, found[:-1])
    assert not is_consistent(old, before, old, after, found)
    assert not is_consistent(new, after, old, before, found)
    changed = [*leaves]
    changed[data.draw(st.integers(0, old - 1))] = other
    assert not is_consistent(old, before, new, mth(changed), found)


def test_two_different_empty_trees_are_not_consistent() -> None:
    root = root_of(leaves_of(3))
    assert is_consistent(0, EMPTY_ROOT, 3, root, [])
    assert not is_consistent(0, root, 3, root, [])
    assert not is_consistent(0, EMPTY_ROOT, 3, root, [root])
    assert not is_consistent(3, EMPTY_ROOT, 3, root, [])
    assert not is_consistent(2, root, 3, root, [])
