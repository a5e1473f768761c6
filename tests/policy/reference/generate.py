"""One example: a contract and a file of calls of its tools."""

from collections.abc import Sequence

from hypothesis import strategies as st
from tests.policy.reference.contracts import a_contract
from tests.policy.reference.files import a_file
from tests.policy.reference.operators import Doc
from tests.policy.reference.picking import Chance, Picker

Example = tuple[Doc, list[Doc]]


def an_example(chance: Chance, focus: Sequence[str] = ()) -> Example:
    """Return a contract with some features in focus, and the lines of a file."""
    pick = Picker(chance)
    contract = a_contract(pick, focus)
    names = [tool["tool"] for tool in contract["tools"]]
    return contract, a_file(pick, names, is_small=any("when" in tool for tool in contract["tools"]))


def examples() -> st.SearchStrategy[Example]:
    """Return a strategy of examples, each of one seed."""
    chances: st.SearchStrategy[Chance] = st.randoms(use_true_random=True)
    return chances.map(an_example)
