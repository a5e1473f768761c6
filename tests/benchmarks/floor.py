"""The floor of a governed call: its three database functions, called by pgbench.

What the service sends for one call is recorded, and told again with fresh ids: the same functions,
the same sizes, the same checks, and every transaction as durable; only the service is left out.
"""

import json
import statistics
import subprocess
import tempfile
from collections.abc import Hashable
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import asyncpg
from tests.benchmarks.stand import NOTE, Seat
from tests.replay.desk import Worker

from placet.kernel.value import Value
from placet.replay.calls.runtime import Runtime
from placet.storage.database import HotPool
from placet.storage.embedded.binaries import locate
from placet.storage.warm import called

STEP: Final = ("preflight_v1", "propose_v1", "receipt_v1")
_PARAMETERS: Final = """
SELECT a.name, a.type::regtype::text AS type
FROM pg_proc AS p,
     unnest(p.proargnames[1:p.pronargs], p.proargtypes::oid[])
         WITH ORDINALITY AS a(name, type, place)
WHERE p.pronamespace = 'placet'::regnamespace AND p.proname = $1
ORDER BY a.place
"""


class Recorded(Value, frozen=True):
    """One function as the service called it: each parameter with its type and its value."""

    name: str
    parameters: list[tuple[str, str, Any]]

    def value(self, name: str) -> Any:  # noqa: ANN401 -- whatever the service sent
        """Return what was sent in one parameter."""
        return next(value for found, _, value in self.parameters if found == name)


class _Recording(HotPool):
    """A hot pool that keeps what goes through it."""

    def __init__(self, hot: HotPool) -> None:
        # The same connections, whatever lends them.
        vars(self).update(vars(hot))
        self.told: list[tuple[str, tuple[object, ...]]] = []

    async def rows(
        self, query: str, *arguments: object, reserved: bool = False, owed: bool = False
    ) -> list[asyncpg.Record]:
        """Keep the call and make it."""
        self.told.append((query, arguments))
        return await super().rows(query, *arguments, reserved=reserved, owed=owed)

    async def together(
        self,
        name: str,
        key: Hashable,
        session: UUID,
        arguments: tuple[object, ...],
        *,
        owed: bool = False,
    ) -> asyncpg.Record:
        """Make the call by itself, as a lone one is made."""
        del key, session
        return await self.call(called(name, len(arguments)), *arguments, owed=owed)


async def record(runtime: Runtime, worker: Worker, admin_url: str) -> list[Recorded]:
    """Take one call through the service, and return what it sent to the database."""
    runtime.db.hot = recording = _Recording(runtime.db.hot)
    (call,) = await worker.propose((NOTE.name, NOTE.arguments))
    await worker.report(call)
    admin = await asyncpg.connect(admin_url)
    made = []
    for (query, arguments), name in zip(recording.told, STEP, strict=True):
        assert f"placet.{name}(" in query
        declared = await admin.fetch(_PARAMETERS, name)
        made.append(
            Recorded(
                name=name,
                parameters=[
                    (row["name"], row["type"], value)
                    for row, value in zip(declared, arguments, strict=True)
                ],
            )
        )
    await admin.close()
    return made


def script(step: list[Recorded], seats: list[Seat], leases: list[tuple[int, int, int]]) -> str:
    """Return the step for pgbench. A lease is the state's version, the epoch and the fence."""
    preflight, propose, receipt = step
    call = next(part["call_id"] for part in json.loads(propose.value("p_calls")))
    before, after = (_text(part) for part in propose.value("p_calls").split(call))
    state = propose.value("p_state")
    moved = "" if receipt.value("p_state") == state else "  "
    prepared = {"p_prepared": "u.id"}
    proposed = {
        "p_prepared": ":prepared",
        "p_calls": f"({before} || u.id::text || {after})",
        "p_state": _state(state, ""),
    }
    received = {
        "p_call": ":call",
        "p_receipt": "u.id",
        "p_idempotency_key": "u.id::text",
        "p_state": _state(state, moved),
    }
    return "\n".join(
        (
            *_once(seats, leases),
            _asked("f.code, u.id AS prepared", preflight, prepared),
            _asked("f.code, f.state_version AS version, u.id AS call", propose, proposed),
            _asked("f.code, f.state_version AS version", receipt, received),
            "",
        )
    )


