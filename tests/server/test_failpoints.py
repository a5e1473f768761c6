"""A service fails where its environment says so, and is the plain one where it says nothing."""

import signal
from types import FrameType

import pytest
from litestar import Litestar
from litestar.types import Receive, Scope, Send

from placet.server.failpoints import (
    VARIABLE,
    Failpoints,
    application_with,
    database_with,
    named,
)
from placet.settings import SettingInvalid
from placet.storage.database import Database, HotPool


async def nothing(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer nothing."""


def test_without_the_variable_database_and_application_are_the_plain_ones(
    app: Litestar, db: Database
) -> None:
    assert named({}) is None
    assert named({VARIABLE: ""}) is None
    assert database_with(None, db) is db
    assert application_with(None, nothing) is nothing
    assert type(app.state[Database.__name__]) is Database
    assert type(app.state[Database.__name__].hot) is HotPool


@pytest.mark.parametrize(
    "told",
    [
        "kill",
        "after:propose_v1",
        "after:propose_v1=faint",
        "propose_v1=kill",
        "during:propose_v1=kill",
        "after:propose_v1@0=kill",
        "after:propose_v1=kill,",
    ],
)
def test_what_is_no_point_is_refused_at_the_start(told: str) -> None:
    with pytest.raises(SettingInvalid, match=VARIABLE):
        named({VARIABLE: told})


def test_a_point_acts_once_at_its_time_and_no_other_does() -> None:
    sent: list[int] = []

    def hear(number: int, frame: FrameType | None) -> None:
        del frame
        sent.append(number)

    before = signal.signal(signal.SIGUSR1, hear)
    try:
        points = Failpoints({"after:propose_v1": (2, signal.SIGUSR1)})
        heard = []
        for point in ("before:propose_v1", *["after:propose_v1"] * 3):
            points.pass_by(point)
            heard.append(len(sent))
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert heard == [0, 0, 1, 1]
