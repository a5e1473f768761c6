"""JSON Schema 2020-12 and patterns, by jsonschema-rs: linear-time regexes, nothing fetched.

Imported by `load` and `check` only where a contract has a schema or a pattern, so that whoever
reads decisions needs no compiled library.
"""

import functools
import importlib.metadata
from collections.abc import Callable
from itertools import islice
from typing import Final, cast

import jsonschema_rs

from placet.kernel.foreign import Json
from placet.policy.model import Code, Reason
from placet.policy.paths import Path, is_under, path_text
from placet.policy.projection import LIBRARIES

LIBRARY: Final = "jsonschema-rs"
VIOLATIONS_MAX: Final = 10
DETAIL_MAX: Final = 300
_MASK: Final = "the value"


class SchemaError(ValueError):
    """A schema or a pattern that cannot be used; the text says why."""


@functools.cache
def library_version() -> str:
    """Return the installed version of the library."""
    return importlib.metadata.version(LIBRARY)


def schema_check(
    schema: dict[str, object] | bool,  # noqa: FBT001 -- true and false are schemas
    rule: str,
    redacted: tuple[Path, ...],
) -> Callable[[Json], list[Reason]]:
    """Return a function from a document to the reasons why the schema refuses it, at most ten.

    `format` is asserted and nothing outside the schema is ever read. The document's depth must
    have been bounded before: a very deep one would end the process. Raises `SchemaError`.
    """
    validator = _validator(schema)

    def reasons(document: Json) -> list[Reason]:
        if validator.is_valid(document):
            return []
        errors = islice(validator.iter_errors(document), VIOLATIONS_MAX)
        return [_reason(error, rule, redacted) for error in errors]

    return reasons


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


def compile_pattern(pattern: str) -> Callable[[str], bool]:
    """Return a linear-time search for a pattern. Raises `SchemaError` for one that it cannot be."""
    if "[[:" in pattern or "[:" in pattern.replace("\\[", ""):
        message = "a named class in brackets is not taken; write `\\p{L}`, `\\d` or a range"
        raise SchemaError(message)
    validator = _validator({"pattern": pattern})
    return cast("Callable[[str], bool]", validator.is_valid)


def _validator(schema: dict[str, object] | bool) -> jsonschema_rs.Draft202012Validator:  # noqa: FBT001 -- true and false are schemas
    if not library_version().startswith(f"{LIBRARIES[LIBRARY]}."):
        message = f"{LIBRARY} {LIBRARIES[LIBRARY]} is needed; {library_version()} is installed"
        raise SchemaError(message)
    try:
        return jsonschema_rs.Draft202012Validator(
            schema,
            offline=True,
            pattern_options=jsonschema_rs.RegexOptions(),
            validate_formats=True,
            ignore_unknown_formats=False,
            mask=_MASK,
        )
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError) as fault:
        message = str(fault).partition("\n")[0]
        raise SchemaError(message) from fault
