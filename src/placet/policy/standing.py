"""What a yes to calls that are yet to come names of a contract, and its rules on arguments."""

from functools import lru_cache
from typing import Final

import msgspec

from placet.kernel.canonical import canonical
from placet.kernel.hashing import digest
from placet.policy.loaded import LoadedTool
from placet.policy.model import Checkpoint, Rule
from placet.policy.operators import Operator, Pattern, operators

RULES_KEPT: Final = 1_024
_RULES: Final = msgspec.json.Decoder(tuple[Rule, ...])


def checkpoint_hash(checkpoint: Checkpoint) -> str:
    """Return the hash of whom a contract asks, which a standing grant names, in hex."""
    return digest("checkpoint", canonical(checkpoint)).hex()


def schema_hash(tool: LoadedTool) -> str | None:
    """Return the hash of a tool's schema in hex, None where it has none."""
    return None if tool.schema_hash is None else tool.schema_hash.hex()


@lru_cache(maxsize=RULES_KEPT)
def load_rules(text: str) -> tuple[Operator, ...]:
    """Return the operators of the rules in a standing grant. Raises `ValueError` for bad ones."""
    return tuple(
        operator
        for index, rule in enumerate(_RULES.decode(text))
        for operator in operators(rule, f"arguments[{index}]", _compile_pattern)
    )


def _compile_pattern(pattern: str) -> Pattern:
    from placet.policy.schemas import engine  # noqa: PLC0415 -- only where a pattern is used

    return engine.compile_pattern(pattern)
