"""A process that reads hostile texts: `python hostile.py`, started by `test_hostile.py`.

It names each text before it reads it, so that its last line tells which one it died of, and ends
with how many it read and how much its memory grew. Each may take 20 s of the processor.
"""

import hashlib
import json
import resource
import signal
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Final

import msgspec
import yaml

from placet.policy.checks.codes import CODES
from placet.policy.text.directory import parse_directory
from placet.policy.text.parse import Form, Located, parse_located
from placet.policy.text.tree import FINDINGS_MAX, TEXT_BYTES_MAX

EXAMPLE: Final = (Path(__file__).parents[1] / "example.yaml").read_bytes()
FULL: Final = TEXT_BYTES_MAX
SECONDS_MAX: Final = 20
MUTANTS: Final = 900
TOOL: Final = (
    '{"schema_version": "1", "agent": "a", "tools": [{"tool": "a", "side_effect": "read",'
    '"evidence_class": "ack_only", "commit_requirement": "none", "input_schema": {"enum": ['
)
TOKENS: Final = [
    *("&a ", "*a", "<<: ", "!!int ", "! ", "\t", "%TAG ! a\n", "? ", "- ", ": ", "{", "}", "["),
    *("]", '"', "'", "|", ">", "#", "\0", "\ufeff", "\x85", "\u2028", "\U0001f600", "0x", "1e999"),
    *(".inf", "yes", "---\n", "...\n", ",", "\n", "\r", "\\", "null", "0777", "9" * 120, "k" * 600),
    *("\\ud800", "\\u0000", "1_0", "12:30", "2026-11-20", "-", "@", "`", "&", "*", "${", "\x7f"),
]

FAST: Final = [
    *("[", "{", "- ", "? ", '"', "'", "\t", "#", "#\n", "|\n", "x: ", "!", "&a ", "*a ", "[a, "),
    *("{? ", "{a: ", "---\n", "...\n", ",", ":", "\n", " ", "1", "x", "-", "\0", "\U0001f600"),
]
"""What is refused soon: it is repeated up to the bound of a text."""

SLOW: Final = [
    *("x:\n", "- |\n", "- yes\n", "- &a b\n", "- *a\n", "- ! a\n", "1: 2\n", "<<: 1\n", "- 0777\n"),
    *("- [\n", "- [x]\n"),
]
"""What is read to its end: it is repeated some ten thousand times."""


class Dice:
    """Numbers that look drawn, and are the same in every run."""

    def __init__(self, seed: str) -> None:
        """Begin with a seed."""
        self.seed, self.count = seed, 0

    def below(self, end: int) -> int:
        """Return the next number below `end`."""
        self.count += 1
        drawn = hashlib.blake2b(f"{self.seed}{self.count}".encode(), digest_size=8).digest()
        return int.from_bytes(drawn, "big") % end


def mutants(text: bytes, seed: str) -> Iterator[bytes]:
    """Yield texts that differ from a good one by a few flips, cuts, copies and hostile tokens."""
    dice = Dice(seed)
    for _ in range(MUTANTS):
        made = bytearray(text)
        for _ in range(1 + dice.below(4)):
            at = dice.below(len(made) + 1)
            end = min(len(made), at + dice.below(60))
            match dice.below(5):
                case 0:
                    made[at:end] = b""
                case 1:
                    made[at:at] = made[at:end]
                case 2:
                    made[at : at + 1] = bytes([dice.below(256)])
                case 3:
                    made[at:at] = TOKENS[dice.below(len(TOKENS))].encode()
                case _:
                    made[at : at + 1] = TOKENS[dice.below(len(TOKENS))].encode()
        yield bytes(made)


def filled(values: str) -> str:
    """Return a contract whose one schema holds these values."""
    return f"{TOOL}{values}]}}}}]}}"


def rich() -> Iterator[str]:
    """Yield contracts that hold as much as they may, and a little more."""
    for one, count in (("{}", 79_900), ("1e1", 79_900)):
        yield filled(",".join([one] * count))
    yield filled(",".join(f'"{at:05x}"' for at in range(79_900)))
    yield filled(",".join(f'{{"{at:05x}":{{}}}}' for at in range(39_900)))
    yield filled("{" + ",".join(f'"{at:05x}":1' for at in range(79_800)) + "}")
    yield filled(",".join(["1"] * 400_000))
    yield filled(",".join(["[" * 20 + "]" * 20] * 20_000))
    yield filled(",".join(f'"{chr(0x1F600 + at % 50)}"' for at in range(79_900)))
    yield "{" + ",".join(f'"k{at}":1' for at in range(79_000)) + "}"
    yield "{" + ",".join('"k":1' for _ in range(150_000)) + "}"
    deep = ('{"' + "k" * 499 + '":') * 20
    yield f"{deep}{{{','.join(f'{chr(34)}a{at}{chr(34)}:{{}}' for at in range(39_000))}}}{'}' * 20}"


