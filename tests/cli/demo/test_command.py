"""The whole demo, as one runs it: its figures are counted again here, by other means."""

import base64
import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from placet.cli import service
from placet.cli.exits import Exit
from placet.storage.embedded.cluster import runs

Placet = Callable[..., Any]
DEMO = (sys.executable, "-m", "placet", "demo", "--once", "--json")


def _events(export: Path) -> list[dict[str, Any]]:
    """Return the events of an export with their bodies."""
    lines = [json.loads(line) for line in export.read_text().splitlines()]
    events = [line for line in lines if line["kind"] == "event"]
    return [event | {"body": json.loads(base64.b64decode(event["body"]))} for event in events]


def _bodies(events: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [event["body"] for event in events if event["type"] == kind]


def _is_good(export: Path) -> bool:
    """Return the verdict of the verifier, in a process that knows nothing else."""
    command = [sys.executable, "-m", "placet", "verify", "--json", str(export)]
    done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 -- our own program
    good: bool = json.loads(done.stdout)["good"]
    return good


def _refused_starts(url: str) -> int:
    """Return how many requests to start a call the service has answered by 409."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=60) as answer:  # noqa: S310 -- the address that `up` printed
        lines = answer.read().decode().splitlines()
    found = [line for line in lines if "requests_total" in line and "/start" in line]
    return sum(int(float(line.split()[-1])) for line in found if '"409"' in line)


def test_the_figures_of_the_story_are_those_of_its_export_and_its_orders(
    placet: Placet, folder: Path, tmp_path: Path
) -> None:
    running = json.loads(placet("up", "--detach", "--json").stdout)
    export = tmp_path / "export.jsonl"
    done = subprocess.run(  # noqa: S603 -- our own program
        [*DEMO, "--keep-export", export], capture_output=True, text=True, check=False
    )
    assert done.returncode == Exit.OK, done.stderr
    (line,) = done.stdout.splitlines()
    figures = json.loads(line)
    events = _events(export)
    heads = json.loads(export.read_text().splitlines()[0])["streams"]
    proposed = Counter(body["status"] for body in _bodies(events, "CallProposed"))
    settled = _bodies(events, "CallSettled")
    # The overtaken worker's call may become unknown too before the export, and nobody settles it.
    unknown = {body["call_id"] for body in _bodies(events, "CallBecameUnknown")}
    (orders,) = (folder / "demo").glob("*.sqlite")
    with contextlib.closing(sqlite3.connect(orders)) as db:
        paid = db.execute("SELECT order_id, call_id, amount_cents FROM refunds").fetchall()
        stale = db.execute("SELECT count(*) FROM refused_writes").fetchone()[0]
    by_operator = [body for body in settled if body["call_id"] in unknown]
    committed = [body for body in settled if body["commit_state"] == "committed"]
    assert figures.pop("seconds") > 30
    assert figures == {
        "allowed": proposed["granted"],
        "blocked": proposed["blocked"],
        "committed": len(committed),
        "refused_stale_writes": stale + _refused_starts(running["url"]),
        "unknown_settled": len([body for body in by_operator if body["receipt_id"] is None]),
        "events": sum(head["head_seq"] for head in heads),
        "chain_verified": _is_good(export),
        "orders_refunded": len({order for order, _, _ in paid}),
    }
    assert len(events) == figures["events"]
    assert figures["unknown_settled"] == 1
    assert figures["refused_stale_writes"] == 2
    assert figures["blocked"] == 3
    # What was paid is what was granted and committed, call by call, and nothing else.
    refunds = {body["call_id"] for body in committed if body["tool"] == "issue_refund"}
    assert {call for _, call, _ in paid} == refunds
    assert all(amount <= 50_000 for _, _, amount in paid)
    late = [
        event
        for event in events
        if event["type"] == "ReceiptReceived" and event["body"]["fence"] < event["fence"]
    ]
    assert [event["body"]["status"] for event in late] == ["failed"]
    assert service.find(folder) == service.Running(**running)


def test_an_export_that_cannot_be_kept_is_refused_before_anything_is_started(
    placet: Placet, folder: Path
) -> None:
    done = placet("demo", "--once", "--keep-export", str(folder / "missing" / "all.jsonl"))
    assert done.returncode == Exit.USAGE
    assert "--keep-export" in done.stderr
    assert list(folder.iterdir()) == []


@pytest.mark.usefixtures("environment")
def test_an_interrupted_story_leaves_nothing_running(folder: Path) -> None:
    with subprocess.Popen(  # noqa: S603 -- our own program
        DEMO, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        assert any("worker C" in line for line in process.stderr), "a worker was at work"
        process.send_signal(signal.SIGINT)
        out, said = process.communicate(timeout=120)
    assert process.returncode == Exit.INTERRUPTED, said
    assert out == ""
    assert "Traceback" not in said
    assert service.find(folder) is None
    assert not runs(folder)
    assert _workers_of(folder) == []


def _workers_of(folder: Path) -> list[str]:
    """Return the command lines of workers that were started for a data folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            told = os.fsencode(f"PLACET_DATA_DIR={folder}")
            if "demo.worker" in command and told in (process / "environ").read_bytes():
                found.append(command)
    return found
