"""How long a decision takes: `python -m tests.benchmarks.evaluation`, one JSON record per figure.

Rounds are interleaved and medians told with their spread. Nothing here passes or fails: a figure
belongs to the machine that it was measured on, and beside it stands what reading the arguments
alone takes there.
"""

import itertools
import json
import statistics
import sys
import time
from collections.abc import Callable

from tests.benchmarks.wide_contract import PAY, PAYMENTS, call, contract, lived, policy

from placet.kernel import foreign
from placet.policy.compile import compile_contract
from placet.policy.decision import Allow
from placet.policy.evaluate import evaluate
from placet.policy.load import load_policy

ROUNDS = 7
EACH = 3_000


def microseconds(work: Callable[[], object], times: int = EACH) -> float:
    """Return the mean time of one call."""
    began = time.perf_counter()
    for _ in range(times):
        work()
    return (time.perf_counter() - began) / times * 1e6


def told(name: str, figures: list[float], unit: str) -> None:
    """Print one figure."""
    record = {
        "name": name,
        "median": round(statistics.median(figures), 2),
        "least": round(min(figures), 2),
        "most": round(max(figures), 2),
        "unit": unit,
        "rounds": len(figures),
        "python": sys.version.split()[0],
    }
    print(json.dumps(record), flush=True)  # noqa: T201 -- a benchmark prints its figures


def deciding(count: int) -> tuple[Callable[[], object], Callable[[], object]]:
    """Return a call of each tool in turn, and one of the tool with every rule kind at once."""
    loaded = policy(count)
    facts = lived(loaded)
    calls = [call(tool, PAYMENTS) for tool in loaded.tools]
    for one in calls:
        assert isinstance(evaluate(loaded, facts, one), Allow), evaluate(loaded, facts, one)
    turns = itertools.cycle(calls)
    everything = call(PAY, PAYMENTS)
    return (
        lambda: evaluate(loaded, facts, next(turns)),
        lambda: evaluate(loaded, facts, everything),
    )


def main() -> None:
    """Measure and print."""
    text = call(PAY, PAYMENTS).arguments
    few, few_all = deciding(50)
    many, many_all = deciding(500)
    works: dict[str, Callable[[], object]] = {
        "read the arguments": lambda: foreign.parse(text),
        "evaluate, 50 tools": few,
        "evaluate, 500 tools": many,
        "evaluate, every rule kind on the tool, 50 tools": few_all,
        "evaluate, every rule kind on the tool, 500 tools": many_all,
    }
    rounds: dict[str, list[float]] = {name: [] for name in works}
    for work in works.values():
        microseconds(work)
    for _ in range(ROUNDS):
        for name, work in works.items():
            rounds[name].append(microseconds(work))
    for name, figures in rounds.items():
        told(name, figures, "us")
    pairs = zip(rounds["evaluate, 500 tools"], rounds["evaluate, 50 tools"], strict=True)
    told("500 tools against 50", [wide / narrow for wide, narrow in pairs], "ratio")
    wide = contract(500)
    runtime = compile_contract(wide).runtime
    compiling = [microseconds(lambda: compile_contract(wide), 1) / 1000 for _ in range(ROUNDS)]
    told("compile 500 tools", compiling, "ms")
    loading = [microseconds(lambda: load_policy(runtime), 1) / 1000 for _ in range(3)]
    told("load 500 tools", loading, "ms")


if __name__ == "__main__":
    main()
