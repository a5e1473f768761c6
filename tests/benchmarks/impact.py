"""How many recorded calls a second a preview takes: `python -m tests.benchmarks.impact`.

20,000 calls of 200 sessions, held to a candidate of fifty tools with every rule kind in use that a
recording has the facts for, and to what is in force beside it, which bounds one tool less tightly.
*Alone* is the candidate compared with what was decided at the time, *whole* the preview beside
what is in force: both sides judged, compared and counted. Each is measured in one process, and as
the service does it: in its two workers, which are warm, with everything that goes to them and back.
What stands beside calls a second is the processor's time for one call, of all processes together,
and of the service's own process: this is what its requests may have to wait for. Every 20th call
flips, and the run is void where another number does.
"""

import asyncio
import itertools
import os
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import msgspec
from msgspec import UNSET, structs
from tests.benchmarks.evaluation import told
from tests.benchmarks.wide_contract import LOOK_UP, OUTPUT, PAY, START, call, contract

from placet.kernel import foreign
from placet.kernel.ids import ActorId, TenantId
from placet.kernel.principal import Environment
from placet.policy.compile import compile_contract
from placet.policy.load import load_policy
from placet.policy.model import Contract, Rule
from placet.replay.calls.model import CallStatus, ExecutionState, ReceiptStatus, Verdict
from placet.replay.recordings.model import Found, RecordedCall, Recording, Window
from placet.studio.drafts.model import DraftId
from placet.studio.impact import service
from placet.studio.impact.judging import Judge
from placet.studio.impact.messages import Authority, Material
from placet.studio.impact.sides import Side
from placet.studio.impact.workers import Workers
from placet.studio.snapshots.model import BusinessDraftSnapshot, SnapshotId, SnapshotStatus
from placet.studio.workspaces.model import WorkspaceId

ROUNDS = 5
TOOLS = 50
SESSIONS = 200
ORDERS = 25
TURNS = 4
FLIPS_OF = 20
HIGH = 40_000
HASH = "00" * 32
OTHERS = TOOLS - 3


def told_contract(most: int) -> Contract:
    """Return the wide contract without what no recording tells, and a bound on one tool."""
    wide = contract(TOOLS)
    session = structs.replace(wide.session, principals=(), labels=(), aggregates=())
    tools = []
    for tool in wide.tools:
        when = (
            UNSET if tool.when is UNSET else "args.amount_cents % 100 == 0 || phase == 'verified'"
        )
        plain = structs.replace(tool, when=when)
        if tool.tool == PAY:
            bound = Rule(path="$.amount_cents", lte=most)
            plain = structs.replace(plain, arguments=(*plain.arguments, bound))
        tools.append(plain)
    return structs.replace(wide, session=session, tools=tuple(tools))


def side(most: int) -> Side:
    """Return a side, loaded as a preview loads it."""
    compiled = compile_contract(told_contract(most))
    return Side(
        compiled_hash=compiled.compiled_hash.hex(),
        policy=load_policy(compiled.runtime),
        runtime=compiled.runtime,
    )


def recordings() -> Iterator[Recording]:
    """Yield the sessions: each order is looked up, paid, and handled by two more tools."""
    numbers = itertools.count()
    for session in range(SESSIONS):
        calls = [_call(session, next(numbers), place) for place in range(ORDERS * TURNS)]
        yield Recording(session_id=UUID(int=session), until=START + timedelta(days=9), calls=calls)


