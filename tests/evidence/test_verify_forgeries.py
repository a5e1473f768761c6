"""Whoever can do everything but sign forges nothing: what passes says what was signed and logged.

Keys and the last checkpoint were kept outside. A forged bundle may leave out what it can leave out
of a bundle of smaller scope, change what nobody signed, and tell of events that it does not prove
to be in the log; and the report says so. `PLACET_TAMPERED` says how many are tried.
"""

import base64
import io
import json
import random  # noqa: TID251 -- from a seed: the same forgeries each time
from collections import Counter

from tests.evidence.bundle_samples import all_keys, bundle_v2
from tests.evidence.forgeries import LOG, NAMES, Document, Forged, events_of, forged, of_kind
from tests.evidence.tampered import IS_WHOLE, MUTANTS

from placet.evidence.bundle import KeyList
from placet.evidence.dsse import encode_envelope
from placet.evidence.verify import BundleReport, parse_held, verify_bundle

GOOD = bundle_v2()
DOCUMENTS = [json.loads(line) for line in GOOD]
PINNED = KeyList(version=1, keys=all_keys())
HELD = parse_held(encode_envelope(LOG.checkpoint(len(LOG.leaves))))
FORGERIES = MUTANTS // (10 if IS_WHOLE else 8)
LATE = "in the log: they came after its last checkpoint"


def check(data: bytes) -> BundleReport:
    """Verify with what was kept outside."""
    return verify_bundle(io.BytesIO(data), PINNED, held=HELD)


def signed_in(documents: list[Document]) -> set[tuple[str, ...]]:
    """Return everything in a bundle that somebody signed."""
    envelopes = [one["envelope"] for one in documents if "envelope" in one]
    for one in of_kind(documents, "dossier"):
        for line in map(json.loads, one["text"].splitlines()):
            envelopes += [line["envelope"]] if "envelope" in line else []
            envelopes += json.loads(line["proof"])["votes"] if "proof" in line else []
    return {(one["payloadType"], one["payload"], one["signatures"][0]["sig"]) for one in envelopes}


SIGNED = signed_in(DOCUMENTS)
EVENTS = events_of(DOCUMENTS)


def what_is_forged(documents: list[Document], report: BundleReport) -> str | None:
    """Return what a bundle says, and was believed, that nobody said."""
    if not signed_in(documents) <= SIGNED:
        return "a signed document"
    streams, logged, new = events_of(documents), 0, 0
    proved: dict[str, int] = {}
    for one in of_kind(documents, "inclusion"):
        proved[one["stream_id"]] = max(one["seq"], proved.get(one["stream_id"], 0))
    for stream, events in streams.items():
        real, last = EVENTS.get(stream, []), proved.get(stream, 0)
        logged += last
        new += any(one not in real for one in events)
        for one, other in zip(events[:last], real, strict=False):
            if {**one, "body": None, "salt": None} != {**other, "body": None, "salt": None}:
                return f"event {one['seq']} of {stream}"
            if one["body"] is not None and one["body"] != other["body"]:
                return f"the body of event {one['seq']} of {stream}"
        if last > len(real):
            return f"an event after the last of {stream}"
    if report.logged != logged:
        return "what is in the log"
    if new and not any(LATE in sentence for sentence in report.not_proved):
        return "events, of which it is not told that they are not in the log"
    return None


def is_same(one: Forged) -> bool:
    """Tell whether nothing was changed after all."""
    return one.data == b"".join(GOOD)


def test_what_was_kept_outside_holds_for_the_good_bundle() -> None:
    report = check(b"".join(GOOD))
    assert report.flaw is None
    assert what_is_forged(DOCUMENTS, report) is None
    assert any("begins with the" in sentence for sentence in report.proved)


def test_a_forger_without_keys_makes_nobody_believe_what_nobody_said() -> None:
    passed: Counter[str] = Counter()
    tried: Counter[str] = Counter()
    for number in range(FORGERIES):
        one = forged(random.Random(number), GOOD)  # noqa: S311 -- the same forgeries each time
        if is_same(one):
            continue
        tried.update(one.ways)
        report = check(one.data)
        if report.flaw is None:
            assert what_is_forged(one.documents, report) is None, (number, one.ways)
            passed.update(one.ways)
    assert set(tried) == set(NAMES)
    assert 5 < passed.total() < tried.total() / 4


def test_the_judge_of_forgeries_finds_one() -> None:
    """What would have been believed, had the verifier not looked."""
    report = check(b"".join(GOOD))
    for kind, change in (("event", {"type": "Other"}), ("grant", {"envelope": "stranger"})):
        documents = [json.loads(line) for line in GOOD]
        line = of_kind(documents, kind)[0]
        if kind == "grant":
            sig = base64.b64encode(bytes(64)).decode()
            line["envelope"]["signatures"] = [{"keyid": "", "sig": sig}]
        else:
            line.update(change)
        assert what_is_forged(documents, report) is not None
    documents = [one for one in DOCUMENTS if one["kind"] != "inclusion"]
    assert what_is_forged(documents, report) == "what is in the log"
