"""One call while it is being judged, and what the calls before it hold."""

import dataclasses

from placet.kernel.foreign import Json
from placet.kernel.value import Mutable
from placet.policy.allowances import NO_VALUES, Values
from placet.policy.amounts import Amount
from placet.policy.decision import Decision
from placet.policy.facts import Call
from placet.policy.loaded import LoadedTool


class Judged(Mutable):
    """One call with its own decision, before the response is looked at.

    `given` are its arguments, null where they are malformed. Without `is_read`, reading them went
    wrong in a way that nobody foresaw, and the decision is that. `is_within` says that it passed
    the first nine layers. `values` are for aggregates and envelopes, `repeat` is the hash that like
    calls share.
    """

    call: Call
    tool: LoadedTool | None
    decision: Decision
    given: dict[str, Json] | None = None
    is_read: bool = False
    is_within: bool = False
    arguments_hash: bytes | None = None
    effect_key: bytes | None = None
    repeat: bytes | None = None
    values: Values = NO_VALUES

    def advances_to(self, phase: str | None) -> str | None:
        """Return the phase that a commit leads to, or None when the session is there already."""
        target = None if self.tool is None else self.tool.advances_to
        return None if target == phase else target


@dataclasses.dataclass(slots=True)
class Held:
    """What earlier allowed calls of the same response hold."""

    counted: dict[str, int] = dataclasses.field(default_factory=dict)
    effect_keys: set[bytes] = dataclasses.field(default_factory=set)
    amounts: dict[str, list[Amount]] = dataclasses.field(default_factory=dict)
    repeats: list[bytes] = dataclasses.field(default_factory=list)

    def add(self, judged: Judged) -> None:
        """Hold what a call holds that is allowed."""
        name = judged.call.tool
        self.counted[name] = self.counted.get(name, 0) + 1
        if judged.effect_key is not None:
            self.effect_keys.add(judged.effect_key)
        if judged.repeat is not None:
            self.repeats.append(judged.repeat)
        for aggregate, amount in judged.values.amounts.items():
            if amount is not None:
                self.amounts.setdefault(aggregate, []).append(amount)