def _call(session: int, number: int, place: int) -> RecordedCall:
    order, turn = divmod(place, TURNS)
    other = f"tool_{(2 * order + turn) % OTHERS}"
    tool = (LOOK_UP, PAY, other, other)[turn]
    arguments = foreign.parse(call(tool, order).arguments)
    assert isinstance(arguments, dict)
    if tool == PAY and order % (FLIPS_OF // TURNS) == 0:
        arguments["amount_cents"] = HIGH
    at = START + timedelta(seconds=session, milliseconds=2 * place)
    return RecordedCall(
        session_id=UUID(int=session),
        call_id=UUID(int=number),
        step_id=place,
        ordinal=0,
        tool_name=tool,
        arguments=foreign.encode(arguments),
        arguments_hash=bytes(32),
        verdict=Verdict.ALLOW,
        layer=None,
        reasons=[],
        status=CallStatus.SETTLED,
        execution_state=ExecutionState.SUCCEEDED,
        proposed_at=at,
        granted_at=at,
        grant_expires_at=None,
        settled_at=at + timedelta(milliseconds=1),
        told=ReceiptStatus.SUCCEEDED,
        told_at=at + timedelta(milliseconds=1),
        output=foreign.encode(OUTPUT),
    )


def case_of(found: list[Recording], live: Side | None) -> service.Case:
    """Return the case of the narrower candidate beside what is in force, if anything is."""
    nobody = UUID(int=7)
    return service.Case(
        snapshot=BusinessDraftSnapshot(
            tenant_id=TenantId(nobody),
            snapshot_id=SnapshotId(nobody),
            workspace_id=WorkspaceId(nobody),
            draft_id=DraftId(nobody),
            version=1,
            status=SnapshotStatus.READY_FOR_APPROVAL,
            memory_json=msgspec.json.encode(told_contract(HIGH - 1)),
            snapshot_hash=HASH,
            source_snapshot_hash=HASH,
            command_history_hash=HASH,
            findings=[],
            generation_profile="",
            compiler_version="",
            created_by=ActorId(nobody),
            created_at=START,
            sources=[],
            judgments=[],
        ),
        in_force=None
        if live is None
        else Authority(approval_id=nobody, compiled_hash=live.compiled_hash, runtime=live.runtime),
        window=Window(
            agent="bench",
            environment=Environment.STAGING,
            since=START,
            until=START + timedelta(days=9),
            calls_max=20_000,
        ),
        found=Found(
            recordings=found,
            artifact_ids=frozenset(),
            sessions=len(found),
            calls=sum(len(one.calls) for one in found),
            is_truncated=False,
        ),
        redacting=[],
    )


class Clocks:
    """Wall clock and processor time, of this process and of workers that have ended or run."""

    def __init__(self, workers: Workers) -> None:
        """Begin now."""
        self._workers = workers
        self._wall, self._own, self._theirs = self._now()

    def _now(self) -> tuple[float, float, float]:
        ticks = 0
        for one in self._workers.running:
            told = Path(f"/proc/{one.process.pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(told[11]) + int(told[12])
        return time.perf_counter(), time.process_time(), ticks / os.sysconf("SC_CLK_TCK")

    def per_call(self, calls: int) -> tuple[float, float, float]:
        """Return calls a second, and microseconds of all processes and of this one for a call."""
        wall, own, theirs = (
            b - a for a, b in zip((self._wall, self._own, self._theirs), self._now(), strict=True)
        )
        return calls / wall, (own + theirs) / calls * 1e6, own / calls * 1e6


def in_process(case: service.Case) -> service.Computed:
    """Return what a case comes to, judged here."""
    judge = Judge(Material(snapshot=case.snapshot, in_force=case.in_force, redacting=[]))
    return service.computed(case, judge.ready, [judge.part(case.found.recordings)])


def hold(computed: service.Computed, calls: int) -> None:
    """Fail where other calls flip than those that must."""
    flips = [(one.before, one.after, one.calls) for one in computed.report.flips]
    expected = [(Verdict.ALLOW, Verdict.DENY, calls // FLIPS_OF)]
    assert flips == expected, (flips, computed.report.same, computed.report.unjudged)


async def measure() -> None:
    """Measure and print."""
    found = list(recordings())
    live = side(HIGH)
    workers = Workers()
    cases = {"alone": case_of(found, None), "whole": case_of(found, live)}
    rounds: dict[str, list[tuple[float, float, float]]] = {}
    for number in range(ROUNDS + 1):
        for name, case in cases.items():
            calls = case.found.calls
            clocks = Clocks(workers)
            hold(in_process(case), calls)
            one = clocks.per_call(calls)
            clocks = Clocks(workers)
            hold(await service.compute(case, workers), calls)
            two = clocks.per_call(calls)
            if number:  # the first round starts the workers
                rounds.setdefault(f"impact, {name}, one process", []).append(one)
                rounds.setdefault(f"impact, {name}, two workers", []).append(two)
    await workers.close()
    for name, figures in rounds.items():
        told(name, [one[0] for one in figures], "calls/s")
        told(f"{name}, processor time", [one[1] for one in figures], "us/call")
        told(f"{name}, processor time of the service", [one[2] for one in figures], "us/call")


if __name__ == "__main__":
    asyncio.run(measure())
