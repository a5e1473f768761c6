"""What a verifier reads as authority is brought in from no file, and written in no open stream."""

from placet.events.model import StreamKind
from placet.events.places.model import AUTHORITATIVE_TYPES
from placet.evidence import verify


def test_no_type_that_a_verifier_reads_elsewhere_comes_in() -> None:
    forms = verify._READ, verify._READ_2  # noqa: SLF001 -- read, not used
    elsewhere = {
        read for form in forms for read, (kind, _) in form.items() if kind != StreamKind.RUN
    }
    assert elsewhere <= AUTHORITATIVE_TYPES
