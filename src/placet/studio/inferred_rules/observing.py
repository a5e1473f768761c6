"""What the arguments of observed calls have in common."""

import dataclasses
import math
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final, TypeAlias, cast

from placet.kernel import foreign
from placet.kernel.foreign import Json
from placet.policy.paths import path_text

Schema: TypeAlias = dict[str, Json]

DEPTH_MAX: Final = 6
PROPERTIES_MAX: Final = 100
CHOICES_MAX: Final = 5
CHOICE_LENGTH_MAX: Final = 100
_REDACTED: Final = "[redacted"
_TYPES: Final = {
    type(None): "null",
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}


@dataclasses.dataclass
class Seen:
    """What was seen at one place of the arguments, in how many calls.

    `choices` are the texts, None as soon as there are too many or one cannot be told.
    """

    count: int = 0
    types: set[str] = dataclasses.field(default_factory=set)
    choices: Counter[str] | None = dataclasses.field(default_factory=Counter)
    numbers: list[int | float] = dataclasses.field(default_factory=list)
    inner: dict[str, "Seen"] = dataclasses.field(default_factory=dict)
    objects: int = 0
    items: "Seen | None" = None

    def take(self, value: Json, depth: int = 0) -> None:
        """Count one more value."""
        self.count += 1
        self.types.add(_TYPES[type(value)])
        match value:
            case str():
                self._choose(value)
            case bool():
                pass
            case int():
                self._range(value)
            case float() if math.isfinite(value):
                self._range(value)
            case dict() if depth < DEPTH_MAX:
                self.objects += 1
                for name, part in value.items():
                    self.inner.setdefault(name, Seen()).take(part, depth + 1)
            case list() if depth < DEPTH_MAX:
                self.items = self.items or Seen()
                for item in value:
                    self.items.take(item, depth + 1)
            case _:
                pass

    def _range(self, number: float) -> None:
        self.numbers = [min([*self.numbers, number]), max([*self.numbers, number])]

    def _choose(self, text: str) -> None:
        if self.choices is None:
            return
        self.choices[text] += 1
        is_untold = _REDACTED in text or len(text) > CHOICE_LENGTH_MAX
        if is_untold or len(self.choices) > CHOICES_MAX:
            self.choices = None


def observe(calls: Iterable[dict[str, Json]]) -> Seen:
    """Return what was seen in the arguments of these calls."""
    seen = Seen()
    for arguments in calls:
        seen.take(arguments)
    return seen


def schema_of(seen: Seen) -> Schema:
    """Return the JSON Schema that all that was seen meets, and little else."""
    types = sorted(seen.types - ({"integer"} if "number" in seen.types else set()))
    schema: Schema = {"type": types[0] if len(types) == 1 else cast("list[Json]", types)}
    if not types:
        return {}
    if "object" in types and 0 < len(seen.inner) <= PROPERTIES_MAX:
        schema["properties"] = {name: schema_of(part) for name, part in sorted(seen.inner.items())}
        schema["additionalProperties"] = False
        required = [name for name, part in sorted(seen.inner.items()) if part.count == seen.objects]
        if required:
            schema["required"] = cast("list[Json]", required)
    if seen.items is not None and seen.items.count:
        schema["items"] = schema_of(seen.items)
    return schema


def bounds_of(seen: Seen, steps: tuple[str, ...] = ()) -> Iterator[tuple[str, Schema, int]]:
    """Yield a rule for each argument that had few values or a range, and its number of values."""
    for name, part in sorted(seen.inner.items()):
        at = path_text((*steps, name))
        if part.types == {"string"} and part.choices and min(part.choices.values()) > 1:
            choices = cast("list[Json]", sorted(part.choices))
            yield at, {"path": at, "one_of": choices}, part.count
        elif part.numbers and part.types <= {"integer", "number"}:
            lowest, highest = map(_bound, part.numbers)
            if lowest is not None and highest is not None:
                yield at, {"path": at, "gte": lowest, "lte": highest}, part.count
        elif part.types == {"object"} and len(part.inner) <= PROPERTIES_MAX:
            yield from bounds_of(part, (*steps, name))


def _bound(number: float) -> Json:
    """Return a number as the language writes a bound; None for one that needs an exponent."""
    if isinstance(number, int):
        return number
    text = foreign.encode(number).decode()
    return None if "e" in text else text
