"""`placet policy schema`: the JSON Schema of the language."""

from typing import Final

import click
import msgspec

from placet.cli.output import give, json_option

_EXAMPLES: Final = """\b
Examples:
  placet policy schema > contract.schema.json
  placet policy schema --json
"""


@click.command("schema", epilog=_EXAMPLES)
@json_option
def schema(*, as_json: bool) -> None:
    """Print the JSON Schema of contracts, by which an editor completes and checks them.

    It is a schema of draft 2020-12, the same as `docs/reference/contract.schema.json`. What it
    takes can still be wrong: `placet policy check` says so.
    """
    from placet.policy.text.language import language_schema

    made = language_schema()
    text = msgspec.json.format(msgspec.json.encode(made), indent=2).decode()
    give(made, text, as_json=as_json)


command = schema
