"""Findings about input schemas: each can be used, and nothing outside it is read."""

from collections.abc import Iterator

from msgspec import UNSET

from placet.policy.checks.found import found, tools_of
from placet.policy.checks.known import Known
from placet.policy.finding import Finding
from placet.policy.schemas.shape import shape_faults
from placet.policy.text.tree import Steps


def check_schemas(known: Known, *, with_patterns: bool) -> Iterator[Finding]:
    """Yield tools without a schema, and schemas that cannot be used.

    Without patterns, no schema is compiled, and only its keywords are looked at.
    """
    for steps, tool in tools_of(known.contract):
        here = (*steps, "input_schema")
        if tool.input_schema is UNSET:
            message = f"`{tool.tool}` has no input schema: its arguments are checked by rules alone"
            hint = "give the schema that the tool publishes"
            yield found("schema_missing", here, message, hint)
        else:
            yield from _schema(here, tool.input_schema, with_patterns=with_patterns)


def _schema(
    here: Steps,
    schema: dict[str, object] | bool,  # noqa: FBT001 -- true and false are schemas
    *,
    with_patterns: bool,
) -> Iterator[Finding]:
    from placet.policy.schemas import engine  # noqa: PLC0415 -- only where a schema is used

    is_sound = True
    for steps, message, hint in shape_faults(schema):
        is_sound = False
        yield found("bad_schema", (*here, *steps), message, hint)
    if is_sound and with_patterns:
        try:
            engine.schema_check(schema, "", ())
        except engine.SchemaError as fault:
            hint = "mend the schema, as JSON Schema 2020-12 has it"
            yield found("bad_schema", here, f"the schema cannot be used: {fault}", hint)
