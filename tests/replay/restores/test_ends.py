"""What ended in what is lost ends again, by itself or by people, before a lost range is closed."""

import base64
import io
import json
from typing import Any
from uuid import UUID

import pytest
from tests.replay.asks.people import ESCALATE, AskDesk
from tests.replay.restores.conftest import Bench
from tests.replay.restores.test_audiences import register
from tests.replay.standing.people import given, shown, statuses

from placet.authority.key_changes import service as key_changes
from placet.events.model import tenant_stream
from placet.evidence.ed25519 import SigningKey
from placet.evidence.verify import verify_bundle
from placet.kernel.ids import TenantId
from placet.kernel.refusals import MalformedBody
from placet.replay.restores.outside import ENDS, TOLD_IN, read_outside
from placet.replay.restores.procedure import NothingToRestore

WHY = "its laptop was lost"
AUTHORITY = "/api/v1/authority"
ENDED = """
SELECT e.type, e.actor_id, e.epoch FROM placet.event AS e WHERE e.type = ANY($1) ORDER BY e.seq
"""
ORDER = """
SELECT e.type FROM placet.event AS e
WHERE e.type IN ('Restored', 'ServerKeyRevoked', 'RecoveryClosed') ORDER BY e.seq
"""
GRANT_KEYS = "SELECT key_id FROM placet.authority_server_key WHERE purpose = 'grant'"


def line(desk: AskDesk, kind: str, body: dict[str, Any] | None, **more: object) -> bytes:
    """Return a line of an export that tells of an event."""
    tenant = desk.workplace.tenant_id
    told = {"tenant_id": str(tenant), "type": kind, "body": body}
    stream = tenant_stream(tenant, TOLD_IN[kind][0])
    return json.dumps({"stream_id": str(stream), **told, **more}).encode() + b"\n"


async def register_issuer(bench: Bench) -> str:
    """Return the id of an issuer that was registered for the desk's agent."""
    asked = {
        "name": "the front door",
        "agent": "refund-desk",
        "environment": "staging",
        "public_key": base64.b64encode(SigningKey.generate().public.raw).decode(),
    }
    made = await bench.desk.post(f"{AUTHORITY}/issuers", asked, bench.desk.workplace.founder_key)
    assert made.status_code == 201, made.text
    return str(made.json()["issuer_id"])


async def items(bench: Bench, path: str) -> list[dict[str, Any]]:
    """Return what is listed there."""
    answered = await bench.desk.get(path, bench.desk.workplace.founder_key)
    found: list[dict[str, Any]] = answered.json()["items"]
    return found


async def test_whatever_ended_by_what_was_kept_outside_ends_again_once_and_is_told_of(
    asking_bench: tuple[Bench, AskDesk],
) -> None:
    bench, desk = asking_bench
    host, issuer = await register(bench, "till"), await register_issuer(bench)
    standing = await given(desk)
    clerk, clerk_key = await desk.workplace.person("clerk")
    guest, guest_key = await desk.workplace.person("guest")
    named = {
        "ToolHostRevoked": {"host_id": host, "key_id": "x", "reason": WHY},
        "IssuerRevoked": {"issuer_id": issuer, "key_id": "x", "reason": WHY},
        "StandingRevoked": {"standing_id": str(standing), "reason": WHY},
        "PersonKeyRevoked": {"actor_id": "x", "key_id": desk.ada.key.key_id, "reason": WHY},
        "ApiKeyRevoked": {"key_id": clerk.key_id},
        "ActorDisabled": {"actor_id": str(guest.actor_id)},
    }
    named["PersonKeyRevoked"]["actor_id"] = str(desk.ada.principal.actor_id)
    lines = b"".join(line(desk, kind, body) for kind, body in named.items())
    gone = str(bench.ids.new())
    lines += line(desk, "ToolHostRevoked", {"host_id": gone, "key_id": "x", "reason": WHY})
    assert set(named) | {"ServerKeyRevoked"} == set(ENDS)
    await bench.fail_over()
    (done,) = (await bench.restore(controls=read_outside(lines.splitlines()))).tenants
    assert done.ends == dict.fromkeys(named, 1)
    assert [(one.type, one.target) for one in done.ends_gone] == [("ToolHostRevoked", gone)]
    (told_host,) = await items(bench, f"{AUTHORITY}/tool-hosts")
    (told_issuer,) = await items(bench, f"{AUTHORITY}/issuers")
    assert (told_host["revoke_reason"], told_issuer["revoke_reason"]) == (WHY, WHY)
    assert (await shown(desk, standing))["revoke_reason"] == WHY
    keys = (await desk.get(f"{AUTHORITY}/keys", desk.workplace.founder_key)).json()
    assert [one["key_id"] for one in keys["revocations"]] == [desk.ada.key.key_id]
    for key in (clerk_key, guest_key):
        assert (await desk.get("/api/v1/tenancy/me", key)).status_code == 401
    first = await bench.admin.fetch(ENDED, list(named))
    assert sorted({row["type"] for row in first}) == sorted(named)
    assert {(row["actor_id"], row["epoch"]) for row in first} == {(UUID(int=0), 1)}
    (done,) = (await bench.restore(controls=read_outside(lines.splitlines()), again=True)).tenants
    assert done.ends == dict.fromkeys(named, 1)
    assert await bench.admin.fetch(ENDED, list(named)) == first
    bundle = await desk.get("/api/v1/replay/bundle", desk.workplace.founder_key)
    assert verify_bundle(io.BytesIO(bundle.content)).flaw is None


