"""What a verifier reads as authority is brought in from no file."""

from placet.audit.streams.model import AUTHORITATIVE_TYPES
from placet.evidence import verify


def test_no_type_that_a_verifier_reads_comes_in() -> None:
    assert set(verify._READ) <= AUTHORITATIVE_TYPES  # noqa: SLF001 -- read, not used
