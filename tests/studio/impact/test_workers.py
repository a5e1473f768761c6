"""Workers say what one process alone says, get nothing that they need not have, and end."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
from msgspec.structs import replace
from tests.replay.desk import AGENT, CONTRACT
from tests.studio.impact.made_up import START, UNTIL, made_sessions
from tests.studio.traffic import capped, changed

from placet.kernel.canonical import canonical
from placet.kernel.ids import ActorId, TenantId
from placet.kernel.principal import Environment
from placet.policy.compile import compile_contract
from placet.policy.model import Contract
from placet.policy.text.parse import read_contract
from placet.replay.recordings.model import Found, Recording, Window
from placet.studio.drafts.model import DraftId
from placet.studio.impact import comparing, service, sharing, sides
from placet.studio.impact.judging import Judge
from placet.studio.impact.messages import Authority, Material, Which, frame_of
from placet.studio.impact.model import CandidateInvalid, PreviewBroken, PreviewTooCostly
from placet.studio.impact.report import Tally
from placet.studio.impact.workers import Worker, Workers
from placet.studio.snapshots.model import BusinessDraftSnapshot, SnapshotId, SnapshotStatus
from placet.studio.workspaces.model import WorkspaceId

NOBODY = UUID(int=7)
HASH = "00" * 32


@pytest.fixture(scope="module")
async def workers() -> AsyncIterator[Workers]:
    """Workers that the tests of this file share."""
    made = Workers()
    yield made
    await made.close()


def runtime_of(document: dict[str, Any]) -> Authority:
    found = read_contract(document)
    assert isinstance(found, Contract), found
    compiled = compile_contract(found)
    return Authority(
        approval_id=NOBODY, compiled_hash=compiled.compiled_hash.hex(), runtime=compiled.runtime
    )


def case_of(
    recordings: Sequence[Recording],
    candidate: dict[str, Any],
    in_force: dict[str, Any] | None = CONTRACT,
) -> service.Case:
    """Return the case of a candidate beside what is in force."""
    snapshot = BusinessDraftSnapshot(
        tenant_id=TenantId(NOBODY),
        snapshot_id=SnapshotId(NOBODY),
        workspace_id=WorkspaceId(NOBODY),
        draft_id=DraftId(NOBODY),
        version=1,
        status=SnapshotStatus.READY_FOR_APPROVAL,
        memory_json=msgspec.json.encode(candidate),
        snapshot_hash=HASH,
        source_snapshot_hash=HASH,
        command_history_hash=HASH,
        findings=[],
        generation_profile="",
        compiler_version="",
        created_by=ActorId(NOBODY),
        created_at=START,
        sources=[],
        judgments=[],
    )
    return service.Case(
        snapshot=snapshot,
        in_force=None if in_force is None else runtime_of(in_force),
        window=Window(
            agent=AGENT,
            environment=Environment.STAGING,
            since=START,
            until=UNTIL,
            calls_max=20_000,
        ),
        found=Found(
            recordings=list(recordings),
            artifact_ids=frozenset(),
            sessions=len(recordings),
            calls=sum(len(one.calls) for one in recordings),
            is_truncated=False,
        ),
        redacting=[],
    )


def alone(case: service.Case) -> bytes:
    """Return the report of a case as one process computes it, one side after the other."""
    material = Material(snapshot=case.snapshot, in_force=case.in_force, redacting=[])
    live = case.in_force
    candidate = sides.candidate_side(case.snapshot)
    before = None if live is None else sides.authority_side(live.compiled_hash, live.runtime)
    tally = Tally({})
    for one in case.found.recordings:
        after = comparing.judge(candidate.policy, one, lambda: None)
        if before is None:
            then = comparing.recorded(one)
        else:
            then = comparing.judge(before.policy, one, lambda: None)
        for call, left, right in comparing.compared(then, after, one):
            tally.add(call, left, right)
    return canonical(service.computed(case, Judge(material).ready, [tally.part()]).report)


def one_session(calls: int) -> Recording:
    """Return a long session."""
    (made,) = made_sessions(1, calls, seed=2)
    return replace(made, session_id=UUID(int=99))


MANY = list(made_sessions(30, 40))
LONG = [*MANY[:6], one_session(900), *MANY[6:12]]


@pytest.mark.parametrize("recordings", [MANY, LONG, MANY[:2], []], ids=len)
@pytest.mark.parametrize(
    ("candidate", "in_force"),
    [
        (capped(20_000), CONTRACT),
        (changed("lookup_order", decision="ask"), CONTRACT),
        (CONTRACT, CONTRACT),
        (capped(20_000), None),
        (changed("issue_refund", requires=None, input_schema=None), CONTRACT),
    ],
    ids=["narrower", "asks", "same", "nothing in force", "other outputs"],
)
async def test_workers_report_byte_for_byte_what_one_process_does(
    workers: Workers,
    recordings: list[Recording],
    candidate: dict[str, Any],
    in_force: dict[str, Any] | None,
) -> None:
    case = case_of(recordings, candidate, in_force)
    computed = await service.compute(case, workers)
    assert canonical(computed.report) == alone(case)
    assert computed.against == case.in_force
    assert computed.report.calls == len([one for each in recordings for one in each.calls])


@pytest.mark.parametrize("size", [1, 41, 100_000])
async def test_the_size_of_a_batch_changes_nothing(
    workers: Workers, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = case_of(MANY, capped(10))
    monkeypatch.setattr(sharing, "BATCH_CALLS", size)
    assert canonical((await service.compute(case, workers)).report) == alone(case)


async def test_a_long_session_is_judged_by_two_workers_one_for_each_side(
    workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    frames = sharing._frames  # noqa: SLF001 -- watched, and called as it is

    def watched(batch: Sequence[Recording], which: Which) -> Any:  # noqa: ANN401 -- handed on
        asked.append((which, len(batch[0].calls)))
        return frames(batch, which)

    monkeypatch.setattr(sharing, "_frames", watched)
    await service.compute(case_of(LONG, capped(10)), workers)
    assert [one for one in asked if one[0] is not Which.BOTH] == [
        (Which.CANDIDATE, 900),
        (Which.IN_FORCE, 900),
    ]


async def test_a_candidate_with_errors_is_refused_by_its_worker(workers: Workers) -> None:
    with pytest.raises(CandidateInvalid) as refused:
        await service.compute(case_of([], {"agent": "x"}), workers)
    assert refused.value.findings


async def test_a_refused_candidate_leaves_the_workers_as_they_are(workers: Workers) -> None:
    await service.compute(case_of([], CONTRACT), workers)
    before = list(workers.running)
    with pytest.raises(CandidateInvalid):
        await service.compute(case_of([], {"agent": "x"}), workers)
    await service.compute(case_of([], CONTRACT), workers)
    assert workers.running == before


async def test_no_more_than_two_workers_are_ever_started(workers: Workers) -> None:
    async with workers.taken(50) as taken:
        assert len(taken) == 2


async def test_a_worker_gets_no_socket_no_variable_and_no_file_of_the_service(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PLACET_DATABASE_URL", "postgresql://secret@db/x")
    monkeypatch.setenv("SIGNING_KEY", "secret")
    signing = (tmp_path / "key").open("w")
    with socket.create_server(("127.0.0.1", 0)), signing:
        worker = await Worker.start()
        await worker.ask([ready_frame()])
        proc = Path("/proc") / str(worker.process.pid)
        names = {one.split(b"=")[0] for one in (proc / "environ").read_bytes().split(b"\0")}
        opened = {one.name: str(one.readlink()) for one in (proc / "fd").iterdir()}
        limits = (proc / "limits").read_text()
        await worker.end()
    assert {one for one in names if b"PLACET" in one or b"KEY" in one} == set()
    assert names <= {b"", b"PATH", b"PYTHONPATH", b"PYTHONHOME", b"LD_LIBRARY_PATH", b"LANG"} | {
        b"LC_ALL",
        b"LC_CTYPE",
    }
    assert set(opened) <= {"0", "1", "2", "3"}
    assert not [one for fd, one in opened.items() if fd != "0" and "socket" in one]
    (memory,) = [line for line in limits.splitlines() if line.startswith("Max address space")]
    assert "unlimited" not in memory


def ready_frame() -> bytes:
    case = case_of([], CONTRACT)
    return frame_of(
        Material(snapshot=case.snapshot, in_force=case.in_force, redacting=case.redacting)
    )


async def test_a_worker_whose_service_is_gone_ends_by_itself() -> None:
    worker = await Worker.start()
    await worker.ask([ready_frame()])
    assert worker.process.stdin is not None
    worker.process.stdin.close()
    assert await worker.process.wait() == 0


async def stopped(workers: Workers) -> list[Worker]:
    """Have workers that judge no further until somebody lets them."""
    async with workers.taken(2) as taken:
        for one in taken:
            one.process.send_signal(signal.SIGSTOP)
    return list(workers.running)


async def taken_by(workers: Workers, case: service.Case) -> "asyncio.Task[service.Computed]":
    """Begin a preview and wait until it has the workers."""
    task = asyncio.create_task(service.compute(case, workers))
    await workers.busy.wait()
    return task


async def test_closing_ends_a_preview_that_goes_on_and_every_worker_for_good() -> None:
    workers = Workers()
    held = await stopped(workers)
    going = await taken_by(workers, case_of(MANY, capped(10)))
    await workers.close()
    with pytest.raises(PreviewBroken):
        await going
    assert [one.process.returncode for one in held] == [-signal.SIGKILL] * 2
    with pytest.raises(PreviewBroken):
        await service.compute(case_of([], CONTRACT), workers)
    assert workers.running == []


async def test_one_killed_worker_ends_the_preview_and_the_other_worker() -> None:
    workers = Workers()
    held = await stopped(workers)
    going = await taken_by(workers, case_of(MANY, capped(10)))
    held[1].process.kill()
    with pytest.raises(PreviewBroken):
        await going
    assert [one.process.returncode for one in held] == [-signal.SIGKILL] * 2
    case = case_of(MANY, capped(10))
    assert canonical((await service.compute(case, workers)).report) == alone(case)
    await workers.close()


async def test_a_preview_that_nobody_waits_for_leaves_no_worker_behind() -> None:
    workers = Workers()
    held = await stopped(workers)
    going = await taken_by(workers, case_of(MANY, capped(10)))
    going.cancel()
    with pytest.raises(asyncio.CancelledError):
        await going
    assert [one.process.returncode for one in held] == [-signal.SIGKILL] * 2


async def test_a_preview_that_takes_too_long_ends_its_workers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    workers = Workers()
    held = await stopped(workers)
    monkeypatch.setattr(service, "WORK_SECONDS", 0.01)
    with pytest.raises(PreviewTooCostly):
        await service.compute(case_of(MANY, capped(10)), workers)
    assert [one.process.returncode for one in held] == [-signal.SIGKILL] * 2


async def test_workers_that_nobody_needs_for_a_while_end() -> None:
    workers = Workers(idle_seconds=0)
    async with workers.taken(1) as (worker,):
        pass
    assert await worker.process.wait() == -signal.SIGKILL
    assert workers.running == []
    case = case_of(MANY[:1], capped(10))
    assert canonical((await service.compute(case, workers)).report) == alone(case)
    await workers.close()


async def test_an_answer_that_is_none_is_a_broken_worker() -> None:
    worker = await Worker.start()
    with pytest.raises(PreviewBroken):
        await worker.ask([(1).to_bytes(4) + b"\xc1"])
    assert await worker.process.wait() == 1
