"""A worker process: it reads frames from its input and answers on its output until that ends.

It knows no database, no key and nothing of its parent but the two pipes, and ends with them. It
gives way to whoever else wants the processor, and may hold so much memory and no more.
"""

import contextlib
import gc
import os
import resource
import sys
from collections.abc import Iterator
from typing import BinaryIO, Final, assert_never

from placet.kernel.value import Value
from placet.replay.recordings.model import Recording
from placet.studio.impact.judging import Judge
from placet.studio.impact.messages import (
    ASKED,
    LENGTH_BYTES,
    Asked,
    Batch,
    Material,
    Refused,
    Verdicts,
    frame_of,
    length_of,
)
from placet.studio.impact.model import CandidateInvalid

MEMORY_BYTES_MAX: Final = 2 * 1024 * 1024 * 1024
"""Addresses of one worker, not what it uses: libraries and tables that are never touched count."""

NICENESS: Final = 10
_FIRST_OTHER: Final = 3


class OutOfOrderError(RuntimeError):
    """Calls came before what they are held to."""


def work(asked: BinaryIO, answers: BinaryIO) -> None:
    """Answer what is asked until nothing more is. Blocking."""
    judge: Judge | None = None
    pieces: list[Recording] = []
    for one in _frames(asked):
        match one:
            case Material():
                judge = None
                try:
                    judge = Judge(one)
                except CandidateInvalid as refused:
                    _say(answers, Refused(detail=refused.detail, findings=refused.findings))
                    continue
                _settle()
                _say(answers, judge.ready)
            case Batch():
                _join(pieces, one.recordings)
                if one.is_last:
                    _say(answers, _needed(judge).judge(pieces, one.which))
                    pieces = []
                    gc.collect()
            case Verdicts():
                _say(answers, _needed(judge).join(one))
            case _:
                assert_never(one)


def _join(pieces: list[Recording], more: list[Recording]) -> None:
    """Add recordings; the first of them may go on with the last session."""
    for one in more:
        if pieces and pieces[-1].session_id == one.session_id:
            pieces[-1].calls.extend(one.calls)
        else:
            pieces.append(one)


def _needed(judge: Judge | None) -> Judge:
    if judge is None:
        raise OutOfOrderError
    return judge


def _frames(asked: BinaryIO) -> Iterator[Asked]:
    while head := asked.read(LENGTH_BYTES):
        yield ASKED.decode(asked.read(length_of(head)))


def _say(answers: BinaryIO, said: Value) -> None:
    answers.write(frame_of(said))
    answers.flush()


def _settle() -> None:
    """Collect now and between batches, and never what was loaded: a tenth of the time else."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    gc.disable()


def main() -> None:
    """Take the pipes, and leave nothing behind that another word could be written to."""
    os.closerange(_FIRST_OTHER, os.sysconf("SC_OPEN_MAX"))  # whatever a loop let through
    os.nice(NICENESS)
    for kind, most in ((resource.RLIMIT_AS, MEMORY_BYTES_MAX), (resource.RLIMIT_CORE, 0)):
        with contextlib.suppress(ValueError, OSError):  # some systems know no such limit
            resource.setrlimit(kind, (most, most))
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    work(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
