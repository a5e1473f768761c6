"""What an auditor kept before a restore is held against a bundle of after it."""

import io

import msgspec
from tests.replay.restores.conftest import Bench
from tests.replay.restores.test_witness import Witness

from placet.evidence.verify import parse_held, verify_bundle


async def test_a_checkpoint_of_before_a_restore_is_joined_or_told_as_what_was_lost(
    bench: Bench,
) -> None:
    witness = Witness(bench)
    kept = await witness.keep()
    size = kept.size
    await witness.forge(msgspec.structs.replace(kept, previous=None, size=size + 3, root="11" * 32))
    of_both = witness.file.read_bytes()
    await bench.restore(bench.witness)
    await bench.desk.worker()
    await witness.keep()
    answered = await bench.desk.get(
        f"/api/v1/audit/bundles?checkpoint_size={size}", bench.desk.workplace.founder_key
    )
    assert answered.status_code == 200, answered.text
    data, (first, second, *_) = answered.content, of_both.splitlines(keepends=True)

    report = verify_bundle(io.BytesIO(data), held=parse_held(first))
    assert report.flaw is None
    assert report.log_size is not None
    assert report.log_size > size + 3
    lost = f"a restore lost entries {size + 1} to {size + 3} "
    flaw = verify_bundle(io.BytesIO(data), held=parse_held(second)).flaw
    assert flaw is not None
    assert flaw.why.startswith(lost)
    report = verify_bundle(io.BytesIO(data), held=parse_held(of_both))
    assert report.flaw is None
    assert any(lost in one for one in report.not_proved)
