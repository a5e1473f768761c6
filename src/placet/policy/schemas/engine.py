"""JSON Schema 2020-12 and patterns, by jsonschema-rs: nothing fetched, and no time without bound.

A pattern never backtracks, but what it takes is the size of the pattern times the length of the
text, and few characters can spell a very large pattern. So the size is bounded, and known.

Imported by `load` and `check` only where a contract has a schema or a pattern, so that whoever
reads decisions needs no compiled library.
"""

import functools
import importlib.metadata
from itertools import islice
from typing import Final

import jsonschema_rs

from placet.kernel.foreign import Json
from placet.policy.decision import Code, Reason
from placet.policy.operators import Pattern
from placet.policy.paths import Path, is_under, path_text
from placet.policy.projection import LIBRARIES
from placet.policy.schemas.checking import SchemaCheck
from placet.policy.schemas.cost import SchemaCostError, schema_cost
from placet.policy.text.tree import Steps

LIBRARY: Final = "jsonschema-rs"
VIOLATIONS_MAX: Final = 10
DETAIL_MAX: Final = 300
PATTERN_NS: Final = ((2_000, 600), (10_000, 1_500), (30_000, 4_000), (100_000, 15_000))
"""Bytes of a compiled pattern, and nanoseconds that one of this size takes at most for a byte."""

PATTERN_SIZE_MAX: Final = PATTERN_NS[-1][0]
ERRORS_NS_MAX: Final = 1_000_000
"""What judging may take where each error is told; telling takes a hundred times as long."""

_PATTERNS_KEPT: Final = 1_000
_MASK: Final = "the value"


class SchemaError(ValueError):
    """A schema or a pattern that cannot be used; the text says why, `steps` where in a schema."""

    def __init__(self, message: str, steps: Steps = ()) -> None:
        """Keep the place."""
        super().__init__(message)
        self.steps = steps


@functools.cache
def library_version() -> str:
    """Return the installed version of the library."""
    return importlib.metadata.version(LIBRARY)


def schema_check(
    schema: dict[str, object] | bool,  # noqa: FBT001 -- true and false are schemas
    rule: str,
    redacted: tuple[Path, ...],
) -> SchemaCheck:
    """Return what gives the reasons why the schema refuses a document, at most ten.

    `format` is asserted and nothing outside the schema is ever read. The document's depth must
    have been bounded before: a very deep one would end the process. Raises `SchemaError`.
    """
    try:
        cost = schema_cost(schema, pattern_ns)
    except SchemaCostError as fault:
        raise SchemaError(str(fault)) from fault
    validator = _validator(schema)

    def reasons(document: Json, values: int) -> list[Reason]:
        if validator.is_valid(document):
            return []
        if cost.per_value * values > ERRORS_NS_MAX:
            return [_unexplained(rule)]
        errors = islice(validator.iter_errors(document), VIOLATIONS_MAX)
        return [_reason(error, rule, redacted) for error in errors]

    return SchemaCheck(validator.is_valid, reasons, cost)


def _unexplained(rule: str) -> Reason:
    """Say no more than that: the library makes every error before it tells the first."""
    return Reason(
        code=Code.SCHEMA_VIOLATED,
        rule=rule,
        detail="the arguments do not fit, and are too many to say where",
        needs="the arguments fit the tool's schema",
    )


def _reason(error: jsonschema_rs.ValidationError, rule: str, redacted: tuple[Path, ...]) -> Reason:
    """Say what is wrong without a value, and without a property's name where it is redacted."""
    here = tuple(error.instance_path)
    hidden = next((path for path in redacted if is_under(here, path.parts)), None)
    keyword = next((str(part) for part in reversed(error.schema_path)), "schema")
    place = path_text(here) if hidden is None else hidden.text
    text = error.message if hidden is None else f"`{keyword}` does not hold"
    return Reason(
        code=Code.SCHEMA_VIOLATED,
        rule="/".join([rule, *(str(part) for part in error.schema_path)]),
        detail=f"`{place}`: {text}"[:DETAIL_MAX],
        needs=f"`{place}` fits `{keyword}` of the tool's schema",
    )


def compile_pattern(pattern: str) -> Pattern:
    """Return a search without backtracking. Raises `SchemaError` for a pattern that has none."""
    if "[[:" in pattern or "[:" in pattern.replace("\\[", ""):
        message = "a named class in brackets is not taken; write `\\p{L}`, `\\d` or a range"
        raise SchemaError(message)
    nanoseconds = pattern_ns(pattern)
    return Pattern(search=_validator({"pattern": pattern}).is_valid, ns_per_byte=nanoseconds)


@functools.lru_cache(_PATTERNS_KEPT)
def pattern_ns(pattern: str) -> int:
    """Return nanoseconds that a pattern takes at most for each byte of a text.

    Raises `SchemaError` for one that cannot be used, or is larger than `PATTERN_SIZE_MAX` bytes
    once its repetitions are written out.
    """
    for size, nanoseconds in PATTERN_NS:
        options = jsonschema_rs.RegexOptions(size_limit=size)
        try:
            jsonschema_rs.Draft202012Validator({"pattern": pattern}, pattern_options=options)
        except jsonschema_rs.ValidationError:
            continue
        return nanoseconds
    message = (
        f"`{pattern[:100]}` is no pattern without look-around and back-references, or is larger "
        f"than {PATTERN_SIZE_MAX:,} bytes once its repetitions are written out"
    )
    raise SchemaError(message)


def _validator(schema: dict[str, object] | bool) -> jsonschema_rs.Draft202012Validator:  # noqa: FBT001 -- true and false are schemas
    if not library_version().startswith(f"{LIBRARIES[LIBRARY]}."):
        message = f"{LIBRARY} {LIBRARIES[LIBRARY]} is needed; {library_version()} is installed"
        raise SchemaError(message)
    try:
        return jsonschema_rs.Draft202012Validator(
            schema,
            offline=True,
            pattern_options=jsonschema_rs.RegexOptions(size_limit=PATTERN_SIZE_MAX),
            validate_formats=True,
            ignore_unknown_formats=False,
            mask=_MASK,
        )
    except jsonschema_rs.ValidationError as fault:
        raise SchemaError(fault.message, tuple(fault.instance_path)) from fault
    except jsonschema_rs.ReferencingError as fault:
        raise SchemaError(str(fault).partition("\n")[0]) from fault
