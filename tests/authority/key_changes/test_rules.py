"""When a key lies ready, and when it takes over."""

from datetime import UTC, datetime, timedelta

import pytest

from placet.authority.key_changes.model import KeyInFile, Turn
from placet.authority.key_changes.rules import GRANT_KEY_LIFE, LEAD, decide_turn
from placet.authority.model import KeyPurpose

NOW = datetime(2026, 3, 1, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)
GRANT, ARTIFACT = KeyPurpose.GRANT, KeyPurpose.ARTIFACT


def key(name: str, age: timedelta | None, *, is_ended: bool = False) -> KeyInFile:
    return KeyInFile(key_id=name, listed_at=None if age is None else NOW - age, is_ended=is_ended)


@pytest.mark.parametrize(
    ("purpose", "current", "ready", "turn"),
    [
        (GRANT, key("a", timedelta(0)), None, Turn.NOTHING),
        (GRANT, key("a", GRANT_KEY_LIFE - LEAD - MOMENT), None, Turn.NOTHING),
        (GRANT, key("a", GRANT_KEY_LIFE - LEAD), None, Turn.MAKE),
        (ARTIFACT, key("a", timedelta(days=4_000)), None, Turn.NOTHING),
        (ARTIFACT, key("a", timedelta(0), is_ended=True), None, Turn.MAKE),
        (GRANT, key("a", None), None, Turn.NOTHING),
        (GRANT, key("a", GRANT_KEY_LIFE), key("b", None), Turn.LIST),
        (GRANT, key("a", GRANT_KEY_LIFE), key("b", LEAD - MOMENT), Turn.NOTHING),
        (GRANT, key("a", GRANT_KEY_LIFE), key("b", LEAD), Turn.TAKE_OVER),
        (ARTIFACT, key("a", timedelta(0)), key("b", LEAD), Turn.TAKE_OVER),
        (ARTIFACT, key("a", timedelta(0), is_ended=True), key("b", None), Turn.LIST),
        (ARTIFACT, key("a", timedelta(0), is_ended=True), key("b", timedelta(0)), Turn.TAKE_OVER),
        (ARTIFACT, key("a", timedelta(0)), key("b", LEAD, is_ended=True), Turn.DISCARD),
        (ARTIFACT, key("a", LEAD, is_ended=True), key("b", LEAD, is_ended=True), Turn.DISCARD),
    ],
)
def test_a_key_is_listed_an_hour_before_it_signs_and_none_signs_after_its_end(
    purpose: KeyPurpose, current: KeyInFile, ready: KeyInFile | None, turn: Turn
) -> None:
    assert decide_turn(purpose, current, ready, NOW) is turn
