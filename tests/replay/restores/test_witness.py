"""Of a database that is older than, or other than, what was witnessed of it nothing is granted."""

import asyncio
import os
import re
import time

import httpx
import msgspec
import pytest
from tests.replay.restores.conftest import Bench
from tests.replay.restores.test_restores import LATER, is_recovering
from tests.server.conftest import started
from tests.volumes import hanging

from placet.authority.checkpoints.service import make_checkpoint
from placet.authority.model import KeyPurpose
from placet.authority.recovery.model import Recovering, WitnessUnusable
from placet.authority.recovery.watch import LOOK_AGE_SECONDS, RecoveryWatch
from placet.authority.recovery.witness import NewestLines
from placet.authority.server_keys import ServerKeys
from placet.evidence import dsse
from placet.evidence.checkpoint import CHECKPOINT_TYPE, CheckpointPayload
from placet.evidence.dsse import encode_envelope, open_payload, parse_envelope
from placet.evidence.ed25519 import SigningKey
from placet.kernel.canonical import canonical
from placet.replay.restores.procedure import RestoreRefused
from placet.server.app import create_app
from placet.settings import Settings

SLOW_FILES, SLOW_BYTES = 24, 16 * 1024 * 1024


def is_unusable(answered: httpx.Response) -> bool:
    """Tell whether an answer says that the witness is to be brought in order, and nothing else."""
    said = answered.json()
    return (answered.status_code, said["code"], said["action"]) == (
        LATER,
        "witness_unusable",
        "wait",
    ) and ("Keep a witness of the log" in said["hint"] and "restore" not in answered.text)


class Witness:
    """The folder of checkpoints of a bench, and the checkpoints that are put into it."""

    def __init__(self, bench: Bench) -> None:
        """Begin with an empty file."""
        self.bench = bench
        self.keys: ServerKeys = bench.app.state[ServerKeys.__name__]
        self.who = bench.desk.workplace.founder
        self.file = bench.witness / f"{self.who.tenant_id}.jsonl"

    async def keep(self) -> CheckpointPayload:
        """Have a checkpoint made, and keep it."""
        made = await make_checkpoint(self.bench.db, self.who, self.keys, self.bench.ids)
        self.write(made.envelope)
        return open_payload(parse_envelope(made.envelope).payload, CheckpointPayload)

    async def forge(self, payload: CheckpointPayload) -> None:
        """Keep a checkpoint that our key signed of something else."""
        signed = await self.keys.sign(KeyPurpose.CHECKPOINT, CHECKPOINT_TYPE, canonical(payload))
        self.write(encode_envelope(signed))

    def write(self, envelope: bytes) -> None:
        """Add a line."""
        with self.file.open("ab") as file:
            file.write(b'{"envelope":%s}\n' % envelope)

    async def is_granting(self) -> bool:
        """Tell whether the service opens a session after a look at the witness."""
        return await self.refused() is None

    async def refused(self) -> str | None:
        """Return what the service says instead of opening a session after a look; None if it does.

        Where the witness is out of order it is never told to restore anything.
        """
        await self.bench.app.state[RecoveryWatch.__name__].look(self.bench.db)
        answered = await self.bench.desk.post("/api/v1/replay/sessions", {})
        if answered.status_code == 201:
            return None
        assert is_recovering(answered) or is_unusable(answered), answered.text
        return str(answered.json()["detail"])


async def test_a_log_that_grew_since_it_was_witnessed_is_granted_on(bench: Bench) -> None:
    witness = Witness(bench)
    assert await witness.is_granting()
    await witness.keep()
    assert await witness.is_granting()
    await bench.desk.worker()
    await make_checkpoint(bench.db, witness.who, witness.keys, bench.ids)
    assert await witness.is_granting()


@pytest.mark.parametrize("change", ["longer", "other", "later"])
async def test_what_is_not_what_was_witnessed_grants_nothing_and_goes_on_otherwise(
    bench: Bench, change: str
) -> None:
    witness = Witness(bench)
    worker = await bench.desk.worker()
    (call,) = await worker.propose(("note", {"text": "called back"}))
    payload = await witness.keep()
    plain = msgspec.structs.replace(payload, previous=None)
    changed = {
        "longer": msgspec.structs.replace(plain, size=payload.size + 3),
        "other": msgspec.structs.replace(plain, root="00" * 32),
        "later": msgspec.structs.replace(plain, epoch=2),
    }
    await witness.forge(changed[change])
    assert not await witness.is_granting()
    assert (await worker.lease("renew")).json()["code"] == "recovering"
    assert (await worker.report(call, output={}))["commit_state"] == "committed"
    assert (await worker.read())["status"] == "active"
    killed = await worker.post("kill", {"reason": "enough"}, bench.desk.operator_key)
    assert killed.status_code == 200