async def test_a_key_of_ours_ends_again_and_each_tenant_is_told_before_its_range_is_closed(
    asking_bench: tuple[Bench, AskDesk],
) -> None:
    bench, desk = asking_bench
    (key,) = [row["key_id"] for row in await bench.admin.fetch(GRANT_KEYS)]
    lines = b"".join(
        line(desk, "ServerKeyRevoked", {"key_id": one, "reason": WHY, "log_size": 1})
        for one in (key, "00" * 32)
    )
    await bench.fail_over()
    report = await bench.restore(controls=read_outside(lines.splitlines()))
    assert (report.keys_ended, report.keys_unknown) == (1, 1)
    await bench.restore(controls=read_outside(lines.splitlines()), again=True)
    assert (await bench.close()).status_code == 200
    order = [row["type"] for row in await bench.admin.fetch(ORDER)]
    assert order == ["ServerKeyRevoked", "Restored", "Restored", "RecoveryClosed"]


async def test_a_key_of_ours_that_one_run_ended_is_told_of_by_the_next_one(
    asking_bench: tuple[Bench, AskDesk],
) -> None:
    bench, _ = asking_bench
    (key,) = [row["key_id"] for row in await bench.admin.fetch(GRANT_KEYS)]
    async with bench.db.writing(bench.desk.workplace.founder) as tx:
        await key_changes.end_key(tx, key, WHY)
    await bench.fail_over()
    # The lines are not given again.
    await bench.restore()
    assert [row["type"] for row in await bench.admin.fetch(ORDER)] == [
        "ServerKeyRevoked",
        "Restored",
    ]


async def test_what_people_alone_end_again_is_named_until_they_say_that_they_have(
    asking_bench: tuple[Bench, AskDesk],
) -> None:
    bench, desk = asking_bench
    workspace, ben = str(desk.workspace.workspace_id), str(desk.ben.principal.actor_id)
    left = f"/api/v1/studio/workspaces/{workspace}/approvers/{ben}/remove"
    removed = await desk.post(left, {"reason": WHY}, desk.workplace.founder_key)
    assert removed.status_code == 200, removed.text
    bundle = await desk.get("/api/v1/replay/bundle", desk.workplace.founder_key)
    ada = str(desk.ada.principal.actor_id)
    lines = bundle.content + b"\n"
    lines += line(desk, "ApproverRemoved", {"workspace_id": workspace, "actor_id": ada})
    for why in ("ran_out", "stopped"):
        lines += line(desk, "BreakGlassEnded", {"activation_id": workspace, "why": why})
    lines += line(desk, "WorkspaceArchived", None, stream_id=workspace)
    named = [
        ("ApproverRemoved", f"{workspace} {ada}"),
        ("BreakGlassEnded", workspace),
        ("WorkspaceArchived", workspace),
    ]
    await bench.fail_over()
    (done,) = (await bench.restore(controls=read_outside(lines.splitlines()))).tenants
    assert [(one.type, one.target) for one in done.lost_ends] == named
    await bench.restore(controls=read_outside(lines.splitlines()))
    refused = (await bench.close()).json()
    assert (refused["code"], refused["untold_epochs"]) == ("recovery_unfinished", [])
    assert [(one["type"], one["target"]) for one in refused["lost_ends"]] == named
    said = {"epoch": 2**53 - 1, "reason": "ada and the rest are out", "is_repeated": True}
    closed = await desk.post(f"{AUTHORITY}/recovery/close", said, desk.operator_key)
    assert closed.status_code == 200, closed.text
    query = (
        "SELECT convert_from(b.body, 'UTF8') FROM placet.event AS e"
        " JOIN placet.event_body AS b USING (tenant_id, stream_id, seq)"
        " WHERE e.type = 'RecoveryClosed'"
    )
    event = json.loads(await bench.admin.fetchval(query))
    assert [(one["type"], one["target"]) for one in event["repeated"]] == named


