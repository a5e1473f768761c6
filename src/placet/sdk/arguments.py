"""Arguments of a call: one byte form, one hash, and back again into what the tool is run with."""

from typing import Final

from placet.kernel import foreign
from placet.kernel.foreign import Json
from placet.kernel.hashing import digest
from placet.kernel.value import Value

ARGUMENTS: Final = "arguments"


class Arguments(Value, frozen=True):
    """The arguments of one call as they are proposed, granted and run.

    `text` is their foreign form and the only place where they stand: the hash is over it, and
    every run reads them anew from it, so that nothing can change them after they were granted.
    """

    text: bytes

    def __repr__(self) -> str:
        """Show the hash; arguments may hold what must not stand in a log."""
        return f"Arguments({self.hash[:16]}…, {len(self.text)} bytes)"

    @property
    def hash(self) -> str:
        """Return the 64 hexadecimal digits that a grant and a receipt name."""
        return digest(ARGUMENTS, self.text).hex()

    def read(self) -> dict[str, Json]:
        """Return a fresh object of the arguments."""
        found = foreign.parse(self.text)
        if not isinstance(found, dict):
            message = "arguments are a JSON object"
            raise foreign.ForeignJsonError(message, "")
        return found


def arguments_of(values: dict[str, object]) -> Arguments:
    """Return arguments by name in their one form. Raises `ForeignJsonError` for what is no JSON.

    Tuples become lists, and `1.0` becomes `1`: what the tool is given is what was granted.
    """
    text = foreign.encode(_json(values, ""))
    foreign.parse(text)
    return Arguments(text=text)


def arguments_in(text: str) -> Arguments:
    """Return the arguments that a model wrote. Raises `ForeignJsonError` unless it is an object."""
    value = foreign.parse(text.encode())
    if not isinstance(value, dict):
        message = "arguments are a JSON object"
        raise foreign.ForeignJsonError(message, "")
    return Arguments(text=foreign.encode(value))


def _json(value: object, pointer: str) -> Json:
    match value:
        case None | bool():
            return value
        # Subclasses, such as those of numeric libraries, print themselves in ways of their own.
        case int():
            return int(value)
        case float():
            return float(value)
        case str():
            return str.__str__(value)
        case list() | tuple():
            return [_json(inner, f"{pointer}/{index}") for index, inner in enumerate(value)]
        case dict():
            return {
                _name(key, pointer): _json(inner, f"{pointer}/{_step(key)}")
                for key, inner in value.items()
            }
    message = f"a {type(value).__name__} cannot be an argument of a governed tool"
    raise foreign.ForeignJsonError(message, pointer)


def _name(key: object, pointer: str) -> str:
    if isinstance(key, str):
        return str.__str__(key)
    message = "a key is no text"
    raise foreign.ForeignJsonError(message, pointer)


def _step(key: object) -> str:
    return str(key).replace("~", "~0").replace("/", "~1")
