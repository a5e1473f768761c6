"""How many recorded calls a second a preview takes: `python -m tests.benchmarks.impact`.

20,000 calls of 200 sessions, held to a candidate of fifty tools with every rule kind in use that a
recording has the facts for, and to what is in force beside it, which bounds one tool less tightly.
The first figure is the candidate alone; the second the whole preview: both sides, compared, with
its report. Every 20th call flips, and the run is void where another number does.
"""

import itertools
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from uuid import UUID

from msgspec import UNSET, structs
from tests.benchmarks.evaluation import told
from tests.benchmarks.wide_contract import LOOK_UP, OUTPUT, PAY, START, call, contract

from placet.kernel import foreign
from placet.policy.compile import compile_contract
from placet.policy.load import load_policy
from placet.policy.model import Contract, Rule
from placet.replay.calls.model import CallStatus, ExecutionState, ReceiptStatus, Verdict
from placet.replay.recordings.model import RecordedCall, Recording
from placet.studio.impact import comparing
from placet.studio.impact.model import ImpactReport
from placet.studio.impact.report import Tally
from placet.studio.impact.sides import Side

ROUNDS = 5
TOOLS = 50
SESSIONS = 200
ORDERS = 25
TURNS = 4
FLIPS_OF = 20
HIGH = 40_000
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


def preview(candidate: Side, live: Side, found: list[Recording]) -> ImpactReport:
    """Return the report on these recordings, as the service computes it."""
    tally = Tally({})
    calls = 0
    for one in found:
        after = comparing.judge(candidate.policy, one, _go_on)
        before = comparing.judge(live.policy, one, _go_on)
        for held, left, right in comparing.compared(before, after, one):
            tally.add(held, left, right)
            calls += 1
    return tally.report(sessions=len(found), calls=calls, is_truncated=False, unrecorded=[])


def _go_on() -> None:
    """Let the work go on."""


def rate(calls: int, work: Callable[[], object]) -> float:
    """Return how many calls a second the work takes."""
    began = time.perf_counter()
    work()
    return calls / (time.perf_counter() - began)


def main() -> None:
    """Measure and print."""
    found = list(recordings())
    calls = sum(len(one.calls) for one in found)
    candidate, live = side(HIGH - 1), side(HIGH)

    def alone() -> None:
        for one in found:
            comparing.judge(candidate.policy, one, _go_on)

    def whole() -> None:
        report = preview(candidate, live, found)
        flips = [(one.before, one.after, one.calls) for one in report.flips]
        expected = [(Verdict.ALLOW, Verdict.DENY, calls // FLIPS_OF)]
        assert flips == expected, (flips, report.same, report.unjudged)

    works = {"impact, candidate alone": alone, "impact, whole preview": whole}
    rounds: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(ROUNDS):
        for name, work in works.items():
            rounds[name].append(rate(calls, work))
    for name, figures in rounds.items():
        told(name, figures, "calls/s")
        assert statistics.median(figures) > 0


if __name__ == "__main__":
    main()
