"""Which questions are the same, and what it costs to tell."""

from _collections_abc import dict_values
from typing import cast

from placet.kernel.foreign import Json
from placet.policy.finding import Finding, Severity
from placet.studio.drafts.places import Document
from placet.studio.judgments.rules import judgments_of


class Counted(dict[str, Json]):
    """A tool that counts how often it is looked through."""

    looks = 0

    def values(self) -> "dict_values[str, Json]":
        """Count, and give what any mapping gives."""
        self.looks += 1
        return super().values()


def finding(number: int) -> Finding:
    return Finding(
        code="unknown_tool",
        severity=Severity.ADVISORY,
        path=f"$.tools[0].forbidden_after[{number}]",
        message=f"the contract has no tool `t{number}`",
        hint="name one that it has",
    )


def test_a_tool_is_looked_through_once_however_many_questions_are_about_it() -> None:
    tool = Counted({"tool": "t", "input_schema": {"type": "object"}})
    document = cast("Document", {"tools": [tool]})
    judged = judgments_of(document, map(finding, range(40)), [], {})
    assert len({one.judgment_id for one in judged}) == 40
    assert tool.looks == 1
