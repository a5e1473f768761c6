"""What runs on the event loop's own thread, where nothing else can be answered meanwhile."""

import sys
from collections.abc import Awaitable, Callable
from types import CodeType, FrameType
from typing import TypeVar

T = TypeVar("T")


async def watched(work: Awaitable[T]) -> tuple[T, Callable[[Callable[..., object]], bool]]:
    """Return what some work gave, and a question: was a function called on the loop meanwhile."""
    called: set[CodeType] = set()

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            called.add(frame.f_code)

    sys.setprofile(note)
    try:
        given = await work
    finally:
        sys.setprofile(None)
    return given, lambda function: function.__code__ in called
