"""What must be remembered of a call: only the values that some rule names."""

from placet.kernel import foreign
from placet.kernel.foreign import Json
from placet.policy import layers
from placet.policy.facts import Remembered
from placet.policy.loaded import Policy
from placet.policy.paths import MISSING, Path, find, select


def is_remembered(policy: Policy, tool: str) -> bool:
    """Say whether some rule requires a committed call of this tool."""
    known = policy.tools.get(tool)
    return known is not None and known.is_required


def project(policy: Policy, tool: str, arguments: bytes, output: bytes | None) -> Remembered:
    """Return the values of a call that some rule's `same` or `output` names.

    `arguments` and `output` are JSON text. An output that is no JSON counts as none. Raises
    `ForeignJsonError` for arguments that no evaluation can have let pass.
    """
    known = policy.tools.get(tool)
    if known is None or not known.is_required:
        return Remembered(arguments={})
    given = foreign.parse(arguments)
    kept = Remembered(arguments=remembered(known.remembered_arguments, given))
    if output is None:
        return kept
    try:
        answer = foreign.parse(output)
    except foreign.ForeignJsonError:
        return kept
    return Remembered(arguments=kept.arguments, output=remembered(known.remembered_output, answer))


def effect_key_hash(policy: Policy, tool: str, arguments: bytes) -> bytes | None:
    """Return the hash of a call's effect key, or None where it has none.

    It is SHA-256 with purpose `effect_key` over the foreign form of the tool and its values,
    numbers that are equal written alike. Malformed arguments and missing values have none.
    """
    known = policy.tools.get(tool)
    if known is None or not known.effect_key:
        return None
    try:
        return layers.effect_key(known, foreign.parse(arguments))
    except foreign.ForeignJsonError:
        return None


def remembered(paths: tuple[Path, ...], document: Json) -> dict[str, object]:
    """Return the values of a document at these paths, by the path's text (`Remembered`)."""
    values: dict[str, object] = {}
    for path in paths:
        if path.is_many:
            places = select(path, document)
            values[path.text] = [[] if value is MISSING else [value] for value in places]
        elif (value := find(path, document)) is not MISSING:
            values[path.text] = value
    return values
