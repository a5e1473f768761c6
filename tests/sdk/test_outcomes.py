"""What becomes of a call is told, whatever its tool made of it."""

import pytest

from placet.sdk.endpoints import ToolCall
from placet.sdk.outcomes import Ending, Told

TOLD = Told(asked=ToolCall(id="c1", name="pay", arguments="{}"), call_id=None)


class Wordless:
    """Something without a text of its own."""

    def __str__(self) -> str:
        """Fail."""
        raise ValueError


class WordlessError(Wordless, Exception):
    """A fault without a text of its own."""


def test_a_result_without_words_is_a_success_all_the_same() -> None:
    outcome = TOLD.did(Wordless())
    assert (outcome.ending, outcome.text) == (Ending.SUCCEEDED, "<Wordless>")


@pytest.mark.parametrize(("is_grave", "ending"), [(False, Ending.FAILED), (True, Ending.UNKNOWN)])
def test_a_fault_without_words_is_told_by_its_name(is_grave: bool, ending: Ending) -> None:  # noqa: FBT001 -- pytest gives it by name
    outcome = TOLD.fell(WordlessError(), is_grave=is_grave)
    assert outcome.ending is ending
    assert outcome.text.endswith("WordlessError: <WordlessError>")


def test_text_goes_to_the_model_as_it_is_and_anything_else_as_json() -> None:
    assert TOLD.did("done").text == "done"
    assert TOLD.did({"a": 1}).message() == {
        "role": "tool",
        "tool_call_id": "c1",
        "content": '{"a":1}',
    }
