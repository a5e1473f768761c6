"""Database functions kept as SQL files beside the part that owns them."""

from importlib.resources import files
from typing import Final

END: Final = "\n$$;\n"


def statements(package: str, name: str) -> list[str]:
    """Return the statements of `<package>/sql/<name>.sql`, one per function.

    A function ends with a line `$$;`: the driver takes one statement at a time.
    """
    text = files(package).joinpath("sql", f"{name}.sql").read_text()
    return [part + END for part in text.split(END) if part.strip()]