def _once(seats: list[Seat], leases: list[tuple[int, int, int]]) -> tuple[str, ...]:
    """Return what a client asks first: which session is its own, and under which lease."""
    columns = {
        "session": [_literal(seat.session_id) for seat in seats],
        "holder": [_literal(seat.holder) for seat in seats],
        "version": [str(lease[0]) for lease in leases],
        "epoch": [str(lease[1]) for lease in leases],
        "fence": [str(lease[2]) for lease in leases],
    }
    chosen = ", ".join(
        f"(ARRAY[{', '.join(values)}])[:client_id + 1] AS {name}"
        for name, values in columns.items()
    )
    return "\\if :known", "\\else", f"SELECT {chosen} \\gset", "\\set known 1", "\\endif"


def _asked(columns: str, function: Recorded, given: dict[str, str]) -> str:
    """Return one call of a function with a fresh id, and what is kept of its answer."""
    return (
        f"SELECT {columns} FROM (SELECT uuidv7() AS id OFFSET 0) AS u,"  # noqa: S608 -- our own text
        f" LATERAL {_called(function, given)} \\gset"
    )


def run(text: str, database_url: str, clients: int, seconds: float) -> tuple[float, float]:
    """Return the calls a second, and the median of one call's milliseconds."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "step.sql").write_text(text)
        program = [
            locate(None).program("pgbench"),
            *("--no-vacuum", "--protocol=prepared", "--define=known=0", "--log"),
            *(f"--client={clients}", f"--jobs={min(clients, 2)}", f"--time={seconds:.0f}"),
            *(f"--file={place / 'step.sql'}", database_url),
        ]
        done = subprocess.run(program, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603 -- our own program
        if done.returncode:
            raise RuntimeError(done.stderr)
        took = [int(line.split()[2]) for log in place.glob("pgbench_log.*") for line in log.open()]
    return len(took) / seconds, statistics.median(took) / 1000


def _called(function: Recorded, given: dict[str, str]) -> str:
    bound = {
        "p_session": ":session",
        "p_epoch": ":epoch",
        "p_fence": ":fence",
        "p_decided_version": ":version",
        "p_holder": ":holder",
        "p_event": "uuidv7()",
        **given,
    }
    parts = []
    for name, kind, value in function.parameters:
        made = bound.get(name)
        if name == "p_events":
            made = f"ARRAY[{', '.join('uuidv7()' for _ in value)}]"
        parts.append(f"{name} => CAST({made or _literal(value)} AS {kind})")
    return f"placet.{function.name}({', '.join(parts)}) AS f"


def _state(state: bytes, moved: str) -> str:
    """Return the state as it was, or with a space at its end: another one each time."""
    return f"({_literal(state)} || convert_to(repeat(' ', :version::int % 2) || '{moved}', 'UTF8'))"


def _literal(value: object) -> str:
    match value:
        case None:
            return "NULL"
        case bool() | int():
            return str(value).lower()
        case bytes():
            return f"'\\x{value.hex()}'::bytea"
        case UUID():
            return f"'{value}'::uuid"
        case datetime():
            return _text(value.isoformat())
        case list() | tuple():
            return f"ARRAY[{', '.join(_literal(part) for part in value)}]"
        case _:
            return _text(str(value))


def _text(value: str) -> str:
    """Return a literal without a colon, which pgbench would take for a variable."""
    escaped = "".join(f"\\x{ord(letter):02x}" if letter in ":'\\" else letter for letter in value)
    return f"E'{escaped}'"
