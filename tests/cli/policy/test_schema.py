"""`placet policy schema` at the terminal."""

import json

from click.testing import CliRunner

from placet.cli.policy.schema import schema
from placet.policy.text.language import language_schema


def test_the_schema_is_printed_for_people_and_on_one_line() -> None:
    people, program = (CliRunner().invoke(schema, args) for args in ([], ["--json"]))
    assert (people.exit_code, program.exit_code) == (0, 0)
    assert json.loads(people.stdout) == json.loads(program.stdout) == language_schema()
    assert people.stdout.startswith('{\n  "$schema": ')
    assert program.stdout.count("\n") == 1
