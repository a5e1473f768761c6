"""Bundles of evidence over HTTP: what they hold, and that they verify."""

import io
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from litestar import Litestar
from tests.audit.bundles.taking import (
    BUNDLES,
    Auditor,
    auditor_of,
    closed,
    kinds_in,
    of_kind,
    streams_in,
    worked,
)
from tests.audit.erasures.ended import erase
from tests.replay.desk import Desk, Worker

from placet.audit.bundles import service, store
from placet.audit.bundles.model import ErasedMeanwhile, Wish
from placet.audit.bundles.service import Begun
from placet.audit.bundles.streams import TENANT_WIDE, heads_of
from placet.authority.checkpoints import service as checkpoints
from placet.authority.server_keys import ServerKeys
from placet.events.model import StreamId, StreamKind, new_event, tenant_stream
from placet.events.store import append, list_events
from placet.evidence.bundle import BundleScope, ScopeKind
from placet.evidence.verify import verify_bundle
from placet.kernel.principal import Principal, Scope
from placet.kernel.value import Value

HOUR = timedelta(hours=1)
SOME = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"


@pytest.fixture
async def auditor(desk: Desk) -> Auditor:
    """An auditor of the desk's tenant."""
    return await auditor_of(desk)


async def test_a_bundle_of_a_session_has_its_events_its_approval_and_its_place_in_the_log(
    desk: Desk, auditor: Auditor
) -> None:
    worker = await closed(desk)
    await worked(desk)
    lines = await auditor.take(session_id=worker.session_id)
    assert lines[0]["scope"]["session_id"] == str(worker.session_id)
    sessions = [head for head in lines[0]["streams"] if head["kind"] == "session"]
    assert [head["stream_id"] for head in sessions] == [str(worker.session_id)]
    assert {"session", "authority", "seals"} <= kinds_in(lines)
    heads = streams_in(lines)
    assert len(of_kind(lines, "event")) == sum(heads.values())
    assert {line["stream_id"]: line["seq"] for line in of_kind(lines, "inclusion")} == heads
    (dossier,) = of_kind(lines, "dossier")
    assert str(desk.approval_id) in dossier["text"]
    assert len(of_kind(lines, "checkpoint")) == 1
    assert len(of_kind(lines, "seal")) == 1


async def test_every_session_that_ended_is_told_of_in_one_stream(
    desk: Desk, auditor: Auditor
) -> None:
    ended = [await closed(desk), await closed(desk)]
    lines = await auditor.take()
    seals = str(tenant_stream(desk.runtime.tenant_id, StreamKind.SEALS))
    told = [line["type"] for line in of_kind(lines, "event") if line["stream_id"] == seals]
    assert told == ["StreamSealed"] * len(ended)


async def test_a_bundle_of_a_tenant_has_every_stream(desk: Desk, auditor: Auditor) -> None:
    workers = [await worked(desk), await closed(desk)]
    lines = await auditor.take()
    assert {str(worker.session_id) for worker in workers} <= set(streams_in(lines))
    kinds = {"session", "authority", "seals", "tenancy", "workspace"}
    assert kinds <= kinds_in(lines)


async def test_a_bundle_of_an_approval_has_its_workspace_and_its_votes(
    desk: Desk, auditor: Auditor
) -> None:
    await worked(desk)
    lines = await auditor.take(approval_id=desk.approval_id)
    assert "session" not in kinds_in(lines)
    assert str(desk.workspace.workspace_id) in streams_in(lines)
    assert len(of_kind(lines, "dossier")) == 1


async def test_an_incident_has_the_sessions_that_its_window_touches_up_to_its_end(
    desk: Desk, auditor: Auditor
) -> None:
    worker = await worked(desk)
    events = await events_of(desk, worker)
    cut = datetime.fromisoformat(events[2]["at"])
    assert (await worker.post("close", {})).status_code == 200
    lines = await auditor.take(**{"from": cut - HOUR, "to": cut})
    kept = sum(datetime.fromisoformat(event["at"]) <= cut for event in events)
    assert streams_in(lines)[str(worker.session_id)] == kept
    before = await auditor.take(**{"from": cut - 2 * HOUR, "to": cut - HOUR})
    assert "session" not in kinds_in(before)


