"""A database is taken back to a point in time under load, and nothing of what was lost is of use.

`PLACET_ROUNDS` says how often, each time to another point.
"""

import asyncio
import base64
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from litestar import Litestar
from tests.conftest import found
from tests.invariants.restored import BACK_SECONDS, Restored, backed_up
from tests.invariants.stage import refund
from tests.invariants.wire import Wire, wired
from tests.patient import Patient, Said
from tests.replay.desk import REQUEST_HASH, Desk, Worker
from tests.server.conftest import started

from placet.authority.checkpoints.service import make_checkpoint
from placet.authority.recovery.watch import RecoveryWatch
from placet.authority.server_keys import ServerKeys
from placet.evidence.ed25519 import SigningKey
from placet.kernel.ids import Ids
from placet.kernel.refusals import GovernanceUnavailable
from placet.replay.restores.model import RestoreReport
from placet.replay.restores.outside import read_outside
from placet.replay.restores.procedure import restore
from placet.server.app import create_app
from placet.settings import Settings
from placet.storage.database import Database
from placet.storage.embedded.cluster import SUPERUSER, Cluster

ROUNDS = int(os.environ.get("PLACET_ROUNDS", "2"))
WORKERS = 3
STEPS = 4
OK = 200
NOW = "SELECT pg_current_wal_insert_lsn()::text"


@dataclass(frozen=True)
class Paid:
    """A refund that was granted and done, and where the WAL stood when that was answered."""

    worker: Worker
    order: str
    call: dict[str, Any]
    lsn: str


@dataclass
class History:
    """What happened on the primary, all of it acknowledged."""

    admin: "asyncpg.Connection[Any]"
    paid: list[Paid] = field(default_factory=list)
    left: list[tuple[Worker, dict[str, Any], dict[str, Any]]] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    host: str = ""
    outside: bytes = b""

    async def pay(self, worker: Worker) -> None:
        """Refund orders, and leave a prepared request and an unstarted grant behind."""
        ids = worker.desk.ids
        for _ in range(STEPS):
            assert (await worker.lease("renew", ttl_seconds=60)).status_code == OK
            order = f"ord_{ids.new().hex[-8:]}"
            await worker.look_up(order)
            (call,) = await worker.propose(refund(order))
            assert (await worker.start(call)).status_code == OK
            await worker.report(call, output={})
            async with self.turn:
                self.paid.append(Paid(worker, order, call, await self.admin.fetchval(NOW)))
        order = f"ord_{ids.new().hex[-8:]}"
        await worker.look_up(order)
        (call,) = await worker.propose(refund(order))
        self.left.append((worker, await worker.prepare(), call))


