"""What a control may name, and how it is shown."""

import re
from typing import Final

from msgspec.structs import asdict

from placet.authority.controls.model import Control, ControlKind, ControlView, SetControl
from placet.kernel.refusals import MalformedBody

_AGENT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def check_target(asked: SetControl) -> None:
    """Refuse `malformed_body` unless the target is one of this kind.

    Neither agent nor tool has to be known: what is stopped before it first runs is stopped too.
    """
    match asked.kind:
        case ControlKind.TENANT:
            fault = "a kill of the tenant names no target" if asked.target else ""
        case ControlKind.AGENT:
            is_name = _AGENT.fullmatch(asked.target)
            fault = "" if is_name else "a kill of an agent names the agent"
        case _:
            fault = "" if asked.target else "a kill of a tool names the tool"
    if fault:
        raise MalformedBody(detail=fault, errors=[{"pointer": "/target", "detail": fault}])


def view_of(control: Control) -> ControlView:
    """Return a control without the tenant, which the reader knows."""
    fields = asdict(control)
    return ControlView(**{name: fields[name] for name in ControlView.__struct_fields__})
