"""The table of event types in docs/reference/evidence.md: `python -m tests.house.event_types`.

An event's body is a Struct whose docstring begins with `Event:`; its type is the Struct's name.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from types import UnionType
from typing import Annotated, Any, TypeAlias, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import msgspec
from tests.house.checkout import ROOT

import placet
from placet.kernel.value import Value

PAGE = ROOT / "docs" / "reference" / "evidence.md"
BEGIN = "<!-- event-types:begin"
END = "<!-- event-types:end -->"
MARK = "Event: "
Part: TypeAlias = type[StrEnum] | type[msgspec.Struct]
PLAIN = {
    UUID: "UUID",
    str: "text",
    int: "integer",
    bool: "true or false",
    bytes: "base64",
    datetime: "time",
}


def bodies() -> dict[str, type[Value]]:
    """Return the Struct of every event type, by name, each part's after those of the part below."""
    found: dict[str, type[Value]] = {}
    for module in sorted(info.name for info in pkgutil.walk_packages(placet.__path__, "placet.")):
        if module.rpartition(".")[2] not in {"model", "events"}:
            continue
        for name, kind in vars(importlib.import_module(module)).items():
            is_event = (
                inspect.isclass(kind)
                and issubclass(kind, Value)
                and kind.__module__ == module
                and (kind.__doc__ or "").startswith(MARK)
            )
            if is_event:
                assert name not in found, f"two event types are named {name}"
                found[name] = kind
    return dict(sorted(found.items(), key=lambda item: (item[1].__module__, item[0])))


def fields(kind: type[msgspec.Struct]) -> str:
    """Return a Struct's fields and what each holds."""
    hints = get_type_hints(kind, include_extras=True)
    told = [f"`{name}` {held(hints[name])}" for name in kind.__struct_fields__]
    return ", ".join(told) or "none"


def held(hint: Any) -> str:  # noqa: ANN401 -- type forms have no common type
    """Return what a field of some type holds, in words."""
    if get_origin(hint) is Annotated:
        return held(get_args(hint)[0])
    if hasattr(hint, "__supertype__"):
        return held(hint.__supertype__)
    if get_origin(hint) in {Union, UnionType}:
        parts = [part for part in get_args(hint) if part is not type(None)]
        return " or ".join([*(held(part) for part in parts), "null"][: len(get_args(hint))])
    if get_origin(hint) in {list, tuple}:
        return f"list of {held(get_args(hint)[0])}"
    if get_origin(hint) is dict:
        return f"object of {held(get_args(hint)[1])}"
    if isinstance(hint, type) and issubclass(hint, StrEnum | msgspec.Struct):
        return f"*{hint.__name__}*"
    return PLAIN[hint]


def inner(hint: Any) -> Iterator[Part]:  # noqa: ANN401 -- type forms have no common type
    """Return every enum and Struct within a type."""
    if hasattr(hint, "__supertype__"):
        yield from inner(hint.__supertype__)
    for part in get_args(hint):
        yield from inner(part)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        yield hint
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        yield hint
        for field in get_type_hints(hint, include_extras=True).values():
            yield from inner(field)


def summary(kind: type) -> str:
    """Return the first sentence of a docstring, with a capital."""
    first = (kind.__doc__ or "").removeprefix(MARK).split("\n\n")[0]
    told = " ".join(first.split())
    return told[:1].upper() + told[1:]


def tables() -> str:
    """Return all that stands between the marks."""
    lines = ["", "| type | what it says | fields of its body |", "|---|---|---|"]
    within: dict[str, Part] = {}
    for name, kind in bodies().items():
        lines.append(f"| `{name}` | {summary(kind)} | {fields(kind)} |")
        for hint in get_type_hints(kind, include_extras=True).values():
            within |= {part.__name__: part for part in inner(hint)}
    lines += ["", "Words and documents that stand in bodies:", "", "| name | holds |", "|---|---|"]
    for name, part in sorted(within.items()):
        if issubclass(part, StrEnum):
            told = ", ".join(f"`{member.value}`" for member in part)
        else:
            told = fields(part)
        lines.append(f"| *{name}* | {told} |")
    return "\n".join([*lines, ""])


def page(text: str) -> str:
    """Return a page with the tables put between its marks."""
    begin = text.index("\n", text.index(BEGIN)) + 1
    end = text.index(END)
    return text[:begin] + tables() + text[end:]


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
