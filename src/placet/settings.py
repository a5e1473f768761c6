"""What an operator can set, as one frozen value, read once.

A setting comes from the first of: a flag of the command line, the environment, the configuration
file, the default. Every variable starts with `PLACET_`; a secret can also be given as the path of
a file that holds it, in the variable with `_FILE` at its end.
"""

import difflib
import os
import shlex
import tomllib
import types
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

import msgspec

from placet.kernel.value import Value

PREFIX: Final = "PLACET_"
SHARED: Final = "DATABASE_URL"
SECRETS: Final = frozenset({"database_url", "database_direct_url", "admin_database_url"})
COMMANDS: Final = frozenset({"artifact_key_command", "checkpoint_key_command"})
_SCHEMES: Final = frozenset({"postgresql", "postgres"})


class LogLevel(StrEnum):
    """How much is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    """For whom it is logged: people or machines."""

    CONSOLE = "console"
    JSON = "json"


class Settings(Value, frozen=True):
    """Everything that an operator can set.

    `database_url` is the application's role in a Postgres of the operator's own; without it the
    embedded server is used. `database_direct_url` is the same past a pooler, `admin_database_url`
    that of a role that may change the schema. `pg_bin` is the folder of other Postgres programs for
    the embedded server. Signed checkpoints of each tenant's log are kept in `witness_dir`, a folder
    away from the database, and held against it. New keys for artifacts and checkpoints are those of
    the commands `artifact_key_command` and `checkpoint_key_command`, where these are set: the path
    of a program and its words, as a shell splits them. `port` 0 takes any free one.
    `webhooks_to_loopback` lets webhooks reach this machine, for tests and development, and after
    `webhooks_kept_days` what was told is deleted from the outbox. So many observed calls
    (`ready_calls_min`), of which so many hundredths are of a tool that was called before
    (`ready_confidence_percent`), make a plan `READY`. One key may send `key_rate_per_second`
    requests to one process, 0 for any number.
    `sources` says where each setting came from.
    """

    data_dir: Path
    database_url: str | None = None
    database_direct_url: str | None = None
    admin_database_url: str | None = None
    pg_bin: Path | None = None
    witness_dir: Path | None = None
    artifact_key_command: str = ""
    checkpoint_key_command: str = ""
    host: str = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 8471
    public_url: str = ""
    log_level: LogLevel = LogLevel.INFO
    log_format: LogFormat = LogFormat.CONSOLE
    webhooks_to_loopback: bool = False
    webhooks_kept_days: Annotated[int, msgspec.Meta(ge=1, le=3_650)] = 30
    ready_calls_min: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 200
    ready_confidence_percent: Annotated[int, msgspec.Meta(ge=0, le=100)] = 95
    key_rate_per_second: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] = 5_000
    sources: Mapping[str, str] = msgspec.field(default_factory=dict)

    @property
    def is_embedded(self) -> bool:
        """Tell whether Placet runs a Postgres of its own."""
        return self.database_url is None

    @property
    def key_commands(self) -> dict[str, tuple[str, ...]]:
        """Return the command of each purpose that has one, as a program and its words."""
        set_ = {
            "artifact": self.artifact_key_command,
            "checkpoint": self.checkpoint_key_command,
        }
        return {purpose: tuple(shlex.split(text)) for purpose, text in set_.items() if text}

    def __repr__(self) -> str:
        """Return the masked settings, so that no log line and no traceback holds a password."""
        return f"Settings({self.masked()})"

    def masked(self) -> dict[str, str | int | None]:
        """Return every setting for display, with the passwords in addresses hidden."""
        shown: dict[str, str | int | None] = {}
        for name in _fields():
            value = getattr(self, name)
            text = str(value) if isinstance(value, Path) else value
            shown[name] = _without_password(text) if name in SECRETS and text else text
        return shown


class SettingInvalid(Exception):  # noqa: N818 -- what the operator reads, not what went wrong inside
    """A setting cannot be used."""

    def __init__(self, *, detail: str, remedy: str) -> None:
        """Say which setting, where it came from, and what would be right."""
        super().__init__(detail)
        self.detail = detail
        self.remedy = remedy


def load_settings(
    flags: Mapping[str, object] | None = None, environ: Mapping[str, str] = os.environ
) -> Settings:
    """Return the settings. `flags` maps a setting's name to its value; None stands for not given.

    Refuses `SettingInvalid`.
    """
    file, path = _read_file(environ)
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for name, field in _fields().items():
        found = _find(name, flags or {}, environ, file, path)
        if found is not None:
            raw, sources[name] = found
            values[name] = _convert(name, field, raw, sources[name])
    values.setdefault("data_dir", _default_data_dir(environ))
    settings = Settings(**values, sources=types.MappingProxyType(sources))
    if settings.public_url:
        return settings
    return msgspec.structs.replace(settings, public_url=f"http://{_place(settings)}")


def _find(
    name: str,
    flags: Mapping[str, object],
    environ: Mapping[str, str],
    file: Mapping[str, object],
    path: Path,
) -> tuple[object, str] | None:
    """Return the value and where it came from. An empty variable is one that was not set."""
    if flags.get(name) is not None:
        return flags[name], "--" + name.replace("_", "-")
    variable = PREFIX + name.upper()
    if environ.get(variable):
        return environ[variable], variable
    if name in SECRETS and environ.get(f"{variable}_FILE"):
        return _read_secret(environ[f"{variable}_FILE"], f"{variable}_FILE")
    if name in file:
        return file[name], str(path)
    # Other programs' variable: what is no Postgres in it is not meant for us.
    if name == "database_url" and urlsplit(environ.get(SHARED, "")).scheme in _SCHEMES:
        return environ[SHARED], SHARED
    return None


def _convert(name: str, field: Any, raw: object, source: str) -> object:  # noqa: ANN401 -- a type form
    try:
        value = msgspec.convert(raw, field, strict=False, dec_hook=_path)
    except msgspec.ValidationError as fault:
        told = str(raw) if name not in SECRETS else "…"
        raise SettingInvalid(
            detail=f"`{source}` is `{told}`: {str(fault)[0].lower()}{str(fault)[1:]}",
            remedy=f"set it to a value that fits, or leave it out: {_meaning(name)}",
        ) from fault
    if name in SECRETS and urlsplit(str(value)).scheme not in _SCHEMES:
        raise SettingInvalid(
            detail=f"`{source}` is no address of a Postgres database",
            remedy="it has the form `postgresql://user:password@host:port/database`",
        )
    if name in COMMANDS:
        _check_command(str(value), source)
    return value


def _check_command(text: str, source: str) -> None:
    try:
        words = shlex.split(text)
    except ValueError as fault:
        raise SettingInvalid(
            detail=f"`{source}` cannot be split into words: {fault}",
            remedy="close every quotation, as in a shell",
        ) from fault
    if text and (not words or not words[0].startswith("/") or "\0" in text):
        raise SettingInvalid(
            detail=f"`{source}` does not begin with the path of a program",
            remedy="begin with `/`: no folders are searched, and no shell is asked",
        )


def _read_file(environ: Mapping[str, str]) -> tuple[dict[str, object], Path]:
    named = environ.get(f"{PREFIX}CONFIG")
    path = Path(named) if named else _default_config(environ)
    try:
        file = tomllib.loads(path.read_text())
    except FileNotFoundError:
        if not named:
            return {}, path
        raise SettingInvalid(
            detail=f"`PLACET_CONFIG` names `{path}`, which is not there",
            remedy="write the file, or leave the variable out",
        ) from None
    except (OSError, ValueError) as fault:
        raise SettingInvalid(
            detail=f"`{path}` cannot be read: {fault}", remedy="mend the file, or move it away"
        ) from fault
    for name in file:
        if name not in _fields():
            near = difflib.get_close_matches(name, _fields(), 1)
            raise SettingInvalid(
                detail=f"`{path}` sets `{name}`, which is no setting",
                remedy=f"did you mean `{near[0]}`?" if near else "take it out",
            )
    return file, path


def _read_secret(path: str, source: str) -> tuple[object, str]:
    try:
        return Path(path).read_text().strip(), source
    except (OSError, ValueError) as fault:
        raise SettingInvalid(
            detail=f"`{source}` names `{path}`, which cannot be read: {fault}",
            remedy="name a file that this user can read",
        ) from fault


def _fields() -> dict[str, Any]:
    return {
        field.name: field.type
        for field in msgspec.structs.fields(Settings)
        if field.name != "sources"
    }


def _meaning(name: str) -> str:
    known = {
        "port": "a number from 0 to 65535",
        "log_level": ", ".join(LogLevel),
        "log_format": ", ".join(LogFormat),
        "webhooks_to_loopback": "`true` or `false`",
        "webhooks_kept_days": "a number from 1 to 3650",
        "ready_calls_min": "a number from 1 to 1,000,000",
        "ready_confidence_percent": "a number from 0 to 100",
        "key_rate_per_second": "a number from 0 to 1,000,000",
    }
    return known.get(name, "a text")


def _path(wanted: type, raw: object) -> object:
    if wanted is Path and isinstance(raw, str | Path):
        return Path(raw).expanduser().absolute()
    raise NotImplementedError  # msgspec's word for: this hook does not convert that type


def _default_data_dir(environ: Mapping[str, str]) -> Path:
    if os.geteuid() == 0:
        return Path("/var/lib/placet")
    home = environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(home).expanduser() / "placet"


def _default_config(environ: Mapping[str, str]) -> Path:
    if os.geteuid() == 0:
        return Path("/etc/placet/placet.toml")
    home = environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(home).expanduser() / "placet" / "placet.toml"


def _place(settings: Settings) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"{host}:{settings.port}"


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    if parts.password is None:
        return url
    return url.replace(f":{parts.password}@", ":…@", 1)
