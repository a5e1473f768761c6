"""The page of settings tells of every setting, with the default that it has."""

import re
from enum import StrEnum
from pathlib import Path

import msgspec
from tests.house.checkout import ROOT, python

from placet.settings import PREFIX, SECRETS, Settings, load_settings

PAGE = (ROOT / "docs" / "reference" / "configuration.md").read_text()
ROWS = dict(re.findall(r"^\| `(PLACET_\w+)` \| ([^|]*) \|", PAGE, re.MULTILINE))
FIELDS = [field for field in msgspec.structs.fields(Settings) if field.name != "sources"]


def test_every_setting_has_a_row() -> None:
    assert {PREFIX + field.name.upper() for field in FIELDS} <= set(ROWS)


def test_every_default_is_told_as_it_is() -> None:
    for field in FIELDS:
        told = ROWS[PREFIX + field.name.upper()]
        if isinstance(field.default, StrEnum | str | int) and field.default != "":
            assert told == f"`{field.default}`", field.name
        elif field.default is None:
            assert told.startswith(("none", "the programs")), field.name


def test_the_default_folders_are_told_as_they_are() -> None:
    made = load_settings({}, {"PLACET_CONFIG": "/dev/null"})
    assert f"`{str(made.data_dir).replace(str(Path.home()), '~')}`" in ROWS["PLACET_DATA_DIR"]


def test_every_secret_can_be_a_file_and_the_page_says_so() -> None:
    for name in SECRETS:
        assert f"`{PREFIX}{name.upper()}_FILE`" in PAGE


def test_the_page_tells_of_every_variable_that_the_code_names_and_of_no_other() -> None:
    named = {
        name
        for path in python("src", "tests")
        for name in re.findall(r"\bPLACET_[A-Z][A-Z_]*[A-Z]\b", path.read_text())
    }
    derived = {PREFIX + field.name.upper() for field in FIELDS}
    secret_files = {f"{PREFIX}{name.upper()}_FILE" for name in SECRETS}
    assert set(re.findall(r"\bPLACET_[A-Z_]*[A-Z]\b", PAGE)) == named | derived | secret_files | {
        "PLACET_CONFIG"
    }
