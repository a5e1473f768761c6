"""Which texts are long enough to be looked for."""

import msgspec
import pytest

from placet.audit.subjects.model import EraseSubject


def asked(subject: str) -> EraseSubject:
    body = msgspec.json.encode({"subject": subject, "reason": "asked for"})
    return msgspec.json.decode(body, type=EraseSubject)


@pytest.mark.parametrize("subject", ["anna", "Jörg", "李明", "王小明", "김민", "x李", "a b\nc"])
def test_a_text_that_names_somebody_is_taken(subject: str) -> None:
    assert asked(subject).subject == subject


@pytest.mark.parametrize("subject", ["", "ann", "Jör", "李", "Ян", "anna\x00", "李\x00明"])
def test_a_text_that_stands_nearly_everywhere_is_refused(subject: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        asked(subject)