def hostile() -> Iterator[str]:
    """Yield texts that a reader may choke on."""
    for one in FAST:
        yield (one * (FULL // len(one)))[:FULL]
    for one in SLOW:
        yield one * 30_000
    yield from ("\ufeff" * 300_000, "\x85" * 500_000, "a: \U0001f600" * 100_000)
    yield from ("a: " + "9" * 1_000_000, "a: '" + "\n" * 1_000_000, 'a: "' + "\\n" * 500_000 + '"')
    yield "&" + "a" * 1_000_000 + " b"
    yield "!<" + "a" * 1_000_000 + "> b"
    yield "".join(f"%TAG !a{at}! b\n" for at in range(60_000)) + "--- a"
    yield "a: 1\n...\n" + "".join(f"%TAG !a{at}! b\n" for at in range(60_000)) + "--- a"
    yield "".join(" " * (at % 30) + f"k{at}:\n" for at in range(40_000))
    yield "".join(" " * at + f"k{at}:\n" for at in range(1_400))
    bomb = "".join(f"x{at}: &x{at} [{f'*x{at - 1},' * 9}]\n" for at in range(1, 3_000))
    yield f"x0: &x0 [a]\n{bomb}"
    yield '{"a": ' * 150_000
    yield '{"a": "' + "\\u0041" * 170_000 + '"}'
    yield '{"a": "' + "\\ud83d" * 170_000 + '"}'


def directories() -> Iterator[dict[str, bytes]]:
    """Yield directories of hostile files and of hostile names."""
    yield {f"tools/{at}.yaml": b"- yes\n" * 150 for at in range(1_000)}
    yield {f"tools/{at}.yaml": b"&a [" * 40 for at in range(1_000)}
    yield {"/" * at + "x" * 200: b"" for at in range(900)}
    yield {"tools/" + "\n" * at + ".yaml": EXAMPLE for at in range(200)}
    for at, text in enumerate(mutants(EXAMPLE, "directory")):
        if at % 25 == 0:
            yield {"session.yaml": text, "tools/a.yaml": text[::-1], text.hex()[:20]: text}


def texts() -> Iterator[tuple[Form, bytes]]:
    """Yield every text with the form in which it is read."""
    as_json = json.dumps(yaml.safe_load(EXAMPLE), indent=1).encode()
    bases: list[tuple[Form, bytes]] = [("yaml", EXAMPLE), ("json", as_json)]
    for form, base in bases:
        yield from ((form, text) for text in mutants(base, form))
    for form in ("json", "yaml"):
        # What is rich takes long, and YAML is read into the same nodes.
        for text in chain(islice(rich(), None if form == "json" else 4), hostile()):
            yield form, text.encode()
        for code in ("utf-16", "utf-16-be", "utf-32", "latin-1"):
            yield form, EXAMPLE.decode().replace("refund", "rückgabe").encode(code)
        yield form, b"\xff" * FULL
        yield form, EXAMPLE * 300


def check(found: object) -> None:
    """Assert that what came back is a contract, or findings that can be told."""
    if isinstance(found, Located):
        return
    assert isinstance(found, list)
    assert 0 < len(found) <= FINDINGS_MAX
    for one in found:
        assert one.code in CODES, one.code
        assert one.message
        assert one.line is None or (one.line > 0 and one.column > 0)
    msgspec.json.encode(found)


def growth_kb() -> int:
    """Return the most memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main() -> None:
    """Read everything."""
    check(parse_located(EXAMPLE, "yaml"))
    check(parse_directory({"session.yaml": EXAMPLE}))
    before, count = growth_kb(), 0
    for form, text in texts():
        print(f"text {count}: {form} {text[:60]!r}, {len(text)} bytes", flush=True)  # noqa: T201 -- it reports so
        signal.setitimer(signal.ITIMER_PROF, SECONDS_MAX)
        check(parse_located(text, form))
        count += 1
    for files in directories():
        print(f"directory {count}: {next(iter(files))!r}", flush=True)  # noqa: T201 -- the same
        signal.setitimer(signal.ITIMER_PROF, SECONDS_MAX)
        check(parse_directory(files))
        count += 1
    print(json.dumps({"texts": count, "grown_kb": growth_kb() - before}))  # noqa: T201 -- the same


if __name__ == "__main__":
    main()
