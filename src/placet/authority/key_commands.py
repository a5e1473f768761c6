"""A key whose secret half is somebody else's: a command signs with it.

`COMMAND public` prints the public key as 64 hexadecimal digits; `COMMAND sign` reads the exact
bytes to sign from its standard input and prints the signature as 128. Nothing else is printed but
a line end, and a command that cannot ends with another exit code than 0. It is run without a shell,
with its own process group, no more of the environment than `KEPT`, and its standard error is not
kept. What it leaves behind in that group with its output open is ended. What it prints is held to
the public key before anybody sees it.
"""

import asyncio
import contextlib
import os
import re
import signal
from typing import Final, NewType, Self, cast

from placet.authority.unusable import KeyUnusable
from placet.evidence import dsse
from placet.evidence.ed25519 import KEY_BYTES, SIGNATURE_BYTES, PublicKey, PublicKeyError

Argv = NewType("Argv", tuple[str, ...])
"""A command: the path of a program, and its words."""

SECONDS: Final = 10.0
"""How long one answer of a command is waited for, with the wait for its turn."""
AT_ONCE: Final = 4
"""How many commands run at a time; others wait for their turn."""
REST_SECONDS: Final = 5.0
"""How long a command that gave no answer in time is not asked again."""
KEPT: Final = ("HOME", "LANG", "LC_ALL", "PATH", "TMPDIR", "TZ")
"""What a command gets of the environment."""

_PRINTED_MAX: Final = 2 * SIGNATURE_BYTES + 2
_END_SECONDS: Final = 1.0
_LATE_SECONDS: Final = 0.5
"""How long the output of a program that has ended is waited for, where others hold it open."""
_HEX: Final = re.compile(rb"([0-9A-Fa-f]+)(?:\r?\n)?")
_TRIAL: Final = "placet.key_trial.v1"
_TRIED: Final = b"{}"


class KeyCommandUnusable(KeyUnusable):
    """A command does not sign as a key of ours must."""


class Commands:
    """Runs commands, a few at a time, and never for long."""

    def __init__(self, seconds: float = SECONDS, at_once: int = AT_ONCE) -> None:
        """Give each answer so many seconds."""
        self._seconds = seconds
        self._at_once = at_once
        self._room = asyncio.Semaphore(at_once)
        self._rests: dict[Argv, float] = {}

    async def ask(self, command: Argv, verb: str, given: bytes, size: int) -> bytes:
        """Return the `size` bytes that a command prints for a verb, given some on its input.

        Raises `KeyCommandUnusable`.
        """
        now = asyncio.get_running_loop().time
        begun: float | None = None
        try:
            self._check_rest(command, verb)
            async with asyncio.timeout(self._seconds), self._room:
                # Another may have waited for it in vain while this one waited for its turn.
                self._check_rest(command, verb)
                begun = now()
                code, printed = await _run((*command, verb), given)
        except TimeoutError as fault:
            ran = 0.0 if begun is None else now() - begun
            raise self._late(command, verb, ran) from fault
        except (OSError, ValueError) as fault:
            why = fault.strerror if isinstance(fault, OSError) else fault
            raise _fault(command, verb, f"cannot be run: {why}") from fault
        if len(printed) > _PRINTED_MAX:
            raise _fault(command, verb, "printed more than a signature has")
        if code:
            raise _fault(command, verb, f"ended with {_told(code)}")
        found = _HEX.fullmatch(printed)
        if found is None or len(found[1]) != 2 * size:
            raise _fault(command, verb, f"did not print {2 * size} hexadecimal digits alone")
        return bytes.fromhex(found[1].decode())

    def _check_rest(self, command: Argv, verb: str) -> None:
        if asyncio.get_running_loop().time() < self._rests.get(command, 0.0):
            raise _fault(command, verb, "gave no answer just now, and is asked again in a moment")

    def _late(self, command: Argv, verb: str, ran: float) -> KeyCommandUnusable:
        """Return what is said of an answer that did not come, and let its command rest if it ran.

        One that had less than half of the time for itself is not the one that was slow.
        """
        if ran < self._seconds / 2:
            return KeyCommandUnusable(
                detail=f"the command `{command[0]}` had no turn in time, as at most"
                f" {self._at_once} run at once",
                remedy="try again in a moment; where it stays so, find out which command is slow",
            )
        self._rests[command] = asyncio.get_running_loop().time() + REST_SECONDS
        return _fault(command, verb, f"gave no answer within {self._seconds:g} s")


