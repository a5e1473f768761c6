"""What is refused line by line is refused where lines are followed by their bytes too.

The bundles are changed as somebody would who may write the manifest anew: other spellings of the
same values, chained and hashed again, so that only their form can tell.
"""

import base64
import contextlib
import hashlib
import io
import json
import random  # noqa: TID251 -- a test's own chance, the same in every run
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.evidence.samples import SESSION, Said, call_body, chained, header_of

from placet.evidence import verify as verifier
from placet.evidence.export import BundleWriter
from placet.evidence.verify import BundleReport, verify_bundle

TYPES = (
    "Note",
    'a"b',
    "a\\b",
    "a\x01b",
    "a\x7fb",
    "a\nb",
    "a/b",
    "żółw",
    'Note","type":"SessionStopped',
)
"""Types that nothing reads; of most of them one spelling counts, and others are near."""
BODIES: tuple[Any, ...] = (100, 1, 104, None, 108, "", "ab", 120, {}, [1], 124, {"n": 7}, 128)
NUMBERS = ("epoch", "fence", "control_epoch", "control_revision", "time", "seq")
IDS = ("tenant_id", "stream_id", "event_id", "actor_id")
FIELDS = (*IDS, *NUMBERS, "type", "salt", "body", "prev", "body_hash", "leaf", "kind")
HASHED_LAST = ("prev", "body_hash", "leaf", "kind")
"""What is changed only once all is chained: what it says is not for free."""
LETTERS = '0123456789abcfABCF-+_ "\\\t=/,:{}[]nulEe.\x00\x7f\u0661\u2028'

Texts = dict[str, str]
"""The text of each field of one event, as it stands in its line."""


def written() -> tuple[bytes, list[Texts]]:
    """Return the header of a bundle and its events: every type stands there often."""
    said = [Said("SessionOpened", {"agent": "refund-desk"})]
    kinds = (*TYPES, *TYPES[:1] * 3)
    said += [Said(kinds[at % len(kinds)], BODIES[at % len(BODIES)]) for at in range(27)]
    said += [Said("CallProposed", call_body(step)) for step in (1, 2, 3)]
    events, writer = chained(SESSION, said), BundleWriter()
    header = writer.header(header_of([(SESSION, "session", events)]))
    plain = [json.loads(writer.event(event)) for event in events]
    return header, [
        {name: json.dumps(value, ensure_ascii=False) for name, value in sorted(one.items())}
        for one in plain
    ]


HEADER, EVENTS = written()


def meant(text: str) -> str:
    """Return what a text says to a reader who takes any spelling."""
    try:
        return str(json.loads(text))
    except ValueError:
        return text[1:-1]


def number(text: str) -> bytes:
    """Return the eight bytes of a number, however it is written."""
    try:
        return int(text.strip('"')).to_bytes(8, "big")
    except ValueError:
        return int(float(text.strip('"'))).to_bytes(8, "big")


def chain_anew(events: list[Texts], at: int) -> None:
    """Hash the events from one on again, as far as what they say can be read at all."""
    for before, one in zip(events[at - 1 :], events[at:], strict=False):
        one["prev"] = before["leaf"]
        with contextlib.suppress(ValueError, OverflowError):
            salt, body = (base64.b64decode(meant(one[name])) for name in ("salt", "body"))
            found = hashlib.sha256(b"placet.event_body.v1\x00" + salt + body).hexdigest()
            one["body_hash"] = f'"{found}"'
            kind = meant(one["type"]).encode()
            parts = [
                b"placet.event.v1\x00",
                *(bytes.fromhex(meant(one[name]).replace("-", "")) for name in IDS),
                *(number(one[name]) for name in NUMBERS),
                bytes.fromhex(meant(one["prev"])),
                bytes.fromhex(found),
                len(kind).to_bytes(2, "big"),
                kind,
            ]
            one["leaf"] = f'"{hashlib.sha256(b"".join(parts)).hexdigest()}"'


