"""What a verifier or a restore reads as authority comes from no file, and into no open stream."""

from placet.events.model import StreamKind
from placet.events.places.model import AUTHORITATIVE_TYPES
from placet.evidence import verify
from placet.replay.restores.outside import BY_PEOPLE, ENDS, TOLD_IN


def test_no_type_that_a_verifier_reads_elsewhere_comes_in() -> None:
    forms = verify._READ, verify._READ_2  # noqa: SLF001 -- read, not used
    elsewhere = {
        read for form in forms for read, (kind, _) in form.items() if kind != StreamKind.RUN
    }
    assert elsewhere <= AUTHORITATIVE_TYPES


def test_no_type_that_a_restore_puts_in_force_again_comes_in() -> None:
    assert {*ENDS, *BY_PEOPLE} < set(TOLD_IN)
    assert set(TOLD_IN) <= AUTHORITATIVE_TYPES
    assert StreamKind.RUN not in {kind for kinds in TOLD_IN.values() for kind in kinds}