class Scene:
    """A desk whose checkpoints are kept outside, and whose line to the database can be moved."""

    def __init__(self, desk: Desk, app: Litestar, wire: Wire, folder: Path) -> None:
        """Stand on a running service."""
        self.desk, self.wire, self.folder = desk, wire, folder
        self.db: Database = desk.db
        self.keys: ServerKeys = app.state[ServerKeys.__name__]
        self.watch: RecoveryWatch = app.state[RecoveryWatch.__name__]

    async def witness(self, history: History) -> None:
        """Keep a checkpoint of the desk's log outside."""
        who = self.desk.workplace.founder
        made = await make_checkpoint(self.db, who, self.keys, self.desk.ids)
        history.sizes.append(made.size)
        with (self.folder / f"{who.tenant_id}.jsonl").open("ab") as file:
            file.write(b'{"envelope":%s}\n' % made.envelope)

    async def play(self, history: History) -> None:
        """Work, and keep checkpoints meanwhile."""
        workers = [await self.desk.worker(ttl_seconds=60) for _ in range(WORKERS)]
        await self.witness(history)
        working = asyncio.gather(*(history.pay(worker) for worker in workers))
        while not working.done():
            await self.witness(history)
            await asyncio.wait([working], timeout=0.1)
        await working
        await self.witness(history)

    async def register(self, history: History) -> None:
        """Register a host that runs a tool."""
        asked = {
            "name": "till",
            "environment": "staging",
            "strength": "verified",
            "tools": ["lookup_order"],
            "public_key": base64.b64encode(SigningKey.generate().public.raw).decode(),
        }
        founder = self.desk.workplace.founder_key
        made = await self.desk.post("/api/v1/authority/tool-hosts", asked, founder)
        assert made.status_code == 201, made.text
        history.host = made.json()["host_id"]

    async def end_much(self, history: History) -> None:
        """End the host and a session, and keep what tells of it outside."""
        founder = self.desk.workplace.founder_key
        path = f"/api/v1/authority/tool-hosts/{history.host}/revoke"
        ended = await self.desk.post(path, {"reason": "it was stolen"}, founder)
        assert ended.status_code == OK, ended.text
        stopped, *_ = history.left
        killed = await stopped[0].post("kill", {"reason": "enough"}, self.desk.operator_key)
        assert killed.status_code == OK, killed.text
        bundle = await self.desk.get("/api/v1/replay/bundle", founder)
        history.outside = bundle.content

    async def move(self, copy: Restored) -> None:
        """Cut every line, and lead new ones to the copy."""
        self.wire.lead_to(copy.url("placet_app"))
        await self.wire.close()

    async def restore(self, copy: Restored, history: History) -> RestoreReport:
        """Take the copy into use."""
        migrator = await asyncpg.connect(copy.url("placet_migrator"))
        db = await Database.open(copy.url("placet_app"), pool_size=2)
        outside = read_outside(history.outside.splitlines())
        report = await restore(db, migrator, self.folder, outside, self.desk.ids)
        await db.close()
        await migrator.close()
        return report


async def holds_to_the_witness(scene: Scene, history: History, report: RestoreReport) -> None:
    """Hold that the chain verifies up to the last checkpoint outside that the copy reaches to."""
    tenant = scene.desk.workplace.founder.tenant_id
    (looked,) = [one.looked for one in report.tenants if one.looked.tenant_id == tenant]
    assert looked.witnessed_size == history.sizes[-1]
    assert looked.proved_size == max(size for size in history.sizes if size <= looked.log_size)
    async with asyncio.timeout(BACK_SECONDS):
        while not await has_looked(scene):
            pass
    scene.watch.check()


async def has_looked(scene: Scene) -> bool:
    """Hold the copy against the witness, unless by a connection to what is gone."""
    try:
        await scene.watch.look(scene.db)
    except GovernanceUnavailable:
        return False
    return True


async def ends_again(scene: Scene, history: History, report: RestoreReport) -> None:
    """Hold that what ended behind the point, and was kept outside, has ended."""
    tenant = scene.desk.workplace.founder.tenant_id
    (done,) = [one for one in report.tenants if one.looked.tenant_id == tenant]
    assert (done.ends["ToolHostRevoked"], done.sessions_stopped) == (1, 1)
    path = "/api/v1/authority/tool-hosts"
    (host,) = (await scene.desk.get(path, scene.desk.workplace.founder_key)).json()["items"]
    assert (host["host_id"], host["revoke_reason"]) == (history.host, "it was stolen")
    assert (await history.left[0][0].lease()).json()["code"] == "session_killed"


async def refuses_old_authority(history: History) -> set[str]:
    """Hold that no lease, prepared request or grant of before is of use. Returns codes."""
    codes = set()
    for worker, prepared, call in history.left:
        tried = (
            await worker.lease("renew"),
            await worker.post("preflight", {"request_hash": REQUEST_HASH}),
            await worker.post("proposals", worker.proposal(prepared, ("note", {"text": "x"}))),
            await worker.start(call),
        )
        assert [one.status_code for one in tried if one.status_code < 400] == []
        codes |= {one.json()["code"] for one in tried}
        heir = Worker(worker.desk, worker.session_id)
        if (await heir.lease()).status_code == OK:
            assert (await heir.start(call)).status_code != OK
            note = heir.proposal(prepared, ("note", {"text": "x"}))
            assert (await heir.post("proposals", note)).status_code != OK
    return codes


