r"""Bundles of the second form that were changed: each is found, and what was changed is named.

`PLACET_TAMPERED` says how many mutants to make; a run by hand takes 100000, and then every byte of
the bundle is flipped and every seventh cut behind. All of it, some twenty minutes of an idle core:

    PLACET_TAMPERED=100000 nice -n 19 python -m pytest -o faulthandler_timeout=0 -q --durations=20 \
        tests/evidence/test_verify_{tampered,mutants,forgeries,histories,processes,large}.py
"""

import random  # noqa: TID251 -- from a seed: the same places each time
import re
from collections.abc import Iterator

import pytest
from tests.evidence.branches import before_each_line
from tests.evidence.bundle_samples import bundle_v2
from tests.evidence.tampered import (
    EVENTS,
    FIRST_EVENT,
    IS_WHOLE,
    LINES,
    STARTS,
    WHOLE,
    check,
    names_it,
    rest_from,
)


def test_the_sample_has_what_is_to_be_changed() -> None:
    assert check(WHOLE).flaw is None
    assert EVENTS == 200
    assert LINES[FIRST_EVENT].startswith(b'{"actor_id"')
    assert b"".join(LINES) == WHOLE


def flipped(at: int) -> bytes:
    """Return the line with the byte at this place of the file, one bit of it another."""
    number = line_at(at)
    line = bytearray(LINES[number])
    line[at - STARTS[number]] ^= 1 << at % 8
    return bytes(line)


def line_at(at: int) -> int:
    """Return the line (from 0) of a byte."""
    return next(number for number, start in enumerate(STARTS) if at < start) - 1


def test_what_is_read_from_a_copy_of_the_state_is_what_the_whole_file_gives() -> None:
    """The shortcut of all that follows is none: it gives the very report of the long way."""
    luck = random.Random(20260302)  # noqa: S311 -- the same places each time
    places = {luck.randrange(len(WHOLE)) for _ in range(600 if IS_WHOLE else 100)}
    places |= {luck.randrange(start, end) for start, end in sections()}
    tried = 0
    for number, before in enumerate(before_each_line(LINES)):
        if number % 20 == 0:
            assert before.verify(rest_from(number)) == check(WHOLE)
        for at in sorted(places):
            if number < len(LINES) and STARTS[number] <= at < STARTS[number + 1]:
                rest = flipped(at) + rest_from(number + 1)
                assert before.verify(rest) == check(WHOLE[: STARTS[number]] + rest), at
                tried += 1
    assert tried == len(places)


def sections() -> Iterator[tuple[int, int]]:
    """Yield where each line begins and ends that is no event."""
    for number in range(len(LINES)):
        if not FIRST_EVENT <= number < FIRST_EVENT + EVENTS:
            yield STARTS[number], STARTS[number + 1]


def places_in(number: int) -> range:
    """Return the places of the bytes to flip in a line: all, or some of each kind of line."""
    if IS_WHOLE:
        return range(STARTS[number], STARTS[number + 1])
    if number < FIRST_EVENT:
        return range(STARTS[number], STARTS[number + 1], 29)
    step = 97 if number < FIRST_EVENT + EVENTS else 61
    return range(STARTS[number] + number % step, STARTS[number + 1], step)


def test_a_flipped_byte_is_found_and_its_item_is_named() -> None:
    tried = named = 0
    for number, before in enumerate(before_each_line(LINES)):
        for at in places_in(number) if number < len(LINES) else ():
            report = before.verify(flipped(at) + rest_from(number + 1))
            assert report.flaw is not None, at
            tried += 1
            named += names_it(report, number + 1)
    assert tried == len(WHOLE) if IS_WHOLE else tried > 1_500
    assert named >= tried * 0.999


def is_boundary(number: int) -> bool:
    """Tell whether a line and the next are events of different streams."""
    streams = [re.findall(rb'"stream_id":"([^"]*)"', line) for line in LINES[number : number + 2]]
    return streams[0] != streams[1] and all(streams)


def moved(how: str, number: int) -> bytes:
    """Return the bundle from a line on, with that line moved."""
    line, rest = LINES[number], rest_from(number + 1)
    match how:
        case "dropped":
            return rest
        case "doubled":
            return line + line + rest
        case _:
            return LINES[number + 1] + line + rest_from(number + 2)


@pytest.mark.parametrize("how", ["dropped", "doubled", "swapped"])
def test_a_line_that_was_moved_is_found_where_it_was(how: str) -> None:
    last = len(LINES) - (how == "swapped")
    for number, before in enumerate(before_each_line(LINES)):
        if number >= last:
            break
        report = before.verify(moved(how, number))
        assert report.flaw is not None, (how, number)
        near = {number + 1, number + 2}
        if how == "swapped" and is_boundary(number):
            # Streams may be mixed: only the manifest tells in which order they were written.
            near.add(len(LINES))
        is_stream_named = report.flaw.item.startswith("stream") and how == "dropped"
        assert is_stream_named or any(names_it(report, one) for one in near), (how, number)


def test_a_tail_that_was_cut_is_missed_wherever_the_cut_is() -> None:
    for number, before in enumerate(before_each_line(LINES)):
        line = LINES[number] if number < len(LINES) else b""
        for size in range(0, len(line), 7 if IS_WHOLE else 499):
            assert before.verify(line[:size]).flaw is not None, (number, size)


def test_two_bundles_in_one_file_are_found() -> None:
    short = bundle_v2()
    other = b"".join(short)
    for data in (WHOLE + WHOLE, WHOLE + other, other + WHOLE):
        report = check(data)
        assert report.flaw is not None
        assert "after the manifest" in report.flaw.why
    for lines in (LINES, short):
        for number, before in enumerate(before_each_line(lines)):
            if number:
                assert before.verify(WHOLE).flaw is not None, number
                assert before.verify(other).flaw is not None, number
