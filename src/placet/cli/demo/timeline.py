"""The story as it is read: one line per thing that happened, and a display of how far it has come.

Everything goes to stderr. Without a terminal there are plain lines and no display; with `--quiet`
there is nothing.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from types import TracebackType
from typing import Final, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn
from rich.text import Text

from placet.kernel.clock import Clock

_TICK_SECONDS: Final = 0.25
_PLAIN_SECONDS: Final = 10.0
_STYLES: Final = {
    "allowed": "green",
    "committed": "green",
    "approved": "green",
    "verified": "green",
    "settled": "green",
    "blocked": "yellow",
    "refused": "yellow",
    "late": "yellow",
    "frozen": "cyan",
    "thawed": "cyan",
    "killed": "red",
    "unknown": "magenta",
}


class Timeline:
    """Prints the story. Use it as `with`."""

    def __init__(self, clock: Clock, *, chapters: int, quiet: bool = False) -> None:
        """Count time from now, over so many chapters."""
        self._clock = clock
        self._began = clock.monotonic()
        self._console = Console(stderr=True, quiet=quiet, highlight=False, soft_wrap=True)
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[note]}"),
            console=self._console,
            transient=True,
            disable=quiet or not self._console.is_terminal,
        )
        self._chapters = chapters
        self._story = self._progress.add_task("starting", total=chapters, note="")
        self._number = 0

    def __enter__(self) -> Self:
        """Begin to show progress."""
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take the display away; what was printed stays."""
        self._progress.stop()

    @property
    def seconds(self) -> float:
        """Return how long the story has taken so far."""
        return self._clock.monotonic() - self._began

    @contextlib.contextmanager
    def chapter(self, title: str) -> Iterator[None]:
        """Head what follows, and count it as one chapter when it is over."""
        self._number += 1
        self._progress.update(
            self._story, description=title, note=f"{self._number} of {self._chapters}"
        )
        self._console.print(Text(f"\n{self._number}  {title}", style="bold"))
        yield
        self._progress.advance(self._story)

    def tell(self, who: str, what: str, how: str = "") -> None:
        """Print one line: who, in one word what, and the rest."""
        line = Text.assemble(
            (f"{self.seconds:7.1f} s  ", "dim"),
            f"{who:<10}",
            (f"{what:<10}", _STYLES.get(what, "")),
            how,
        )
        self._console.print(line)

    @contextlib.asynccontextmanager
    async def ripening(self, what: str, seconds: float) -> AsyncIterator[None]:
        """Show, for as long as the block lasts, how far something has come that takes time."""
        task = self._progress.add_task(what, total=seconds, note="")
        moving = asyncio.create_task(self._move(task, what, seconds))
        try:
            yield
        finally:
            moving.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await moving
            self._progress.remove_task(task)

    async def _move(self, task: TaskID, what: str, seconds: float) -> None:
        began = told = self._clock.monotonic()
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            now = self._clock.monotonic()
            note = f"{now - began:.0f} s of about {seconds:.0f} s"
            self._progress.update(task, completed=min(now - began, seconds), note=note)
            if self._progress.disable and now - told >= _PLAIN_SECONDS:
                told = now
                self.tell("", "...", f"{what}: {note}")