async def test_what_was_kept_outside_may_come_late_until_an_operator_has_closed(
    asking_bench: tuple[Bench, AskDesk],
) -> None:
    bench, desk = asking_bench
    host = await register(bench, "till")
    lines = line(desk, "ToolHostRevoked", {"host_id": host, "key_id": "x", "reason": WHY})
    lines += line(desk, "WorkspaceArchived", None, stream_id=str(bench.ids.new()))
    await bench.fail_over()
    first = await bench.restore()
    report = await bench.restore(controls=read_outside(lines.splitlines()))
    assert (report.epoch, report.is_raised) == (first.epoch, False)
    assert report.from_epoch == first.from_epoch
    assert (await items(bench, f"{AUTHORITY}/tool-hosts"))[0]["revoke_reason"] == WHY
    said = {"epoch": report.epoch, "reason": "it was archived again", "is_repeated": True}
    path = f"{AUTHORITY}/recovery/close"
    refused = await desk.post(path, said | {"is_repeated": False}, desk.operator_key)
    assert refused.json()["code"] == "recovery_unfinished"
    assert (await desk.post(path, said, desk.operator_key)).status_code == 200
    with pytest.raises(NothingToRestore):
        await bench.restore(controls=read_outside(lines.splitlines()))


async def test_a_standing_grant_of_before_a_restore_answers_nothing_again(
    asking_bench: tuple[Bench, AskDesk],
) -> None:
    bench, desk = asking_bench
    await given(desk, uses=5)
    worker = await desk.worker(ttl_seconds=60)
    assert await statuses(worker, ESCALATE) == ["granted"]
    # The clock of the server that is lost was ahead.
    query = "UPDATE placet.replay_standing_grant SET granted_at = granted_at + interval '1 hour'"
    await bench.admin.execute(query)
    await bench.fail_over()
    await bench.restore()
    assert (await bench.close()).status_code == 200
    worker = await desk.worker(ttl_seconds=60)
    assert await statuses(worker, ESCALATE) == ["awaiting_approval"]
    await bench.admin.execute("UPDATE placet.authority_recovery SET began_at = now()")
    await given(desk, uses=5)
    assert await statuses(worker, ESCALATE) == ["granted"]


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("ToolHostRevoked", None),
        ("ToolHostRevoked", {"host_id": "x"}),
        ("ApiKeyRevoked", {"reason": WHY}),
    ],
)
def test_a_line_that_does_not_say_what_ended_is_refused(
    kind: str, body: dict[str, Any] | None
) -> None:
    tenant = TenantId(UUID(int=1))
    stream = str(tenant_stream(tenant, TOLD_IN[kind][0]))
    told = {"tenant_id": str(tenant), "stream_id": stream, "type": kind, "body": body}
    with pytest.raises(MalformedBody, match="line 1"):
        read_outside([json.dumps(told).encode()])


@pytest.mark.parametrize("kind", TOLD_IN)
def test_a_line_that_does_not_say_in_which_stream_it_stands_is_refused(kind: str) -> None:
    told = {"tenant_id": str(UUID(int=1)), "type": kind, "body": {}}
    with pytest.raises(MalformedBody, match="of no stream"):
        read_outside([json.dumps(told).encode()])
