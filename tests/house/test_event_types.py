"""Every event type is told on the page that promises what evidence looks like."""

import re

from tests.house import event_types
from tests.house.checkout import python

from placet.evidence import verify


def test_the_page_tells_of_every_event_type_as_the_code_has_it() -> None:
    text = event_types.PAGE.read_text()
    assert text == event_types.page(text), "run `python -m tests.house.event_types`"


def test_every_event_type_is_said_by_something() -> None:
    said = {
        name
        for path in python("src")
        for name in re.findall(r"\b(\w+)\(\n?\s*(?!Value)", path.read_text())
    }
    assert [name for name in event_types.bodies() if name not in said] == []


def test_event_types_are_told_in_the_past() -> None:
    irregular = re.compile(
        r"(ed|Set|Cast|Rebuilt|Taken|Stolen|Unknown|Enforcing|Expiring|Withdrawn|Kept)$"
    )
    assert [name for name in event_types.bodies() if not irregular.search(name)] == []


def test_the_verifier_reads_no_event_type_that_does_not_exist() -> None:
    read = {
        value
        for name, value in vars(verify).items()
        if name.isupper() and isinstance(value, str) and re.fullmatch(r"[A-Z][a-z]+[A-Z]\w+", value)
    }
    assert len(read) > 3
    assert read <= set(event_types.bodies())