async def test_a_raise_takes_note_of_the_witness_and_goes_above_it(bench: Bench) -> None:
    witness = Witness(bench)
    payload = await witness.keep()
    await witness.forge(
        msgspec.structs.replace(payload, previous=None, size=payload.size + 3, root="11" * 32)
    )
    assert not await witness.is_granting()
    report = await bench.restore(bench.witness)
    (done,) = report.tenants
    assert (report.is_raised, done.looked.witnessed_size) == (True, payload.size + 3)
    assert done.looked.proved_size == payload.size
    assert done.looked.log_size == payload.size
    assert await witness.is_granting()
    beyond = report.epoch + 7
    await witness.forge(msgspec.structs.replace(payload, previous=None, epoch=beyond))
    assert not await witness.is_granting()
    report = await bench.restore(bench.witness)
    assert (report.epoch, report.is_raised) == (beyond + 1, True)
    assert await witness.is_granting()


async def test_a_backup_of_before_a_restore_is_held_against_no_epoch_that_it_never_had(
    bench: Bench,
) -> None:
    witness = Witness(bench)
    payload = await witness.keep()
    await bench.desk.worker()
    between = msgspec.structs.replace(payload, previous=None, epoch=2, root="33" * 32)
    await witness.forge(between)
    assert not await witness.is_granting()
    for again in (False, True):
        report = await bench.restore(bench.witness, again=again)
        (done,) = report.tenants
        assert (report.is_raised, done.looked.flaw) == (True, None)
        assert done.looked.proved_size == payload.size
        assert await witness.is_granting()
    await witness.forge(msgspec.structs.replace(payload, previous=None, root="22" * 32))
    with pytest.raises(RestoreRefused, match="do not hash to what was witnessed"):
        await bench.restore(bench.witness, again=True)


async def test_a_log_that_does_not_lead_to_the_witness_is_not_taken_into_use(bench: Bench) -> None:
    witness = Witness(bench)
    payload = await witness.keep()
    await witness.forge(msgspec.structs.replace(payload, previous=None, root="22" * 32))
    await bench.fail_over()
    with pytest.raises(RestoreRefused, match="do not hash to what was witnessed"):
        await bench.restore(bench.witness)
    assert await bench.admin.fetchval("SELECT epoch FROM placet.storage_epoch") == 1


async def test_blank_lines_hide_no_checkpoint_that_the_log_does_not_lead_to(bench: Bench) -> None:
    witness = Witness(bench)
    payload = await witness.keep()
    await witness.forge(msgspec.structs.replace(payload, previous=None, root="00" * 32))
    with witness.file.open("ab") as file:
        file.write(b"\n\n")
    assert "do not hash to what was witnessed" in (await witness.refused() or "")


@pytest.mark.parametrize("line", [b"{}\n", b"no\n"])
async def test_a_line_that_cannot_be_taken_is_named_as_people_count_and_lets_nothing_be_granted(
    bench: Bench, line: bytes
) -> None:
    witness = Witness(bench)
    await witness.keep()
    with witness.file.open("ab") as file:
        file.write(b"\n" + line)
    told = f"line 3 of `{witness.file.name}` in the witness's folder cannot be taken"
    assert told in (await witness.refused() or "")
    answered = await bench.desk.post("/api/v1/replay/sessions", {})
    assert is_unusable(answered), answered.text
    with pytest.raises(RestoreRefused, match=re.escape(told)):
        await bench.restore(bench.witness)


async def test_a_line_that_cannot_be_read_stops_the_tenant_whose_file_it_ends_alone(
    bench: Bench,
) -> None:
    witness = Witness(bench)
    await witness.keep()
    worker = await bench.desk.worker()
    (bench.witness / f"{bench.ids.new()}.jsonl").write_text("no\n")
    assert await witness.is_granting()
    with witness.file.open("ab") as file:
        file.write(b"no\n")
    assert not await witness.is_granting()
    for asked in ("lease", "preflight"):
        answered = await worker.post(asked, {"kind": "renew"})
        assert is_unusable(answered), answered.text
    bench.app.state[RecoveryWatch.__name__].check()


async def test_a_line_that_none_of_our_keys_signed_stops_all(bench: Bench) -> None:
    """A copy of the database from before a key was made knows nothing of that key."""
    witness = Witness(bench)
    payload = await witness.keep()
    strange = dsse.sign(CHECKPOINT_TYPE, canonical(payload), SigningKey.generate())
    elsewhere = bench.witness / f"{bench.ids.new()}.jsonl"
    elsewhere.write_bytes(b'{"envelope":%s}\n' % encode_envelope(strange))
    assert not await witness.is_granting()
    with pytest.raises(WitnessUnusable, match=f"line 1 of `{elsewhere.name}`"):
        bench.app.state[RecoveryWatch.__name__].check()
    await witness.forge(
        msgspec.structs.replace(payload, previous=None, size=payload.size + 3, root="11" * 32)
    )
    # A database that is older is told of before: then it is that which is to be looked at.
    assert "the witness has seen" in (await witness.refused() or "")


