"""How many recorded calls a second a simulation takes: `python -m tests.benchmarks.simulation`.

One session against fifty tools with every rule kind in use: each order is looked up, paid back,
and handled by two more tools; every tenth call has an amount that is too high. The loop over lines
in memory is measured, and the whole command with its reading, checking and writing. Beside it
stands a contract as most are, of three tools with schemas, phases, a bound and an effect key: in
memory, and the whole command over five times as many calls.
"""

import json
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
from click.testing import CliRunner
from msgspec import structs
from tests.benchmarks.evaluation import told
from tests.benchmarks.wide_contract import LOOK_UP, OUTPUT, PAY, PRINCIPAL, START, call, contract

from placet.cli.policy.simulate import command
from placet.policy.compile import compile_contract
from placet.policy.load import load_policy
from placet.policy.model import Contract, ToolPhases
from placet.policy.simulation.late import late_results_in
from placet.policy.simulation.lines import LineReader
from placet.policy.simulation.report import SummaryLine
from placet.policy.simulation.run import simulate
from placet.policy.text.document import contract_document
from placet.policy.text.parse import read_contract

ROUNDS = 5
TOOLS = 50
OTHERS = TOOLS - 3
ORDERS = 5_000
CALLS_OF_ONE = 4
TIMES = 5
DENIED_OF = 10


def sound(wide: Contract) -> Contract:
    """Return the contract with a way out of its last phase, so that the command takes it."""
    transitions = wide.session.transitions | {"verified": ("closed",)}
    last = next(tool for tool in wide.tools if tool.tool == "never")
    phases = ToolPhases(valid_in=("verified",), advances_to="closed")
    close = structs.replace(last, tool="close", phases=phases)
    session = structs.replace(wide.session, transitions=transitions)
    return structs.replace(wide, session=session, tools=(*wide.tools, close))


def recording() -> Iterator[bytes]:
    """Yield the lines, one call each."""
    for number in range(ORDERS * CALLS_OF_ONE):
        order, turn = divmod(number, CALLS_OF_ONE)
        other = f"tool_{(2 * order + turn) % OTHERS}"
        tool = (LOOK_UP, PAY, other, other)[turn]
        text = call(tool, order % 4_000 if tool == PAY else order).arguments.decode()
        if number % DENIED_OF == DENIED_OF - 1:
            text = text.replace('"amount_cents": ', '"amount_cents": 9')
        yield _line(number, tool, text)


def plain() -> Contract:
    """Return a contract of three tools: to look up, to pay back once for each order, to close."""
    order = {"type": "string"}
    amount = {"type": "integer"}
    document = {
        "schema_version": "1",
        "agent": "desk",
        "session": {
            "phases": [{"name": "open", "initial": True}, {"name": "closed", "terminal": True}],
            "transitions": {"open": ["closed"]},
        },
        "tools": [
            _tool(LOOK_UP, "read", {"order_id": order}),
            _tool(PAY, "financial", {"order_id": order, "amount_cents": amount})
            | {
                "evidence_class": "local_transaction",
                "arguments": [{"path": "$.amount_cents", "gte": 1, "lte": 50_000}],
                "effect_key": ["$.order_id"],
            },
            _tool("close", "read", {})
            | {"phases": {"valid_in": ["open"], "advances_to": "closed"}},
        ],
    }
    found = read_contract(document)
    assert isinstance(found, Contract), found
    return found


def _tool(name: str, side_effect: str, properties: dict[str, object]) -> dict[str, object]:
    return {
        "tool": name,
        "side_effect": side_effect,
        "evidence_class": "ack_only",
        "commit_requirement": "acknowledged",
        "decision": "allow",
        "phases": {"valid_in": ["open"]},
        "input_schema": {
            "type": "object",
            "additionalProperties": False,
            "required": [*properties],
            "properties": properties,
        },
    }


def plain_recording(orders: int = ORDERS) -> Iterator[bytes]:
    """Yield the lines of the plain contract, every tenth amount too high."""
    for number in range(orders * CALLS_OF_ONE):
        arguments: dict[str, object] = {"order_id": f"ord_{number:08d}"}
        if number % 2:
            high = number % DENIED_OF == DENIED_OF - 1
            arguments["amount_cents"] = 90_000 if high else 1_000 + number % 100
        yield _line(number, PAY if number % 2 else LOOK_UP, json.dumps(arguments))


def _line(number: int, tool: str, text: str) -> bytes:
    at = START + timedelta(milliseconds=number)
    call_id = f"call_{number:08d}"
    function = {"name": tool, "arguments": text}
    line = {
        "at": at.isoformat(),
        "principal": PRINCIPAL,
        "tool_calls": [{"id": call_id, "type": "function", "function": function}],
        "outputs": {call_id: OUTPUT},
        "cost_micros": {call_id: 10},
    }
    return json.dumps(line).encode() + b"\n"


def run(calls: Path, source: Path, count: int) -> None:
    """Run the command on a recording, and see that it told of every call."""
    done = CliRunner().invoke(command, ["--calls", str(calls), str(source), "--json"])
    assert done.exit_code == 0, done.output
    assert done.stdout.count("\n") == count + 1


def rate(calls: int, work: Callable[[], object]) -> float:
    """Return how many calls a second the work takes."""
    began = time.perf_counter()
    work()
    return calls / (time.perf_counter() - began)


def main() -> None:
    """Measure and print."""
    raw = list(recording())
    wide = sound(contract(TOOLS))
    loaded = load_policy(compile_contract(wide).runtime)
    encode = msgspec.json.Encoder().encode
    with tempfile.TemporaryDirectory() as folder:
        calls, source = Path(folder, "calls.jsonl"), Path(folder, "contract.json")
        calls.write_bytes(b"".join(raw))
        source.write_bytes(encode(contract_document(wide)))

        def loop() -> None:
            for outcome in simulate(loaded, LineReader(raw), late_results_in(loaded, raw)):
                encode(outcome)
            assert isinstance(outcome, SummaryLine)
            assert outcome.summary.allow > outcome.summary.deny > 0, outcome

        few_lines = list(plain_recording())
        few_calls, few_source = Path(folder, "few.jsonl"), Path(folder, "few.json")
        few_calls.write_bytes(b"".join(plain_recording(TIMES * ORDERS)))
        few_source.write_bytes(encode(contract_document(plain())))
        few = load_policy(compile_contract(plain()).runtime)

        def few_loop() -> None:
            for outcome in simulate(few, LineReader(few_lines), late_results_in(few, few_lines)):
                encode(outcome)
            assert isinstance(outcome, SummaryLine)
            assert outcome.summary.allow > outcome.summary.deny > 0, outcome

        def whole() -> None:
            run(calls, source, len(raw))

        def few_whole() -> None:
            run(few_calls, few_source, TIMES * len(raw))

        works = {
            "simulate, lines in memory": (loop, 1),
            "placet policy simulate": (whole, 1),
            "simulate, three plain tools": (few_loop, 1),
            "placet policy simulate, three plain tools": (few_whole, TIMES),
        }
        rounds: dict[str, list[float]] = {name: [] for name in works}
        for _ in range(ROUNDS):
            for name, (work, times) in works.items():
                rounds[name].append(rate(times * len(raw), work))
    for name, figures in rounds.items():
        told(name, figures, "calls/s")


if __name__ == "__main__":
    main()
