"""Commands that have a key of ours: what is taken of what they print, and how they end."""

import asyncio
import contextlib
import os
import re
import select
import signal
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TypeVar

import pytest
import uvloop
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from tests.authority.commanded import TRIAL, Signer, canned, program, saying
from tests.house.checkout import ROOT

from placet.authority.key_commands import KEPT, Argv, CommandKey, Commands, KeyCommandUnusable
from placet.evidence.ed25519 import KEY_BYTES, SigningKey

T = TypeVar("T")
OURS, OTHER = SigningKey(b"\x0a" * 32), SigningKey(b"\x0b" * 32)
PUBLIC = OURS.public.raw.hex()
GOOD = OURS.sign(TRIAL)
PAGE = ROOT / "docs" / "how-to" / "change-the-services-keys.md"
LOOPS = (asyncio.new_event_loop, uvloop.new_event_loop)

Loop = Callable[[], asyncio.AbstractEventLoop]


@pytest.fixture(params=LOOPS, ids=["asyncio", "uvloop"])
def loop(request: pytest.FixtureRequest) -> Loop:
    made: Loop = request.param
    return made


def run(work: Coroutine[object, object, T], loop: Loop = uvloop.new_event_loop) -> T:
    """Do work in a loop of its own, as the service has one."""
    with asyncio.Runner(loop_factory=loop) as runner:
        return runner.run(work)


def refused(command: Argv, commands: Commands | None = None, loop: Loop | None = None) -> str:
    """Return what is said of a command that is not taken into use."""

    async def act() -> None:
        await CommandKey.meet(command, commands or Commands())

    with pytest.raises(KeyCommandUnusable) as told:
        run(act(), loop or uvloop.new_event_loop)
    assert command[0] in told.value.detail + told.value.remedy
    return told.value.detail


def ends(pid: int) -> bool:
    """Tell whether a process runs no more, or ends within seconds."""
    try:
        watched = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([watched], [], [], 5.0)[0])
    finally:
        os.close(watched)


def test_a_command_signs_the_very_bytes_that_it_is_given(tmp_path: Path, loop: Loop) -> None:
    signer = Signer(tmp_path, key=OURS)
    messages = [b"", b"\x00\xff\n", bytes(range(256)) * 8_000]

    async def act() -> list[bytes]:
        key = await CommandKey.meet(signer.command, Commands())
        assert key.key_id == OURS.key_id
        return [await key.sign(message) for message in messages]

    assert run(act(), loop) == [OURS.sign(message) for message in messages]


def test_the_program_of_the_page_signs(tmp_path: Path) -> None:
    (text,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    path, pem = program(tmp_path / "placet-signer", text), tmp_path / "key.pem"
    private = Ed25519PrivateKey.from_private_bytes(OURS.seed())
    pem.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    command = Argv((sys.executable, str(path), str(pem)))
    key = run(CommandKey.meet(command, Commands()))
    assert run(key.sign(b"hello")) == OURS.sign(b"hello")


def test_capital_digits_and_another_line_end_are_taken(tmp_path: Path) -> None:
    said = f"printf '{PUBLIC.upper()}\\r\\n'"
    command = canned(tmp_path / "c", said, f"printf {GOOD.hex()}")
    assert run(CommandKey.meet(command, Commands())).key_id == OURS.key_id


@pytest.mark.parametrize(
    ("public", "said"),
    [
        ("01" + "00" * 31, "small order"),
        ("00" * 32, "small order"),
        ("ff" * 32, "shortest encoding"),
        ("02" + "00" * 31, "no point"),
        (PUBLIC[:-2], "64 hexadecimal digits"),
        (f"{PUBLIC} {PUBLIC}", "64 hexadecimal digits"),
        (f"key: {PUBLIC}", "64 hexadecimal digits"),
        ("zz" * 32, "64 hexadecimal digits"),
        ("", "64 hexadecimal digits"),
    ],
)
def test_a_public_key_that_proves_nothing_is_refused(
    tmp_path: Path, public: str, said: str
) -> None:
    assert said in refused(saying(tmp_path / "c", f"'{public}'", GOOD))


@pytest.mark.parametrize(
    "signature",
    [OTHER.sign(TRIAL), OURS.sign(TRIAL + b"x"), bytes(64), GOOD[:-1], GOOD + b"\x00", b""],
)
def test_what_is_no_signature_by_the_key_is_refused(tmp_path: Path, signature: bytes) -> None:
    assert "sign" in refused(saying(tmp_path / "c", PUBLIC, signature))


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (f"echo {PUBLIC}; exit 3", "exit code 3"),
        (f"echo {PUBLIC}; kill -9 $$", "signal 9"),
        (f"echo {PUBLIC}; echo more", "64 hexadecimal digits"),
        (f"while :; do echo {PUBLIC}; done", "more than a signature"),
        ("head -c 200000 /dev/zero", "more than a signature"),
    ],
)
def test_a_command_that_ends_badly_or_says_more_is_refused(
    tmp_path: Path, loop: Loop, lines: str, said: str
) -> None:
    assert said in refused(canned(tmp_path / "c", lines), loop=loop)