async def test_a_line_is_read_again_only_where_its_file_has_changed(bench: Bench) -> None:
    witness = Witness(bench)
    await witness.keep()
    assert await witness.is_granting()
    told = witness.file.stat()
    witness.file.write_bytes(b"x" * (told.st_size - 1) + b"\n")
    os.utime(witness.file, ns=(told.st_atime_ns, told.st_mtime_ns))
    assert await witness.is_granting()
    os.utime(witness.file, ns=(told.st_atime_ns, told.st_mtime_ns + 1))
    assert not await witness.is_granting()


async def test_a_log_that_has_its_witness_last_is_not_read(bench: Bench) -> None:
    witness = Witness(bench)
    await witness.keep()
    async with bench.admin.transaction():
        await bench.admin.execute("LOCK TABLE placet.evidence_log")
        await RecoveryWatch(bench.witness).look(bench.db)


async def test_a_folder_that_goes_on_answering_is_waited_for(bench: Bench) -> None:
    def add_file() -> None:
        # One without a line feed is read to its beginning.
        with (bench.witness / f"{bench.ids.new()}.jsonl").open("wb") as file:
            file.truncate(SLOW_BYTES)

    add_file()
    began = time.perf_counter()
    NewestLines(bench.witness).read([])
    patience_seconds = max(0.25, 4 * (time.perf_counter() - began))
    for _ in range(SLOW_FILES):
        add_file()
    watch = RecoveryWatch(bench.witness, patience_seconds=patience_seconds)
    await watch.look(bench.db)
    watch.check()


async def test_a_line_that_is_still_being_written_is_not_read(bench: Bench) -> None:
    witness = Witness(bench)
    await witness.keep()
    with witness.file.open("ab") as file:
        file.write(b'{"envel')
    assert await witness.is_granting()


async def test_a_witness_that_is_gone_lets_nothing_be_granted(bench: Bench) -> None:
    witness = Witness(bench)
    await witness.keep()
    witness.file.unlink()
    bench.witness.rmdir()
    refused = await witness.refused()
    assert refused == "the witness's folder cannot be read: No such file or directory"
    answered = await bench.desk.post("/api/v1/replay/sessions", {})
    assert is_unusable(answered), answered.text


async def test_a_service_looks_before_its_first_request(
    bench: Bench, fresh_database_url: str
) -> None:
    witness = Witness(bench)
    payload = await witness.keep()
    await witness.forge(msgspec.structs.replace(payload, previous=None, epoch=2))
    settings = bench.app.state[Settings.__name__]
    async with started(create_app(settings, fresh_database_url)) as again:
        with pytest.raises(Recovering, match="has seen epoch 2"):
            again.state[RecoveryWatch.__name__].check()


async def test_an_entry_that_is_no_leaf_of_its_event_is_named(bench: Bench) -> None:
    witness = Witness(bench)
    payload = await witness.keep()
    await bench.admin.execute("ALTER TABLE placet.evidence_log_entry DISABLE TRIGGER ALL")
    swap = "UPDATE placet.evidence_log_entry SET seq = seq + 1000 WHERE index = $1"
    await bench.admin.execute(swap, payload.size - 1)
    with pytest.raises(RestoreRefused, match=f"entry {payload.size - 1} of the log is not"):
        await bench.restore(bench.witness)


async def lets_go_on(watch: RecoveryWatch, bench: Bench) -> bool:
    """Look, and tell whether it grants; where it waits for little, a slow machine hangs too."""
    await watch.look(bench.db)
    try:
        watch.check()
    except Recovering:
        return False
    return True


async def test_a_witness_that_hangs_holds_up_grants_and_nothing_else(bench: Bench) -> None:
    witness = Witness(bench)
    await witness.keep()
    patient = RecoveryWatch(bench.witness, patience_seconds=60.0)
    watch = RecoveryWatch(bench.witness, patience_seconds=0.2)
    with hanging(witness.file):
        looking = asyncio.create_task(patient.look(bench.db))
        answered = await bench.desk.get("/api/v1/authority/recovery", bench.desk.operator_key)
        assert (answered.status_code, looking.done()) == (200, False)
        for _ in range(2):
            await watch.look(bench.db)
            with pytest.raises(WitnessUnusable, match="does not answer"):
                watch.check()
    await looking
    async with asyncio.timeout(60):
        while not await lets_go_on(watch, bench):
            pass


async def test_a_look_that_does_not_end_is_not_relied_on_for_long(bench: Bench) -> None:
    now = 0.0
    watch = RecoveryWatch(bench.witness, clock=lambda: now)
    with pytest.raises(WitnessUnusable):
        watch.check()
    await watch.look(bench.db)
    now = LOOK_AGE_SECONDS
    watch.check()
    now += 1
    with pytest.raises(WitnessUnusable, match="folder or the database has not answered"):
        watch.check()
    await watch.look(bench.db)
    watch.check()
    RecoveryWatch(None).check()
