"""Which line of a tenant's file counts, whatever stands behind it."""

from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from placet.authority.recovery.witness import (
    TAIL_BYTES,
    NewestLines,
    Witnessed,
    read_witness,
)
from placet.evidence.checkpoint import CheckpointPayload, sign_checkpoint
from placet.evidence.dsse import encode_envelope
from placet.evidence.ed25519 import SigningKey
from placet.kernel.ids import TenantId

TENANT = TenantId(UUID(int=7))
KEY = SigningKey.generate()
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
BLANK = [b"\n", b"\r\n", b" \t\n\n", b"\n" * TAIL_BYTES, b"\n" * 3 * TAIL_BYTES]


def line(size: int) -> bytes:
    """Return a line of a witness's file."""
    payload = CheckpointPayload(
        tenant_id=TENANT,
        origin=f"placet/{TENANT}",
        size=size,
        root="ab" * 32,
        epoch=1,
        system_identifier="1",
        timeline=1,
        time=NOON,
        previous=None,
        key_id=KEY.public.key_id,
    )
    return b'{"envelope":%s}\n' % encode_envelope(sign_checkpoint(payload, KEY))


def looked(folder: Path, text: bytes) -> Witnessed:
    """Return what the service's look takes from a tenant's file."""
    (folder / f"{TENANT}.jsonl").write_bytes(text)
    (found,) = NewestLines(folder).read([KEY.public])
    return found


@pytest.mark.parametrize("blank", BLANK)
@pytest.mark.parametrize("before", [b"", line(3)])
def test_the_last_line_that_says_anything_counts(
    tmp_path: Path, before: bytes, blank: bytes
) -> None:
    found = looked(tmp_path, before + line(5) + blank)
    assert [one.size for one in found.checkpoints] == [5]
    (read,) = read_witness(tmp_path, [KEY.public])
    assert read.newest == found.newest


@pytest.mark.parametrize("blank", [b"", *BLANK])
@pytest.mark.parametrize("bad", [b"no\n", b"no\r \n", b"no\r\r\n"])
def test_blank_lines_hide_none_that_is_no_use_and_it_is_named_as_people_count(
    tmp_path: Path, bad: bytes, blank: bytes
) -> None:
    found = looked(tmp_path, line(3) + b"\n" + bad + blank)
    assert found.fault is not None
    assert found.fault.startswith("line 3 of")
    (read,) = read_witness(tmp_path, [KEY.public])
    assert read.fault == found.fault


@pytest.mark.parametrize("text", [b"", *BLANK])
def test_a_file_of_blank_lines_alone_is_as_an_empty_one(tmp_path: Path, text: bytes) -> None:
    assert looked(tmp_path, text) == looked(tmp_path, b"")


def test_a_line_that_is_still_being_written_behind_blank_ones_is_not_read(tmp_path: Path) -> None:
    found = looked(tmp_path, line(3) + b"\n\n" + line(5)[:-1])
    assert [one.size for one in found.checkpoints] == [3]
