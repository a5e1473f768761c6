"""What a tool says of its call beside its result.

Where others find its effect, what it cost, and what the tool's host signed about it.
"""

import base64
import binascii
import contextlib
import logging
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Final

import msgspec

from placet.kernel.value import Value

COST_MICROS_MAX: Final = 2**40
EXTERNAL_REF_MAX: Final = 2_000
_KEY_BYTES: Final = 32
_LOG: Final = logging.getLogger("placet.sdk")


class Attestation(Value, frozen=True):
    """A host's signed receipt as the host answers it: its envelope, and its raw key in base64."""

    envelope: dict[str, object]
    public_key: str

    def __repr__(self) -> str:
        """Show by which key, and nothing of what was signed."""
        return f"Attestation(public_key={self.public_key!r})"


class Notes:
    """What is told of one call until it is reported. What cannot be told is left out and logged.

    Nothing here raises: the effect has happened by then, and its report matters more.
    """

    def __init__(self) -> None:
        """Know nothing yet."""
        self.external_ref: str | None = None
        self.cost_micros: int | None = None
        self.attestation: Attestation | None = None

    def __repr__(self) -> str:
        """Show what is known."""
        signed = "" if self.attestation is None else ", attested"
        return f"Notes(external_ref={self.external_ref!r}, cost_micros={self.cost_micros}{signed})"

    def tell(
        self,
        *,
        external_ref: str | None = None,
        cost_micros: int | None = None,
        attestation: "Attestation | Mapping[str, object] | None" = None,
    ) -> None:
        """Note what is given; what was noted before of the rest stays."""
        if external_ref is not None:
            self.external_ref = _fitting_ref(external_ref) or self.external_ref
        if cost_micros is not None:
            cost = _fitting_cost(cost_micros)
            self.cost_micros = self.cost_micros if cost is None else cost
        if attestation is not None:
            self.attestation = _fitting_attestation(attestation) or self.attestation


current_notes: Final[ContextVar[Notes | None]] = ContextVar("placet_call_notes", default=None)
"""The notes of the governed call that this code runs in."""


def tell(
    *,
    external_ref: str | None = None,
    cost_micros: int | None = None,
    attestation: Attestation | Mapping[str, object] | None = None,
) -> None:
    """Say something of the governed call that this code runs in. Outside of one nothing happens.

    `external_ref` is how others call what happened, `cost_micros` what it cost in millionths,
    `attestation` what the tool's host signed, as it answered it.
    """
    notes = current_notes.get()
    if notes is not None:
        notes.tell(external_ref=external_ref, cost_micros=cost_micros, attestation=attestation)


def _fitting_ref(external_ref: object) -> str | None:
    if isinstance(external_ref, str) and len(external_ref) <= EXTERNAL_REF_MAX:
        # What has no bytes, and what no database holds, would cost the whole report.
        with contextlib.suppress(UnicodeEncodeError):
            if b"\0" not in external_ref.encode():
                return external_ref
    _LOG.warning("an external_ref is text of at most %d characters: left out", EXTERNAL_REF_MAX)
    return None


def _fitting_cost(cost_micros: object) -> int | None:
    if type(cost_micros) is int and 0 <= cost_micros <= COST_MICROS_MAX:
        return cost_micros
    _LOG.warning("a cost is a whole number of millionths up to %d: left out", COST_MICROS_MAX)
    return None


def _fitting_attestation(attestation: object) -> Attestation | None:
    try:
        found = msgspec.convert(
            msgspec.json.decode(msgspec.json.encode(attestation)), type=Attestation
        )
        if len(base64.b64decode(found.public_key, validate=True)) == _KEY_BYTES:
            return found
    except (TypeError, ValueError, RecursionError, binascii.Error, msgspec.MsgspecError):
        pass
    _LOG.warning("what came as an attestation has no envelope and key: left out")
    return None