async def test_an_incident_has_what_people_did_in_its_window_up_to_its_end(
    desk: Desk, auditor: Auditor
) -> None:
    await worked(desk)
    workspace = str(desk.workspace.workspace_id)
    async with desk.db.reading(desk.workplace.founder) as tx:
        stream = StreamId(desk.workspace.workspace_id)
        times = [event.at for event in await list_events(tx, stream, after=0, limit=1_000)]
    cut = times[0]
    lines = await auditor.take(**{"from": cut - HOUR, "to": cut})
    assert streams_in(lines)[workspace] == sum(at <= cut for at in times) < len(times)
    assert {"tenancy", "workspace"} <= kinds_in(lines)
    assert "session" not in kinds_in(lines)
    before = await auditor.take(**{"from": cut - 2 * HOUR, "to": cut - HOUR})
    assert not {"tenancy", "workspace", "session"} & kinds_in(before)


class Noted(Value, frozen=True):
    """Event: what a run says."""

    text: str


async def ran(desk: Desk, count: int) -> tuple[set[UUID], datetime]:
    """Begin so many runs, and return them with the time of the last event."""
    runs = [StreamId(desk.ids.new()) for _ in range(count)]
    async with desk.db.writing(desk.workplace.founder) as tx:
        for run in runs:
            _, at = await append(tx, run, StreamKind.RUN, [new_event(desk.ids, Noted(text="n"))])
    return set(runs), at


async def test_of_what_is_no_session_only_what_was_written_to_since_is_asked_for(
    desk: Desk,
) -> None:
    (run,), at = await ran(desk, 1)
    async with desk.db.reading(desk.workplace.founder) as tx:
        here = await store.list_others(tx, at, TENANT_WIDE, after=None)
        behind = await store.list_others(tx, at, TENANT_WIDE, after=run)
        later = await store.list_others(tx, at + timedelta(microseconds=1), TENANT_WIDE, after=None)
        all_of_it = await store.list_others(tx, at - 24 * HOUR, TENANT_WIDE, after=None)
    assert here == {run: StreamKind.RUN}
    assert not behind
    assert not later
    assert {StreamKind.RUN, StreamKind.TENANCY} <= set(all_of_it.values())
    assert not TENANT_WIDE & set(all_of_it.values())


async def test_an_incident_has_every_run_that_its_window_touches(desk: Desk) -> None:
    runs, at = await ran(desk, store.AT_ONCE + 1)
    window = BundleScope(kind=ScopeKind.INCIDENT, since=at - HOUR, until=at)
    heads = await heads_of(desk.db, desk.workplace.founder, window)
    found = [head.stream_id for head in heads if head.kind == StreamKind.RUN]
    assert len(found) == len(set(found))
    assert set(found) == runs


async def test_an_incident_is_narrowed_by_agent_and_by_tool(desk: Desk, auditor: Auditor) -> None:
    worker = await worked(desk)
    idle = await desk.worker()
    now = datetime.fromisoformat((await events_of(desk, worker))[0]["at"])
    window = {"from": now - HOUR, "to": now + HOUR}
    whole = streams_in(await auditor.take(**window))
    assert {str(worker.session_id), str(idle.session_id)} <= set(whole)
    by_tool = streams_in(await auditor.take(**window, tool="lookup_order"))
    assert str(worker.session_id) in by_tool
    assert str(idle.session_id) not in by_tool
    assert "workspace" not in kinds_in(await auditor.take(**window, tool="lookup_order"))
    assert "session" not in kinds_in(await auditor.take(**window, agent="another"))


async def test_whoever_holds_a_checkpoint_is_told_how_the_log_grew_since(
    desk: Desk, auditor: Auditor
) -> None:
    first = await auditor.take()
    size = of_kind(first, "inclusion")[0]["size"]
    await worked(desk)
    later = await auditor.take(checkpoint_size=size)
    (grown,) = of_kind(later, "consistency")
    assert (grown["from_size"], grown["to_size"]) == (size, of_kind(later, "inclusion")[0]["size"])


async def test_a_checkpoint_of_a_longer_log_is_a_conflict_and_no_export(
    desk: Desk, auditor: Auditor
) -> None:
    answered = await desk.get(f"{BUNDLES}?checkpoint_size={2**52}", auditor.key)
    assert (answered.status_code, answered.json()["code"]) == (422, "checkpoint_ahead")
    assert "BundleExported" not in await told_of(desk)


async def test_who_took_what_is_an_event(desk: Desk, auditor: Auditor) -> None:
    worker = await worked(desk)
    await auditor.take(session_id=worker.session_id)
    assert (await told_of(desk)).count("BundleExported") == 1
    assert (await told_of(desk, StreamKind.ERASURES)).count("ExportRecorded") == 1