def bundle(events: list[Texts], spoil: Callable[[bytes], bytes] = bytes) -> bytes:
    """Return the bundle of these events, with a manifest of its own; one line is spoiled."""
    header = json.loads(HEADER)
    header["streams"][0]["head_leaf"] = meant(events[-1]["leaf"])
    lines = [form(header)]
    for one in events:
        inner = ",".join(f'"{name}":{text}' for name, text in one.items())
        lines.append(b"{" + inner.encode("utf-8", "surrogatepass") + b"}\n")
    lines[-5] = spoil(lines[-5])
    told = json.loads(BundleWriter().manifest())
    told |= {"events": len(events), "sha256": hashlib.sha256(b"".join(lines)).hexdigest()}
    return b"".join([*lines, form(told)])


def form(document: dict[str, Any]) -> bytes:
    """Return the line of a document."""
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def in_two_ways(data: bytes, file: Path) -> BundleReport:
    """Verify a bundle quickly, at once and in parts, and slowly; all must say the same."""
    file.write_bytes(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verifier, "_WORTH", 0)
        patch.setattr(verifier, "_CHUNK", 4_000)
        with file.open("rb") as stream:
            in_parts = verify_bundle(stream)
    quick = verify_bundle(io.BytesIO(data))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verifier, "_follow", lambda _data, at, _most, _chain, _known: (at, []))
        patch.setattr(verifier, "_SHAPES", {})
        slow = verify_bundle(io.BytesIO(data))
    assert quick == slow, data
    assert in_parts == slow, data
    return slow


def copied() -> list[Texts]:
    return [dict(one) for one in EVENTS]


Change = Callable[[random.Random, str, str], str]


def edited(chance: random.Random, _: str, text: str) -> str:
    for _turn in range(chance.choice([1, 1, 1, 2, 3])):
        at = chance.randrange(len(text) + 1)
        text = text[:at] + chance.choice(["", *LETTERS]) + text[at + chance.randrange(2) :]
    return text


def escaped(chance: random.Random, _: str, text: str) -> str:
    at = chance.randrange(1, max(2, len(text) - 1))
    spelled = f"\\u{ord(text[at : at + 1] or '0'):04{chance.choice('xX')}}"
    return text[:at] + chance.choice([spelled, "\\" + text[at : at + 1]]) + text[at + 1 :]


def padded(chance: random.Random, _: str, text: str) -> str:
    tail = chance.choice(["=", "=", "=", "==", "===", "====", " ", "\\n", "A", "A=", "-"])
    bare = text[:-1].rstrip("=") if chance.random() < 0.5 else text[:-1]
    return bare + tail + '"'


def respelled(chance: random.Random, _: str, text: str) -> str:
    """Write a number, or what else it is, in another way."""
    ways = ("0{}", "+{}", "-{}", "{}.0", "{}e0", " {}", "{} ", "0x{}", '"{}"', "[{}]", "-0", "{}_0")
    other = ("true", "null", "NaN", str(2**53), "9" * 5_000, '"' + text, text.upper(), text.lower())
    return chance.choice([*(way.format(text) for way in ways), *other])


def doubled(chance: random.Random, name: str, text: str) -> str:
    other = chance.choice([text, '"Note"', "1", "null"])
    return chance.choice([f'{text},"{name}":{other}', f'{other},"{name}":{text}'])


def raw(_: random.Random, _name: str, text: str) -> str:
    """Write a string as it is, without the escapes that it needs."""
    return '"' + meant(text) + '"'


CHANGES: tuple[tuple[Change, tuple[str, ...]], ...] = (
    (edited, FIELDS),
    (escaped, FIELDS),
    (padded, ("body", "body", "salt")),
    (respelled, NUMBERS),
    (respelled, FIELDS),
    (doubled, FIELDS),
    (raw, ("type",)),
)
"""How a field is changed, and which."""


def change_one(chance: random.Random, events: list[Texts]) -> None:
    """Change one field of one of the later events, and hash what follows again."""
    change, fields = chance.choice(CHANGES)
    at, name = chance.randrange(10, len(events)), chance.choice(fields)
    if name in HASHED_LAST:
        chain_anew(events, at)
    events[at][name] = change(chance, name, events[at][name])
    if name not in HASHED_LAST:
        chain_anew(events, at)


