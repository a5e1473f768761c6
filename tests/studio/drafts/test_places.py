"""Names for the rules of a contract that was written to have many of one name."""

from typing import cast

import pytest

from placet.kernel.foreign import Json
from placet.studio.drafts.places import CONTRACT as SHAPE
from placet.studio.drafts.places import Document, known_places, parts_of, shape_at


class Counted(str):
    """A name that counts how often a numbered name is made of it."""

    __slots__ = ()
    made = 0

    def __str__(self) -> str:
        """Return this name, not a plain copy of it."""
        return self

    def __format__(self, spec: str) -> str:
        """Count, and write as any text is written."""
        Counted.made += 1
        return super().__format__(spec)


def tools(**parts: object) -> Document:
    return cast("Document", {"tools": [{"tool": "t", **parts}]})


@pytest.mark.parametrize("count", [10, 300])
def test_the_numbered_names_that_are_made_grow_with_the_namesakes_and_no_faster(count: int) -> None:
    Counted.made = 0
    places = known_places(tools(forbidden_after=[Counted("x")] * count))
    assert f"$.tools.t.forbidden_after['x#{count}']" in places
    assert count <= Counted.made <= 2 * count


def test_a_name_that_looks_numbered_is_told_apart_from_a_numbered_one() -> None:
    names: list[Json] = ["x", "x#2", "x", "x#2", "x"]
    shape = shape_at(shape_at(shape_at(SHAPE, "tools"), "t"), "forbidden_after")
    assert list(parts_of(names, shape)) == ["x", "x#2", "x#3", "x#2#2", "x#4"]


def test_an_operator_twice_on_one_path_is_two_rules() -> None:
    places = known_places(tools(arguments=[{"path": "$.a", "lte": 1}, {"path": "$.a", "lte": 2}]))
    assert {one for one in places if "lte" in one} == {
        "$.tools.t.arguments['$.a'].lte",
        "$.tools.t.arguments['$.a']['lte#2']",
    }
