"""Where there is nothing to restore, nothing is changed; and another system's witness says so."""

from pathlib import Path

import msgspec
import pytest
from tests.replay.restores.conftest import Bench
from tests.replay.restores.test_witness import Witness

from placet.evidence.checkpoint import CHECKPOINT_TYPE
from placet.evidence.dsse import encode_envelope, sign
from placet.evidence.ed25519 import SigningKey
from placet.kernel.canonical import canonical
from placet.replay.restores.procedure import NothingToRestore, RestoreRefused

KEPT = """
SELECT (SELECT count(*) FROM placet.event) AS events,
       (SELECT count(*) FROM placet.authority_recovery) AS ranges,
       (SELECT epoch FROM placet.storage_epoch) AS epoch,
       (SELECT string_agg(s::text, ' ' ORDER BY s.session_id) FROM placet.replay_session AS s)
           AS sessions
"""


async def kept(bench: Bench) -> tuple[object, ...]:
    """Return what a restore changes."""
    row = await bench.admin.fetchrow(KEPT)
    assert row is not None
    return tuple(row)


@pytest.mark.parametrize("has_witness", [False, True])
async def test_a_server_that_was_never_restored_is_left_as_it_is(
    bench: Bench, *, has_witness: bool
) -> None:
    await bench.desk.worker(ttl_seconds=60)
    await Witness(bench).keep()
    before = await kept(bench)
    with pytest.raises(NothingToRestore, match="epoch 1 was raised for this server"):
        await bench.restore(bench.witness if has_witness else None)
    assert await kept(bench) == before
    assert (await bench.close()).json()["code"] == "not_recovering"


async def test_a_second_run_in_a_row_changes_nothing_and_says_so(bench: Bench) -> None:
    worker = await bench.desk.worker(ttl_seconds=60)
    await bench.fail_over()
    first = await bench.restore()
    assert (await worker.lease()).status_code == 200
    before = await kept(bench)
    with pytest.raises(NothingToRestore, match=f"epoch {first.epoch} was raised"):
        await bench.restore()
    assert await kept(bench) == before
    assert (await worker.lease("renew")).status_code == 200


def of_another_system(folder: Path, name: str, payload: bytes) -> None:
    """Keep a checkpoint that a key of another system signed, as the file of this tenant."""
    envelope = encode_envelope(sign(CHECKPOINT_TYPE, payload, SigningKey.generate()))
    (folder / f"{name}.jsonl").write_bytes(b'{"envelope":%s}\n' % envelope)


async def test_a_witness_of_other_tenants_alone_names_them_and_proves_nothing(
    bench: Bench, tmp_path: Path
) -> None:
    payload = await Witness(bench).keep()
    folder = tmp_path / "another"
    folder.mkdir()
    other = bench.ids.new()
    said = msgspec.structs.replace(payload, tenant_id=other, previous=None)
    of_another_system(folder, str(other), canonical(said))
    before = await kept(bench)
    with pytest.raises(NothingToRestore):
        await bench.restore(folder)
    assert await kept(bench) == before
    await bench.fail_over()
    report = await bench.restore(folder)
    assert report.lost_tenants == [other]
    assert [one.looked.proved_size for one in report.tenants] == [None]


async def test_a_witness_that_another_system_signed_of_a_tenant_of_ours_stops_everything(
    bench: Bench, tmp_path: Path
) -> None:
    payload = await Witness(bench).keep()
    folder = tmp_path / "another"
    folder.mkdir()
    said = canonical(msgspec.structs.replace(payload, previous=None))
    of_another_system(folder, str(payload.tenant_id), said)
    await bench.fail_over()
    before = await kept(bench)
    with pytest.raises(RestoreRefused, match="cannot be taken"):
        await bench.restore(folder)
    assert await kept(bench) == before
