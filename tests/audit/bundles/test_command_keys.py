"""A service whose artifacts and checkpoints are signed by commands, from the vote to the bundle."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from litestar import Litestar
from tests.audit.bundles.taking import auditor_of, of_kind, worked
from tests.authority.commanded import Signer, lay_ready, list_since
from tests.conftest import Server
from tests.replay.desk import AGENT, CONTRACT, Desk
from tests.replay.desk_on import desk_on
from tests.server.conftest import started

from placet.authority.key_changes import service as key_changes
from placet.authority.model import KeyPurpose
from placet.authority.server_keys import NOBODY, ServerKeys
from placet.cli.exits import Exit
from placet.cli.main import run
from placet.evidence import dsse
from placet.kernel.ids import Ids
from placet.server.app import create_app
from placet.settings import Settings

IDLE = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND state LIKE 'idle in transaction%'
"""


class OverHttp(Desk):
    """A desk whose approvals are voted for as a person's client does."""

    async def approve_again(self, document: dict[str, Any] | None = None) -> None:
        """Have a contract approved."""
        answered = await self.vote(await self.ballot(document))
        assert answered.status_code == 201, answered.text
        self.approval_id = answered.json()["approval_id"]

    async def ballot(self, document: dict[str, Any] | None = None) -> tuple[str, bytes]:
        """Return where a vote on a new request is handed in, and the vote."""
        _, _, request = await self.story.asked(self.workspace, document or CONTRACT)
        vote = await self.story.ballot(request, self.signer)
        path = f"/api/v1/studio/approval-requests/{request.request_id}/votes"
        return path, bytes(vote.envelope)

    async def vote(self, ballot: tuple[str, bytes], key: str = "") -> httpx.Response:
        """Hand a vote in."""
        path, envelope = ballot
        return await self.client.post(
            path,
            content=b'{"envelope":%s}' % envelope,
            headers={
                "Authorization": f"Bearer {self.signer.api_key}",
                "Content-Type": "application/json",
                "Idempotency-Key": key or self.ids.new().hex,
            },
        )

    async def in_force(self) -> str:
        """Return who signed the artifact that is in force."""
        plan = await self.get(f"/api/v1/governance/plan?agent={AGENT}&environment=staging")
        path = f"/api/v1/authority/artifacts/{plan.json()['compiled_hash']}"
        answered = await self.get(path)
        assert answered.status_code == 200, answered.text
        envelope = dsse.parse_envelope(json.dumps(answered.json()).encode())
        return envelope.signatures[0].keyid


@pytest.fixture
def artifacts(tmp_path: Path) -> Signer:
    """The program that has the key for artifacts."""
    return Signer(tmp_path, "artifacts")


@pytest.fixture
def checkpoints(tmp_path: Path) -> Signer:
    """The program that has the key for checkpoints."""
    return Signer(tmp_path, "checkpoints")


@pytest.fixture
def settings(tmp_path: Path, artifacts: Signer, checkpoints: Signer) -> Settings:
    return Settings(
        data_dir=tmp_path,
        artifact_key_command=artifacts.text,
        checkpoint_key_command=checkpoints.text,
    )


@pytest.fixture
async def app(settings: Settings, database_url: str) -> AsyncIterator[Litestar]:
    """An application whose commands sign."""
    async with started(create_app(settings, database_url)) as made:
        yield made


@pytest.fixture
async def desk(app: Litestar, ids: Ids) -> AsyncIterator[OverHttp]:
    """A refund desk on it."""
    async with desk_on(app, ids, OverHttp) as made:
        yield made


async def test_what_commands_signed_verifies_with_the_bundle(
    desk: OverHttp, artifacts: Signer, checkpoints: Signer, tmp_path: Path
) -> None:
    assert await desk.in_force() == artifacts.key.key_id
    worker = await worked(desk)
    auditor = await auditor_of(desk)
    lines = await auditor.take(session_id=worker.session_id)
    signed = [line["envelope"]["signatures"][0]["keyid"] for line in of_kind(lines, "checkpoint")]
    assert set(signed) == {checkpoints.key.key_id}
    file = tmp_path / "bundle.jsonl"
    file.write_bytes(await auditor.bytes_of(approval_id=desk.approval_id))
    assert await asyncio.to_thread(run, ["verify", str(file)]) == Exit.OK
    assert artifacts.key.key_id.encode() in file.read_bytes()


async def test_a_vote_whose_artifact_no_command_signs_is_counted_when_it_comes_again(
    desk: OverHttp, artifacts: Signer
) -> None:
    ballot, key = await desk.ballot(), desk.ids.new().hex
    before = await desk.in_force()
    artifacts.break_()
    refused = await desk.vote(ballot, key)
    assert (refused.status_code, refused.json()["code"]) == (503, "governance_unavailable")
    assert refused.headers["Retry-After"] == "5"
    assert artifacts.command[0] not in refused.text
    artifacts.hold(artifacts.key)
    counted = await desk.vote(ballot, key)
    assert counted.status_code == 201, counted.text
    assert counted.json()["approval_id"]
    again = await desk.vote(ballot, key)
    assert (again.json(), again.headers["Idempotency-Replayed"]) == (counted.json(), "true")
    assert before == await desk.in_force() == artifacts.key.key_id


async def test_no_transaction_is_open_while_a_command_signs(
    desk: OverHttp, artifacts: Signer, server: Server, database_name: str
) -> None:
    admin = await asyncpg.connect(server.admin(database_name))
    voting = asyncio.create_task(desk.vote(await desk.ballot()))
    async with artifacts.stopped():
        assert await admin.fetchval(IDLE) == 0
        assert not voting.done()
    assert (await voting).status_code == 201
    await admin.close()


async def test_a_key_that_ends_while_its_command_signs_approves_nothing(
    desk: OverHttp, app: Litestar, artifacts: Signer
) -> None:
    keys, ballot = app.state[ServerKeys.__name__], await desk.ballot()
    voting = asyncio.create_task(desk.vote(ballot))
    async with artifacts.stopped(), desk.db.writing(NOBODY) as tx:
        await key_changes.end_key(tx, artifacts.key.key_id, "it was copied")
    assert (await voting).status_code == 503
    artifacts.hold(type(artifacts.key).generate())
    await keys.turn(desk.db)
    assert (await desk.vote(ballot)).status_code == 201
    assert await desk.in_force() == artifacts.key.key_id


async def test_a_key_that_takes_over_while_another_signs_signs_the_approval(
    desk: OverHttp, app: Litestar, artifacts: Signer, settings: Settings, tmp_path: Path
) -> None:
    keys, after = app.state[ServerKeys.__name__], Signer(tmp_path, "after")
    voting = asyncio.create_task(desk.vote(await desk.ballot()))
    async with artifacts.stopped():
        lay_ready(settings.data_dir / "keys", after, KeyPurpose.ARTIFACT)
        await list_since(desk.db, after.key, KeyPurpose.ARTIFACT)
        await keys.turn(desk.db)
    assert (await voting).status_code == 201
    assert await desk.in_force() == after.key.key_id