async def tells_of_what_was_lost(scene: Scene, history: History) -> list[Paid]:
    """Report every refund anew: as a late receipt where it is known, else as an orphan."""
    lost = []
    for one in history.paid:
        body = one.worker.receipt(one.call, output={})
        told = await one.worker.post("receipts", body)
        if told.status_code == OK:
            assert told.json()["late"]
            continue
        orphan = {
            "grant": one.call["grant"],
            "status": "succeeded",
            "arguments_hash": one.call["arguments_hash"],
            "arguments": json.dumps(refund(one.order)[1]),
        }
        kept = await scene.desk.post("/api/v1/replay/orphans", orphan)
        assert kept.status_code == 201, kept.text
        lost.append(one)
    return lost


async def is_paid_once(scene: Scene, history: History, epoch: int) -> None:
    """Hold that no refund can be had again, whether its first one is known or was lost."""
    reason = {"epoch": epoch, "reason": "every orphan was read"}
    path = "/api/v1/authority/recovery/close"
    closed = await scene.desk.post(path, reason, scene.desk.operator_key)
    assert closed.status_code == OK, closed.text
    worker = await scene.desk.worker(ttl_seconds=60)
    for one in history.paid:
        assert (await worker.lease("renew", ttl_seconds=60)).status_code == OK
        await worker.look_up(one.order)
        (call,) = await worker.propose(refund(one.order))
        assert [reason["code"] for reason in call["reasons"]] == ["effect_key_taken"], one
    order = f"ord_{scene.desk.ids.new().hex[-8:]}"
    await worker.look_up(order)
    (call,) = await worker.propose(refund(order))
    assert call["status"] == "granted"


def is_later(said: Said) -> bool:
    """Tell whether a refusal says that the same is to be sent again, and nothing was decided."""
    # A machine that is slow enough holds the database against its witness too seldom.
    is_behind = str(said["detail"]).endswith("for too long")
    return is_behind or said["code"] == "governance_unavailable"


@pytest.mark.parametrize("number", range(ROUNDS))
async def test_a_restore_to_any_point_lets_nothing_of_before_be_used_and_nothing_be_done_twice(
    own: Cluster, ids: Ids, tmp_path: Path, number: int
) -> None:
    folder = tmp_path / "witness"
    folder.mkdir()
    settings = Settings(data_dir=tmp_path / "data", witness_dir=folder)
    async with (
        wired(own.url("placet_app")) as wire,
        backed_up(own, ids) as copy,
        started(create_app(settings, wire.url)) as app,
        httpx.AsyncClient(
            transport=Patient(app, is_later), base_url="http://placet.test"
        ) as client,
    ):
        db = app.state[Database.__name__]
        desk = Desk(client, db, ids, await found(db, ids))
        await desk.approve(app.state[ServerKeys.__name__])
        scene = Scene(desk, app, wire, folder)
        admin = await asyncpg.connect(own.url(SUPERUSER))
        history = History(admin)
        await scene.register(history)
        await scene.play(history)
        # Of every worker's last one nothing is known then.
        point = history.paid[ids.new().int % (len(history.paid) - WORKERS)].lsn
        await scene.end_much(history)
        await admin.close()
        await asyncio.to_thread(copy.recover, point)
        await copy.wait()
        await scene.move(copy)
        opened = await desk.post("/api/v1/replay/sessions", {})
        assert opened.json()["code"] == "recovering"
        report = await scene.restore(copy, history)
        await holds_to_the_witness(scene, history, report)
        await ends_again(scene, history, report)
        assert "lease_lost" in await refuses_old_authority(history)
        lost = await tells_of_what_was_lost(scene, history)
        assert 0 < len(lost) < len(history.paid), number
        await is_paid_once(scene, history, report.epoch)
