"""Pages and their cursors."""

import base64
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from placet.kernel.paging import Page, decode_cursor, decode_ids, encode_cursor
from placet.kernel.refusals import MalformedQuery

POSITIONS = st.lists(
    st.integers(-(2**63), 2**63 - 1) | st.text(st.characters(exclude_categories=["Cs"])),
    max_size=5,
)


@given(POSITIONS)
def test_a_cursor_gives_back_its_position_and_needs_no_quoting(position: list[str | int]) -> None:
    cursor = encode_cursor(position)
    assert decode_cursor(cursor) == position
    assert all(character.isalnum() or character in "-_" for character in cursor)


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "é",
        "%%%%",
        "bm90IGpzb24",
        base64.urlsafe_b64encode(b'{"a":1}').decode().rstrip("="),
        base64.urlsafe_b64encode(b"[1.5]").decode().rstrip("="),
        base64.urlsafe_b64encode(b'["\xff"]').decode().rstrip("="),
        base64.urlsafe_b64encode(b"[" * 100_000).decode().rstrip("="),
        encode_cursor(["a"]) + " ",
    ],
)
def test_anything_else_is_refused_as_a_malformed_query(cursor: str) -> None:
    with pytest.raises(MalformedQuery) as refused:
        decode_cursor(cursor)
    assert refused.value.parameter == "cursor"


def test_a_cursor_of_ids_gives_them_back_and_no_others() -> None:
    ids = [UUID(int=1), UUID(int=2)]
    cursor = encode_cursor([str(one) for one in ids])
    assert decode_ids(cursor, 2) == ids
    for wrong, count in (
        (cursor, 1),
        (cursor, 3),
        (encode_cursor(["a"]), 1),
        (encode_cursor([]), 1),
    ):
        with pytest.raises(MalformedQuery) as refused:
            decode_ids(wrong, count)
        assert refused.value.parameter == "cursor"


def test_the_last_page_has_no_cursor() -> None:
    assert Page[int](items=[1]).next_cursor is None
