"""How fast a bundle is verified: `python -m tests.benchmarks.verifying [--events N] [--rounds N]`.

Makes a bundle of governed calls in sessions of a hundred, in a temporary file, and verifies it as
the command does, with as many processes as there are cores, and with one. The same events under
types that the verifier does not read cost the chain alone: hashes, order and the canonical form.
Beside them run two controls that any reader of these bytes would have to pay: SHA-256 of the file,
and decoding its lines with msgspec. Prints one JSON object: rates in events per second, the medians
of the rounds with their spread, and resident memory in MB.
"""

import argparse
import base64
import hashlib
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

import msgspec

from placet.evidence.bundle import (
    BundleHeaderV2,
    BundleScope,
    LineV2,
    ManifestV2,
    ScopeKind,
    SectionHashes,
    StreamHead,
)
from placet.evidence.fields import Fence
from placet.evidence.leaf import EventHeader, body_hash, event_leaf, microseconds
from placet.evidence.verify import cores, verify_bundle
from placet.kernel.hashing import Digest
from placet.kernel.ids import ActorId, TenantId
from placet.kernel.value import Value
from placet.replay.calls.events import (
    CallProposed,
    CallSettled,
    CallStarted,
    ProposalDecided,
    ReceiptReceived,
    RequestPrepared,
)
from placet.replay.calls.model import (
    CallStatus,
    CommitState,
    EvidenceLevel,
    ReasonView,
    ReceiptStatus,
    Verdict,
)

CALLS: Final = 100
"""Calls of one session."""

BEGAN: Final = datetime(2026, 3, 1, tzinfo=UTC)
TENANT: Final = TenantId(UUID(int=1))
ACTOR: Final = ActorId(UUID(int=2))
_ENCODER: Final = msgspec.json.Encoder(order="sorted")
_LINE: Final = msgspec.json.Decoder(LineV2)


def said_of_call(session: int, number: int) -> Iterator[Value]:
    """Yield what the service says of one governed call that was started and settled."""
    base = session * 1_000 + number
    call, prepared, receipt, start = (UUID(int=(base << 8) + kind) for kind in range(4))
    hashes = [hashlib.sha256(b"%d %d" % (base, kind)).hexdigest() for kind in range(3)]
    tools = ["find_order", "refund_order"]
    yield RequestPrepared(
        prepared_request_id=prepared,
        request_hash=hashes[0],
        model="model-1",
        offered_tools=tools,
        tools=tools,
    )
    yield ProposalDecided(
        prepared_request_id=prepared,
        request_hash=hashes[0],
        proposal_hash=hashes[1],
        calls=1,
        granted=1,
        counting=1,
    )
    reason = ReasonView(code="allowed", rule="tools.refund_order", detail="the contract allows it")
    yield CallProposed(
        call_id=call,
        prepared_request_id=prepared,
        ordinal=0,
        tool_call_id=f"call_{number}",
        tool="refund_order",
        arguments_hash=hashes[2],
        verdict=Verdict.ALLOW,
        status=CallStatus.GRANTED,
        layer=3,
        reasons=[reason],
        blocked_why=None,
        effect_key=None,
        start_required=True,
        phase_after=None,
        counts=True,
    )
    yield CallStarted(call_id=call, start_id=start)
    yield ReceiptReceived(
        receipt_id=receipt,
        call_id=call,
        idempotency_key=f"receipt-{number}",
        status=ReceiptStatus.SUCCEEDED,
        evidence_level=EvidenceLevel.CLIENT_REPORTED,
        arguments_hash=hashes[2],
        output_hash=hashes[0],
        external_ref=None,
        epoch=1,
        fence=1,
    )
    yield CallSettled(
        call_id=call,
        tool="refund_order",
        outcome=ReceiptStatus.SUCCEEDED,
        commit_state=CommitState.COMMITTED,
        evidence_level=EvidenceLevel.CLIENT_REPORTED,
        receipt_id=receipt,
        settlement_id=None,
        reason=None,
        phase_after=None,
        phase_conflict=False,
        remembered=None,
    )


def session_lines(session: int, prefix: str) -> tuple[StreamHead, list[bytes]]:
    """Return the head and the events of one session, chained as the database chains them."""
    stream, prev, lines = UUID(int=(3 << 64) + session), Digest(bytes(32)), []
    said = [one for number in range(CALLS) for one in said_of_call(session, number)]
    for seq, one in enumerate(said, 1):
        event_id = UUID(int=(4 << 64) + session * 1_000 + seq)
        salt, body = hashlib.sha256(event_id.bytes).digest()[:16], _ENCODER.encode(one)
        header = EventHeader(
            tenant_id=TENANT,
            stream_id=stream,
            event_id=event_id,
            actor_id=ACTOR,
            fence=Fence(epoch=1, n=1),
            control_epoch=0,
            control_revision=0,
            at=BEGAN + timedelta(milliseconds=seq),
            seq=seq,
            prev=prev,
            body_hash=body_hash(salt, body),
            type=prefix + type(one).__name__,
        )
        lines.append(_line(header, salt, body))
        prev = event_leaf(header)
    head = StreamHead(stream_id=stream, kind="session", head_seq=len(lines), head_leaf=prev.hex())
    return head, lines