@pytest.mark.parametrize("what", ["missing", "not executable", "folder", "no program"])
def test_what_cannot_be_run_is_refused_in_plain_words(
    tmp_path: Path, loop: Loop, what: str
) -> None:
    path = tmp_path / "command"
    if what == "folder":
        path.mkdir()
    elif what != "missing":
        program(path, "no line of a shell\n").chmod(0o600 if what == "not executable" else 0o700)
    said = refused(Argv((str(path),)), loop=loop)
    # uvloop hands a file that is no program to the shell, which does not know its words.
    assert "cannot be run" in said or (what == "no program" and "exit code 127" in said)


def test_a_slow_command_ends_with_its_group_and_is_left_alone_for_a_while(
    tmp_path: Path, loop: Loop
) -> None:
    started = f"echo x >> {tmp_path}/started; sleep 60 & echo $! > {tmp_path}/child; wait"
    command = canned(tmp_path / "c", started)

    async def act(seconds: float) -> None:
        commands = Commands(seconds)
        for said in (f"no answer within {seconds:g} s", "just now"):
            with pytest.raises(KeyCommandUnusable, match=said):
                await CommandKey.meet(command, commands)

    tries = 0
    while not (tmp_path / "child").exists():
        tries += 1
        run(act(2.0**tries / 2), loop)
    assert (tmp_path / "started").read_text().count("x") <= tries
    assert ends(int((tmp_path / "child").read_text()))


@pytest.mark.parametrize("left", ["sleep 60", "while :; do echo more; done"])
def test_what_a_command_leaves_behind_with_its_output_open_is_ended(
    tmp_path: Path, loop: Loop, left: str
) -> None:
    once_known = f"while ! test -s {tmp_path}/child; do :; done"
    lines = f"echo {PUBLIC}; ({once_known}; {left}) & echo $! > {tmp_path}/child"
    command = canned(tmp_path / "c", lines)

    async def act() -> bytes:
        return await Commands().ask(command, "public", b"", KEY_BYTES)

    if left == "sleep 60":
        assert run(act(), loop) == OURS.public.raw
    else:
        with pytest.raises(KeyCommandUnusable, match="more than a signature"):
            run(act(), loop)
    assert ends(int((tmp_path / "child").read_text()))


def test_a_command_that_leaves_nobody_in_its_group_answers_too(tmp_path: Path, loop: Loop) -> None:
    left = f"setsid sh -c 'echo $$ > {tmp_path}/child; exec sleep 60' &"
    until = f"while ! test -s {tmp_path}/child; do :; done"
    command = canned(tmp_path / "c", f"{left} {until}; echo {PUBLIC}")

    async def act() -> bytes:
        return await Commands().ask(command, "public", b"", KEY_BYTES)

    try:
        assert run(act(), loop) == OURS.public.raw
    finally:
        os.kill(int((tmp_path / "child").read_text()), signal.SIGKILL)