async def begun_by(desk: Desk, app: Litestar) -> tuple[Principal, Begun]:
    """Begin an export of a tenant."""
    who = Principal(
        tenant_id=desk.runtime.tenant_id,
        actor_id=desk.operator.actor_id,
        key_id="",
        secret_hash=b"",
        scopes=frozenset({Scope.AUDIT}),
    )
    wish = Wish(scope=BundleScope(kind=ScopeKind.TENANT), held_size=None)
    keys = app.state[ServerKeys.__name__]
    return who, await service.begin_export(desk.db, who, keys, desk.ids, wish)


async def test_what_nobody_took_to_the_end_is_never_recorded(desk: Desk, app: Litestar) -> None:
    who, begun = await begun_by(desk, app)
    lines = service.write_bundle(desk.db, who, begun, desk.ids)
    await anext(lines)
    await lines.aclose()
    assert (await told_of(desk)).count("BundleExported") == 1
    assert await told_of(desk, StreamKind.ERASURES) == []


async def test_a_bundle_breaks_off_where_its_bodies_are_erased_meanwhile(
    desk: Desk, app: Litestar
) -> None:
    ended, other = await closed(desk), await closed(desk)
    await erase(desk, other.session_id)
    who, begun = await begun_by(desk, app)
    whole = [line async for line in service.write_bundle(desk.db, who, begun, desk.ids)]
    assert verify_bundle(io.BytesIO(b"".join(whole))).flaw is None
    who, begun = await begun_by(desk, app)
    lines = service.write_bundle(desk.db, who, begun, desk.ids)
    await anext(lines)
    await erase(desk, ended.session_id)
    with pytest.raises(ErasedMeanwhile):
        async for _ in lines:
            pass


@pytest.mark.parametrize(
    "asked",
    [
        f"session_id={SOME}&approval_id={SOME}",
        "from=2026-03-01T00:00:00Z",
        "to=2026-03-01T00:00:00Z",
        "from=2026-03-02T00:00:00Z&to=2026-03-01T00:00:00Z",
        "from=2026-03-01T00:00:00&to=2026-03-02T00:00:00",
        "from=0001-01-01T00:00:00%2B14:00&to=2026-03-02T00:00:00Z",
        "tool=lookup_order",
        "agent=desk",
    ],
)
async def test_what_names_no_one_scope_is_refused(desk: Desk, auditor: Auditor, asked: str) -> None:
    answered = await desk.get(f"{BUNDLES}?{asked}", auditor.key)
    assert (answered.status_code, answered.json()["code"]) == (422, "scope_unclear")


@pytest.mark.parametrize("name", ["session_id", "approval_id"])
async def test_what_is_not_there_is_not_found(desk: Desk, auditor: Auditor, name: str) -> None:
    answered = await desk.get(f"{BUNDLES}?{name}={desk.ids.new()}", auditor.key)
    assert answered.status_code == 404


async def test_only_an_auditor_takes_evidence_away(desk: Desk) -> None:
    for key in (desk.runtime_key, desk.operator_key):
        assert (await desk.get(BUNDLES, key)).status_code == 403


async def events_of(desk: Desk, worker: Worker) -> list[dict[str, Any]]:
    answered = await desk.get(f"{worker.path}/events?limit=200", desk.operator_key)
    found: list[dict[str, Any]] = answered.json()["items"]
    return found


async def told_of(desk: Desk, kind: StreamKind = StreamKind.TENANCY) -> list[str]:
    """Return the types of the events of one of the tenant's own streams."""
    stream = tenant_stream(desk.runtime.tenant_id, kind)
    async with desk.db.reading(desk.runtime) as tx:
        return [event.type for event in await list_events(tx, stream, after=0, limit=1_000)]


async def test_a_bundle_that_nobody_could_read_in_one_piece_is_refused_before_it_begins(
    desk: Desk, auditor: Auditor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "STREAMS_MAX", 2)
    answered = await desk.get(BUNDLES, auditor.key)
    assert (answered.status_code, answered.json()["code"]) == (422, "scope_too_wide")
    assert "BundleExported" not in await told_of(desk)


async def test_what_the_checkpoint_does_not_cover_yet_is_not_exported(
    desk: Desk, auditor: Auditor, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = await worked(desk)
    limits = checkpoints.make_checkpoint.__kwdefaults__
    assert limits is not None
    with monkeypatch.context() as patch:
        patch.setitem(limits, "entries_max", 3)
        answered = await desk.get(f"{BUNDLES}?session_id={worker.session_id}", auditor.key)
    assert (answered.status_code, answered.json()["code"]) == (503, "governance_unavailable")
    assert int(answered.headers["retry-after"]) > 0
    assert "BundleExported" not in await told_of(desk)
    await auditor.take(session_id=worker.session_id)
    await auditor.take()