def _line(header: EventHeader, salt: bytes, body: bytes) -> bytes:
    plain = {
        "actor_id": str(header.actor_id),
        "body": base64.b64encode(body).decode(),
        "body_hash": header.body_hash.hex(),
        "control_epoch": header.control_epoch,
        "control_revision": header.control_revision,
        "epoch": header.fence.epoch,
        "event_id": str(header.event_id),
        "fence": header.fence.n,
        "kind": "event",
        "leaf": event_leaf(header).hex(),
        "prev": header.prev.hex(),
        "salt": base64.b64encode(salt).decode(),
        "seq": header.seq,
        "stream_id": str(header.stream_id),
        "tenant_id": str(header.tenant_id),
        "time": microseconds(header.at),
        "type": header.type,
    }
    return msgspec.json.encode(plain) + b"\n"


def write_bundle(folder: Path, events: int, prefix: str = "") -> Path:
    """Write a bundle of about so many events, and return where it stands.

    With a prefix of their types, nobody reads what they say.
    """
    file, inner = folder / f"bundle{prefix}.jsonl", folder / "events.jsonl"
    heads = []
    with inner.open("wb") as stream:
        for session in range(-(-events // (CALLS * 6))):
            head, lines = session_lines(session, prefix)
            heads.append(head)
            stream.writelines(lines)
    header = BundleHeaderV2(
        tenant_id=TENANT,
        exported_at=BEGAN,
        scope=BundleScope(kind=ScopeKind.TENANT),
        streams=tuple(heads),
        keys=(),
    )
    first = _ENCODER.encode(header) + b"\n"
    readme = b'{"kind":"readme","text":"a bundle to be measured with"}\n'
    whole, nothing = hashlib.sha256(first + readme), hashlib.sha256().hexdigest()
    with file.open("wb") as stream, inner.open("rb") as source:
        stream.write(first + readme)
        while part := source.read(1 << 20):
            whole.update(part)
            stream.write(part)
        named = {"header": first, "readme": readme}
        sections = dict.fromkeys(SectionHashes.__struct_fields__, nothing)
        sections |= {name: hashlib.sha256(line).hexdigest() for name, line in named.items()}
        manifest = ManifestV2(
            events=sum(head.head_seq for head in heads),
            lines=SectionHashes(**sections),
            sha256=whole.hexdigest(),
        )
        stream.write(_ENCODER.encode(manifest) + b"\n")
    inner.unlink()
    return file


def verified(file: Path, processes: int) -> int:
    """Return how many events were found good."""
    with file.open("rb") as stream:
        report = verify_bundle(stream, processes=processes)
    assert report.is_good, report.flaw
    return report.events


def hashed(file: Path) -> int:
    """Hash the file, the least that any verifier does."""
    found = hashlib.sha256()
    with file.open("rb") as stream:
        while part := stream.read(1 << 20):
            found.update(part)
    return len(found.digest())


def decoded(file: Path) -> int:
    """Decode the lines of the events, and check nothing."""
    with file.open("rb") as stream:
        stream.readline()
        return sum(_LINE.decode(line) is not None for line in stream)


def once(way: str, file: Path) -> None:
    """Do one thing to the file, and print seconds, CPU seconds and memory. For a fresh process."""
    ways: dict[str, Callable[[], int]] = {
        "verify": lambda: verified(file, cores()),
        "verify_alone": lambda: verified(file, 1),
        "chain": lambda: verified(file, cores()),
        "sha256": lambda: hashed(file),
        "msgspec": lambda: decoded(file),
    }
    begin, worked = time.perf_counter(), time.process_time()
    ways[way]()
    seconds, cpu = time.perf_counter() - begin, time.process_time() - worked
    own, children = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    cpu += children.ru_utime + children.ru_stime
    told = {
        "seconds": seconds,
        "cpu": cpu,
        "rss": own.ru_maxrss // 1024,
        "rss_child": children.ru_maxrss // 1024,
    }
    sys.stdout.write(json.dumps(told))


def measured(file: Path, unread: Path, events: int, rounds: int) -> dict[str, object]:
    """Return the rates of all ways, taken in turn."""
    names = ("verify", "verify_alone", "chain", "sha256", "msgspec")
    found: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    for _ in range(rounds):
        for name, runs in found.items():
            command = [sys.executable, "-m", "tests.benchmarks.verifying", "--once", name]
            which = unread if name == "chain" else file
            done = subprocess.run([*command, str(which)], capture_output=True, check=True)  # noqa: S603 -- of our own
            runs.append(json.loads(done.stdout))
    told: dict[str, object] = {"events": events, "bytes": file.stat().st_size, "cores": cores()}
    for name, runs in found.items():
        rates = sorted(events / run["seconds"] for run in runs)
        told[name] = {
            "per_second": round(statistics.median(rates)),
            "spread": [round(rates[0]), round(rates[-1])],
            "cpu_us": round(min(run["cpu"] for run in runs) / events * 1e6, 2),
            "rss_mb": max(run["rss"] for run in runs),
            "rss_child_mb": max(run["rss_child"] for run in runs),
        }
    return told


def main() -> None:
    """Read the command line, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--once", nargs=2, metavar=("WAY", "FILE"))
    given = parser.parse_args()
    if given.once:
        once(given.once[0], Path(given.once[1]))
        return
    with tempfile.TemporaryDirectory() as folder:
        file = write_bundle(Path(folder), given.events)
        unread = write_bundle(Path(folder), given.events, "Un")
        events = verified(file, cores())
        told = measured(file, unread, events, given.rounds)
        sys.stdout.write(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
