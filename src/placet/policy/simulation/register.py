"""Which calls a recording has told of so far, so that no id stands for two of them or for none."""

from typing import Final

from placet.policy.simulation.lines import Line, LineError

_OF_CALLS: Final = ("approved", "outputs", "failed", "cost_micros")


class Register:
    """The ids of all calls so far, in the order in which they were proposed."""

    def __init__(self) -> None:
        """Begin with none."""
        self._order: dict[str, int] = {}

    def enter_new(self, line: Line) -> bool:
        """Enter the one call of a line that tells of no other. Returns False if its id is taken."""
        order = self._order
        count = len(order)
        return order.setdefault(line.tool_calls[0].id, count) == count

    def enter(self, line: Line) -> list[str]:
        """Enter a line's calls, and return the ids of earlier ones that its results are of.

        They come in the order in which the calls were proposed. Raises `LineError` for an id that
        is taken, an id that no call has, and a call that both failed and had an output.
        """
        order = self._order
        first = len(order)
        for index, call in enumerate(line.tool_calls):
            if order.setdefault(call.id, len(order)) != first + index:
                field = f"tool_calls[{index}].id"
                raise LineError(field=field, message=f"{_quoted(call.id)} is taken")
        earlier: set[str] = set()
        for field in _OF_CALLS:
            for one in getattr(line, field):
                if one not in order:
                    message = f"no call so far has the id {_quoted(one)}"
                    raise LineError(field=field, message=message)
                if order[one] < first and field != "approved":
                    earlier.add(one)
        if line.failed and (both := line.outputs.keys() & line.failed):
            message = f"{_quoted(min(both))} stands in `outputs` too"
            raise LineError(field="failed", message=message)
        return sorted(earlier, key=order.__getitem__) if earlier else []


def _quoted(call_id: str) -> str:
    return f"`{call_id[:100]}`"