def test_a_command_that_had_no_turn_is_asked_again_at_once(tmp_path: Path, loop: Loop) -> None:
    slow, good = canned(tmp_path / "slow", "sleep 60"), canned(tmp_path / "good", f"echo {PUBLIC}")

    async def act(seconds: float) -> bool:
        commands = Commands(seconds, at_once=1)
        first, second = (
            asyncio.create_task(commands.ask(each, "public", b"", KEY_BYTES))
            for each in (slow, good)
        )
        with pytest.raises(KeyCommandUnusable, match="no answer within"):
            await first
        with pytest.raises(KeyCommandUnusable, match="no turn"):
            await second
        try:
            return await commands.ask(good, "public", b"", KEY_BYTES) == OURS.public.raw
        except KeyCommandUnusable as fault:
            # A machine that is busy may not have ended it.
            if "no answer within" not in fault.detail:
                raise
            return False

    tries = 0
    while not run(act(2.0**tries / 4), loop):
        tries += 1


def test_a_program_that_became_another_user_is_left_behind_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = canned(tmp_path / "c", f"echo $$ > {tmp_path}/pid; sleep 60")

    def refuse(*_: object) -> None:
        raise PermissionError

    async def act() -> None:
        with monkeypatch.context() as patch:
            patch.setattr(os, "killpg", refuse)
            with pytest.raises(KeyCommandUnusable, match="no answer within 1 s"):
                await CommandKey.meet(command, Commands(seconds=1.0))
        # A machine that is busy may not have begun it.
        while not (tmp_path / "pid").exists():  # noqa: ASYNC110 -- its file is all that it tells
            await asyncio.sleep(0)
        pid = int((tmp_path / "pid").read_text())
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        while (Path("/proc") / str(pid)).exists():  # noqa: ASYNC110 -- until the loop has seen its end
            await asyncio.sleep(0)

    run(act())


def test_a_command_that_nobody_waits_for_any_more_ends(tmp_path: Path, loop: Loop) -> None:
    os.mkfifo(tmp_path / "begun")
    command = canned(tmp_path / "c", f"echo $$ > {tmp_path}/begun; sleep 60")

    async def act() -> int:
        asking = asyncio.create_task(CommandKey.meet(command, Commands()))
        pid = int(await asyncio.to_thread((tmp_path / "begun").read_text))
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        return pid

    assert ends(run(act(), loop))


def test_a_command_gets_its_words_and_little_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLACET_ADMIN_DATABASE_URL", "postgresql://canary")
    monkeypatch.setenv("LANG", "C.UTF-8")
    lines = f'env > {tmp_path}/env; pwd > {tmp_path}/pwd; echo "$@" > {tmp_path}/words'
    path = program(tmp_path / "c", f"#!/bin/sh\n{lines}\n")
    refused(Argv((str(path), "a b", "*")))
    given = {line.partition("=")[0] for line in (tmp_path / "env").read_text().splitlines()}
    assert given <= {*KEPT, "PWD", "_", "SHLVL", "OLDPWD"}
    assert "LANG" in given
    assert (tmp_path / "words").read_text() == "a b * public\n"
    assert (tmp_path / "pwd").read_text() == "/\n"


def test_no_more_commands_run_at_once_than_may(tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    lines = f"echo + >> {marks}; sleep 0.1; echo - >> {marks}; echo {GOOD.hex()}"
    command = canned(tmp_path / "c", f"echo {PUBLIC}", lines)

    async def act() -> None:
        key = CommandKey(command, OURS.public, Commands(at_once=2))
        await asyncio.gather(*(key.sign(TRIAL) for _ in range(6)))

    run(act())
    running, most = 0, 0
    for mark in marks.read_text().split():
        running += 1 if mark == "+" else -1
        most = max(most, running)
    assert (running, most) == (0, 2)


def test_a_command_need_not_read_what_it_signs(tmp_path: Path, loop: Loop) -> None:
    big = b"x" * 3_000_000
    command = canned(tmp_path / "c", f"echo {PUBLIC}", f"echo {OURS.sign(big).hex()}")
    key = CommandKey(command, OURS.public, Commands())
    assert run(key.sign(big), loop) == OURS.sign(big)


def test_a_command_that_speaks_for_another_key_than_at_first_is_found(tmp_path: Path) -> None:
    signer = Signer(tmp_path)

    async def act() -> None:
        key = await CommandKey.meet(signer.command, Commands())
        await key.check()
        signer.hold(OTHER)
        with pytest.raises(KeyCommandUnusable, match=OTHER.key_id):
            await key.check()
        with pytest.raises(KeyCommandUnusable):
            await key.sign(b"x")

    run(act())
