"""What is asked of a whole step."""

from typing import Annotated

import msgspec

from placet.kernel.value import Input
from placet.replay.calls.tool_calls import CALLS_MAX, ToolCall


class CallTools(Input, frozen=True):
    """Have tool calls decided that no model turn of the caller's own led to; at least one."""

    tool_calls: Annotated[list[ToolCall], msgspec.Meta(min_length=1, max_length=CALLS_MAX)]
