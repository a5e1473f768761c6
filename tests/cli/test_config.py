"""The settings: where each comes from, and what is hidden when they are shown."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from placet.settings import LogLevel, SettingInvalid, Settings, load_settings

Placet = Callable[..., Any]
URL = "postgresql://placet_app:canary@db.example/placet"


def _load(
    tmp_path: Path,
    environ: Mapping[str, str],
    file: str = "",
    flags: Mapping[str, object] | None = None,
) -> Settings:
    path = tmp_path / "placet.toml"
    path.write_text(file)
    return load_settings(flags, {"PLACET_CONFIG": str(path), **environ})


def test_a_flag_beats_the_environment_beats_the_file_beats_the_default(tmp_path: Path) -> None:
    file = 'port = 1\nhost = "file"\nlog_level = "error"'
    found = _load(
        tmp_path,
        {"PLACET_PORT": "2", "PLACET_HOST": "env"},
        file,
        {"port": 3, "host": None},
    )
    assert (found.port, found.host, found.log_level) == (3, "env", LogLevel.ERROR)
    assert found.sources["port"] == "--port"
    assert found.sources["host"] == "PLACET_HOST"
    assert found.sources["log_level"].endswith("placet.toml")
    assert "log_format" not in found.sources
    assert found.public_url == "http://env:3"


def test_an_empty_variable_is_one_that_is_not_set(tmp_path: Path) -> None:
    assert _load(tmp_path, {"PLACET_DATABASE_URL": ""}).is_embedded


def test_a_secret_can_be_given_as_a_file(tmp_path: Path) -> None:
    (tmp_path / "url").write_text(f"{URL}\n")
    assert _load(tmp_path, {"PLACET_DATABASE_URL_FILE": str(tmp_path / "url")}).database_url == URL
    with pytest.raises(SettingInvalid, match="PLACET_DATABASE_URL_FILE"):
        _load(tmp_path, {"PLACET_DATABASE_URL_FILE": str(tmp_path / "none")})


def test_the_shared_variable_counts_only_if_it_names_a_postgres(tmp_path: Path) -> None:
    assert _load(tmp_path, {"DATABASE_URL": URL}).database_url == URL
    assert _load(tmp_path, {"DATABASE_URL": "mysql://x/y"}).is_embedded
    other = URL.replace("db.example", "other")
    assert _load(tmp_path, {"DATABASE_URL": other, "PLACET_DATABASE_URL": URL}).database_url == URL


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PLACET_PORT", "65536"),
        ("PLACET_PORT", "-1"),
        ("PLACET_LOG_LEVEL", "loud"),
        ("PLACET_DATABASE_URL", "db.example"),
        ("PLACET_ADMIN_DATABASE_URL", "mysql://canary@x/y"),
    ],
)
def test_a_value_that_does_not_fit_names_its_variable(
    tmp_path: Path, name: str, value: str
) -> None:
    with pytest.raises(SettingInvalid, match=name) as told:
        _load(tmp_path, {name: value})
    assert told.value.remedy
    assert "canary" not in told.value.detail


@pytest.mark.parametrize("file", ["prot = 1", "port =", 'port = "x"'])
def test_a_file_that_does_not_fit_is_named(tmp_path: Path, file: str) -> None:
    with pytest.raises(SettingInvalid, match=r"placet\.toml"):
        _load(tmp_path, {}, file)


def test_a_mistyped_setting_in_the_file_is_answered_with_the_one_meant(tmp_path: Path) -> None:
    with pytest.raises(SettingInvalid) as told:
        _load(tmp_path, {}, "prot = 1")
    assert "`port`" in told.value.remedy


def test_no_password_is_shown(tmp_path: Path, placet: Placet) -> None:
    settings = _load(tmp_path, {"PLACET_DATABASE_URL": URL})
    assert "canary" not in repr(settings)
    shown = placet("config", "show", "--json", PLACET_DATABASE_URL=URL)
    assert "canary" not in shown.stdout
    assert json.loads(shown.stdout)["database_url"] == {
        "value": "postgresql://placet_app:…@db.example/placet",
        "source": "PLACET_DATABASE_URL",
    }
