"""How many recorded calls a second a simulation takes: `python -m tests.benchmarks.simulation`.

A session of payments against fifty tools with every rule kind in use; each payment is looked up
first. Some payments come before their look-up is known, some are too high, some fail. One record
per figure; the whole command is measured too, reading and writing with it.
"""

import json
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
from click.testing import CliRunner
from tests.benchmarks.evaluation import told
from tests.benchmarks.wide_contract import PRINCIPAL, START, contract, policy

from placet.cli.policy.simulate import command
from placet.policy.simulation.late import late_results_in
from placet.policy.simulation.lines import LineReader
from placet.policy.simulation.run import simulate
from placet.policy.text.document import contract_document

ROUNDS = 5
TOOLS = 50
PAYMENTS = 10_000


def recording(payments: int) -> Iterator[bytes]:
    """Yield lines of a session in which an order is looked up and paid back, again and again."""
    for number in range(payments):
        tool = number * (TOOLS // 2) // payments + 1  # no payment may follow one of the next tool
        order = f"ord_{number:08d}"
        found = {"status": "delivered", "order_id": order, "total_cents": 5_000}
        is_denied = number % 10 == 0
        yield _line(number, "look", f"look_up_{tool}", {"order_id": order}, found)
        pay = {"order_id": order, "amount_cents": 60_000 if is_denied else 1_000, "note": "late"}
        yield _line(number, "pay", f"pay_{tool}", pay, {"state": "refunded"})


def _line(number: int, kind: str, tool: str, arguments: object, output: object) -> bytes:
    at = START + timedelta(seconds=number)
    call_id = f"{kind}_{number:08d}"
    function = {"name": tool, "arguments": json.dumps(arguments)}
    line = {
        "at": at.isoformat(),
        "principal": PRINCIPAL,
        "tool_calls": [{"id": call_id, "type": "function", "function": function}],
        "outputs": {call_id: output},
        "cost_micros": {call_id: 10},
    }
    return json.dumps(line).encode() + b"\n"


def rate(calls: int, work: Callable[[], object]) -> float:
    """Return how many calls a second the work takes."""
    began = time.perf_counter()
    work()
    return calls / (time.perf_counter() - began)


def main() -> None:
    """Measure and print."""
    raw = list(recording(PAYMENTS))
    loaded = policy(TOOLS)
    with tempfile.TemporaryDirectory() as folder:
        calls, source = Path(folder, "calls.jsonl"), Path(folder, "contract.json")
        calls.write_bytes(b"".join(raw))
        source.write_bytes(msgspec.json.encode(contract_document(contract(TOOLS))))
        arguments = ["--calls", str(calls), str(source), "--json"]

        def loop() -> None:
            encode = msgspec.json.Encoder().encode
            for outcome in simulate(loaded, LineReader(raw), late_results_in(raw)):
                encode(outcome)

        def whole() -> None:
            done = CliRunner().invoke(command, arguments)
            assert done.exit_code == 0, done.output
            assert done.stdout.count("\n") == len(raw) + 1

        works = {"simulate, in memory": loop, "placet policy simulate": whole}
        rounds: dict[str, list[float]] = {name: [] for name in works}
        for _ in range(ROUNDS):
            for name, work in works.items():
                rounds[name].append(rate(len(raw), work))
    for name, figures in rounds.items():
        told(name, figures, "calls/s")


if __name__ == "__main__":
    main()