@pytest.mark.parametrize("seed", range(4))
def test_a_bundle_that_was_changed_at_chance_is_found_the_same_in_both_ways(
    seed: int, tmp_path: Path
) -> None:
    chance = random.Random(seed)  # noqa: S311 -- a test's own chance
    bad = 0
    for _ in range(60):
        events = copied()
        for _step in range(chance.choice((1, 1, 1, 2))):
            change_one(chance, events)
        bad += not in_two_ways(bundle(events), tmp_path / "bundle").is_good
    assert 30 < bad < 60


TAILS = ("", "=", "==", "===", "====")


@pytest.mark.parametrize("name", ["body", "salt"])
def test_base64_has_the_padding_that_it_needs_and_no_other_and_no_spare_bits(
    name: str, tmp_path: Path
) -> None:
    for at in range(10, 10 + (len(BODIES) if name == "body" else 1)):
        text = meant(EVENTS[at][name])
        bare = text.rstrip("=")
        others = {one + tail for one in (text, bare) for tail in TAILS} - {text}
        if bare != text:
            others.add(bare[:-1] + chr(ord(bare[-1]) + 1) + text[len(bare) :])
        for other in sorted(others):
            events = copied()
            events[at][name] = f'"{other}"'
            chain_anew(events, at)
            report = in_two_ways(bundle(events), tmp_path / "bundle")
            assert report.flaw is not None, other
            assert report.flaw.line == at + 2


@pytest.mark.parametrize("kind", TYPES)
def test_a_type_is_spelled_with_its_escapes_wherever_it_stands(kind: str, tmp_path: Path) -> None:
    held = [at for at, one in enumerate(EVENTS) if meant(one["type"]) == kind]
    needs = json.dumps(kind, ensure_ascii=False) != f'"{kind}"'
    events = copied()
    for at in held[1:]:
        events[at]["type"] = f'"{kind}"'
    assert in_two_ways(bundle(events), tmp_path / "bundle").is_good != needs


def test_what_stands_around_an_event_is_refused_in_both_ways(tmp_path: Path) -> None:
    spoils: tuple[Callable[[bytes], bytes], ...] = (
        lambda line: line[:-1] + b"\r\n",
        lambda line: line[:-1] + b" \n",
        lambda line: b" " + line,
        lambda line: b"\xef\xbb\xbf" + line,
        lambda line: line + b"\n",
        lambda line: line + line,
        lambda line: line[:-2] + b',"z":1}\n',
        lambda line: line[:-2] + b"\n",
        lambda line: line[:-1] + b"}\n",
        lambda line: line.replace(b'"kind":"event"', b'"kind":"event","kind":"event"'),
        lambda line: line.replace(b'"seq":', b'"seq": '),
        lambda line: line.replace(b'"type":"', b'"type":"\xff'),
        lambda line: line.replace(b'"type":"', b'"type":"\xed\xa0\x80'),
        lambda line: line.replace(b'"type":"', b'"\\u0074ype":"'),
    )
    assert in_two_ways(bundle(copied()), tmp_path / "bundle").is_good
    for spoil in spoils:
        assert not in_two_ways(bundle(copied(), spoil), tmp_path / "bundle").is_good


def test_no_time_has_the_hour_24_in_any_python() -> None:
    assert verifier._moment("2026-03-01T23:59:59Z").hour == 23  # noqa: SLF001 -- what reads a time
    for hour in ("24", "29", "30"):
        with pytest.raises(ValueError, match="a time in UTC is missing"):
            verifier._moment(f"2026-03-01T{hour}:00:00Z")  # noqa: SLF001 -- what reads a time


def test_lines_are_followed_by_their_bytes_where_they_are_compared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    behind: list[int] = []
    follow = verifier._follow  # noqa: SLF001 -- the quick way itself

    def counted(
        data: bytes, at: int, most: int, chain: verifier._Chain, known: verifier._Known
    ) -> verifier._Followed:
        before = chain.seq
        found = follow(data, at, most, chain, known)
        behind.append(chain.seq - before)
        return found

    monkeypatch.setattr(verifier, "_follow", counted)
    assert verify_bundle(io.BytesIO(bundle(copied()))).is_good
    # All of a plain type but the first: nine of one, two of two others each, and three calls.
    assert sum(behind) == 8 + 1 + 1 + 2
