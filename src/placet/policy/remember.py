"""What must be remembered of a call: only the values that some rule names."""

from typing import Final

from placet.kernel import foreign
from placet.kernel.foreign import Json
from placet.policy import layers
from placet.policy.facts import Remembered
from placet.policy.hashes import likeness
from placet.policy.holding import is_small
from placet.policy.loaded import Likened, LoadedTool, Policy
from placet.policy.paths import MISSING, find, select

KEPT_MAX: Final = 4_096
"""Values of one place of an output that a rule can look at later; with more, the rule fails."""


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
    kept = Remembered(arguments=arguments_kept(known, given))
    if output is None:
        return kept
    try:
        answer = foreign.parse(output)
    except foreign.ForeignJsonError:
        return kept
    return Remembered(arguments=kept.arguments, output=output_kept(known, answer))


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


def arguments_kept(tool: LoadedTool, given: Json) -> dict[str, object]:
    """Return what is kept of a call's arguments: a likeness for each path that a `same` names."""
    return _likenesses(tool.likened_arguments, given)


def output_kept(tool: LoadedTool, output: Json) -> dict[str, object]:
    """Return what is kept of a call's output (`Remembered`)."""
    values = _likenesses(tool.likened_output, output)
    for path in tool.remembered_output:
        places = select(path, output)
        if not all(value is MISSING or is_small(value, KEPT_MAX) for value in places):
            values[f"!{path.text}"] = True
        elif path.is_many:
            values[path.text] = [[] if value is MISSING else [value] for value in places]
        elif places[0] is not MISSING:
            values[path.text] = places[0]
    return values


def _likenesses(likened: tuple[Likened, ...], document: Json) -> dict[str, object]:
    return {
        one.key: likeness(value, is_secret=one.is_secret)
        for one in likened
        if (value := find(one.path, document)) is not MISSING
    }
