"""The bases of every Struct: frozen, keyword-only, and strict when a client fills it.

One may be changed: what the hot path makes and drops for each call.
"""

from typing import Any, dataclass_transform

import msgspec


class _ValueMeta(msgspec.StructMeta):
    """Makes every Struct keyword-only without each of them saying so."""

    def __new__(
        mcls,
        name: str,
        bases: tuple[type, ...],
        namespace: dict[str, Any],
        **config: Any,  # noqa: ANN401 -- a Struct's options are of many types
    ) -> "_ValueMeta":
        made: _ValueMeta = super().__new__(
            mcls, name, bases, namespace, **({"kw_only": True} | config)
        )
        return made


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(msgspec.field,))
class Value(msgspec.Struct, metaclass=_ValueMeta, frozen=True):
    """An immutable value: an answer or a stored document. Unknown fields are ignored."""


class Input(Value, frozen=True, forbid_unknown_fields=True):
    """What a client may send. An unknown field is an error, never dropped in silence."""


class Mutable(msgspec.Struct):
    """What is changed while a call is worked on, and neither sent nor stored.

    For the hot path alone: it is made several times as fast as a dataclass of many fields.
    """