class CommandKey:
    """A key that a command signs with. Its public half was taken into use, and never changes."""

    def __init__(self, command: Argv, public: PublicKey, commands: Commands) -> None:
        """Take the command for the key's."""
        self.command = command
        self.public = public
        self.key_id = public.key_id
        self._commands = commands

    @classmethod
    async def meet(cls, command: Argv, commands: Commands) -> Self:
        """Return the key that a command speaks for, tried once. Raises `KeyCommandUnusable`."""
        met = cls(command, await _public_of(command, commands), commands)
        await met._try()
        return met

    async def check(self) -> None:
        """Ask whether the command still signs with this key. Raises `KeyCommandUnusable`."""
        public = await _public_of(self.command, self._commands)
        if public != self.public:
            raise KeyCommandUnusable(
                detail=f"the command `{self.command[0]}` speaks for the key {public.key_id},"
                f" and was taken into use for {self.key_id}",
                remedy="let it use that key again; another one takes over with"
                " `placet server-key rotate`",
            )
        await self._try()

    async def sign(self, message: bytes) -> bytes:
        """Return the 64 bytes of the signature. Raises `KeyCommandUnusable`."""
        signature = await self._commands.ask(self.command, "sign", message, SIGNATURE_BYTES)
        if not self.public.verifies(message, signature):
            raise _fault(self.command, "sign", f"printed no signature by the key {self.key_id}")
        return signature

    async def _try(self) -> None:
        """Have something signed that means nothing: its type is that of no document."""
        await self.sign(dsse.pae(_TRIAL, _TRIED))


async def _public_of(command: Argv, commands: Commands) -> PublicKey:
    raw = await commands.ask(command, "public", b"", KEY_BYTES)
    try:
        return PublicKey(raw=raw)
    except PublicKeyError as fault:
        raise _fault(command, "public", f"gave a key that is not taken: {fault}") from fault


class _Hearing(asyncio.SubprocessProtocol):
    """What a process prints, up to a limit, and when it is over."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.printed = bytearray()
        self.over: asyncio.Future[None] = loop.create_future()
        self.exited: asyncio.Future[None] = loop.create_future()
        self.is_lost = False

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """Keep what is printed; more than there may be ends it."""
        del fd
        self.printed += data
        if len(self.printed) > _PRINTED_MAX:
            self._finish()

    def process_exited(self) -> None:
        """Note that the process has ended; what it printed may still be on its way."""
        self.exited.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that the process has ended and that nothing more comes."""
        del exc
        self.is_lost = True
        self._finish()

    def _finish(self) -> None:
        if not self.over.done():
            self.over.set_result(None)


async def _run(argv: tuple[str, ...], given: bytes) -> tuple[int, bytes]:
    """Run a program to its end, and return its exit code and what it printed.

    Whatever keeps this from its end, a time-out too, ends the program and its process group. So
    does the program's own end, for whoever in its group has its output open a moment later.
    """
    starting = asyncio.ensure_future(
        asyncio.get_running_loop().subprocess_exec(
            _Hearing,
            *argv,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={name: os.environ[name] for name in KEPT if name in os.environ},
            cwd="/",
            start_new_session=True,
        )
    )
    try:
        # Whoever gives up meanwhile would leave a program behind that nobody knows.
        transport, heard = await asyncio.shield(starting)
        _write(transport, given)
        await asyncio.wait((heard.over, heard.exited), return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait((heard.over,), timeout=_LATE_SECONDS)
    finally:
        transport, heard = await starting
        await _end(transport, heard)
    return transport.get_returncode() or 0, bytes(heard.printed)


def _write(transport: asyncio.SubprocessTransport, given: bytes) -> None:
    # Not asked of its class: other loops have transports of their own.
    pipe = cast("asyncio.WriteTransport", transport.get_pipe_transport(0))
    # A program that reads nothing may have closed it: uvloop then refuses to write.
    with contextlib.suppress(RuntimeError, OSError):
        pipe.write(given)
        pipe.write_eof()


async def _end(transport: asyncio.SubprocessTransport, heard: _Hearing) -> None:
    """End what still runs of a process and its group, and wait until it has."""
    if transport.get_returncode() is None:
        # The number is the process's own until it was waited for, and so is its group's.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(transport.get_pid(), signal.SIGKILL)
        await asyncio.wait((heard.exited,), timeout=_END_SECONDS)
    elif not heard.is_lost and not _lives(transport.get_pid()):
        # No process gets the number of a group that has members: these are the program's own.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(transport.get_pid(), signal.SIGKILL)
    # A program that became another user is not ours to end; it is left behind without its pipes.
    with contextlib.suppress(PermissionError):
        transport.close()


def _lives(pid: int) -> bool:
    """Tell whether any process has this number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _told(code: int) -> str:
    return f"exit code {code}" if code > 0 else f"signal {-code}"


def _fault(command: Argv, verb: str, said: str) -> KeyCommandUnusable:
    return KeyCommandUnusable(
        detail=f"the command `{command[0]}` {said}",
        remedy=f"run it by hand, as the user that the service runs as, with its words and `{verb}`",
    )
