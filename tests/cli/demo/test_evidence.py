"""The forgery that the demo shows is one byte."""

import pytest

from placet.cli.demo.evidence import tampered


@pytest.mark.parametrize("bundle", [b"0000", b"1111", b"abcde"])
def test_a_tampered_copy_differs_in_exactly_one_byte(bundle: bytes) -> None:
    copy = tampered(bundle)
    assert len(copy) == len(bundle)
    assert sum(ours != theirs for ours, theirs in zip(bundle, copy, strict=True)) == 1
