"""What no author would write: it is answered with findings, in little time and little memory."""

import json
import subprocess
import sys
from pathlib import Path

GROWN_MB_MAX = 50


def test_hostile_texts_neither_crash_nor_hang_nor_take_50_mb() -> None:
    command = [sys.executable, str(Path(__file__).with_name("hostile.py"))]
    done = subprocess.run(  # noqa: S603 -- our own program
        command, capture_output=True, text=True, check=False
    )
    last = done.stdout.splitlines()[-1] if done.stdout else ""
    assert done.returncode == 0, f"{last}\n{done.stderr[-2_000:]}"
    report = json.loads(last)
    assert report["texts"] > 1_900
    assert report["grown_kb"] / 1024 < GROWN_MB_MAX
