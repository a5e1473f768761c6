"""What a tool says of its call beside its result, and what of it can be told."""

import base64
from typing import Any

import pytest

from placet.sdk.notes import COST_MICROS_MAX, EXTERNAL_REF_MAX, Attestation, Notes, tell

SIGNED = {"envelope": {"payload": "x"}, "public_key": base64.b64encode(bytes(32)).decode()}


def test_what_is_told_later_takes_nothing_away_that_was_told_before() -> None:
    notes = Notes()
    notes.tell(external_ref="bank-7", cost_micros=3)
    notes.tell(cost_micros=0, attestation=SIGNED)
    assert (notes.external_ref, notes.cost_micros) == ("bank-7", 0)
    assert notes.attestation == Attestation(**SIGNED)  # type: ignore[arg-type]  # -- of a mapping


@pytest.mark.parametrize(
    "told",
    [
        {"external_ref": "x" * (EXTERNAL_REF_MAX + 1)},
        {"external_ref": 7},
        {"external_ref": "half a pair: \ud800"},
        {"external_ref": "no database holds \0"},
        {"cost_micros": -1},
        {"cost_micros": COST_MICROS_MAX + 1},
        {"cost_micros": True},
        {"cost_micros": 1.5},
        {"attestation": {"envelope": {}}},
        {"attestation": SIGNED | {"public_key": "c2hvcnQ="}},
        {"attestation": SIGNED | {"public_key": "no base64!"}},
        {"attestation": object()},
        {"attestation": "signed"},
    ],
)
def test_what_cannot_be_told_is_left_out_and_logged_and_raises_nothing(
    told: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    notes = Notes()
    notes.tell(**told)
    assert (notes.external_ref, notes.cost_micros, notes.attestation) == (None, None, None)
    assert len(caplog.records) == 1


def test_outside_of_a_call_nobody_listens() -> None:
    tell(cost_micros=1)


def test_what_was_signed_stands_in_no_log() -> None:
    notes = Notes()
    notes.tell(attestation=SIGNED)
    assert "payload" not in repr(notes) + repr(notes.attestation)
