"""The last plan that was answered, on disk: for display while nobody answers, never for a grant."""

import contextlib
import os
from pathlib import Path

import msgspec

from placet.kernel.hashing import digest
from placet.kernel.ids import Ids
from placet.kernel.principal import Environment
from placet.sdk.plan import KnownPlan


class PlanFile:
    """One file per service, agent and environment in a folder that only this user reads."""

    def __init__(self, folder: str | os.PathLike[str], url: str, ids: Ids) -> None:
        """Take the folder, which is made when it is needed, and the service's address."""
        self._folder = Path(folder)
        self._url = url
        self._ids = ids

    def __repr__(self) -> str:
        """Show the folder."""
        return f"PlanFile({str(self._folder)!r})"

    def read(self, agent: str, environment: Environment) -> KnownPlan | None:
        """Return the kept plan, or none where there is none that can be read."""
        with contextlib.suppress(OSError, msgspec.MsgspecError):
            kept = self._path(agent, environment).read_bytes()
            return msgspec.json.decode(kept, type=KnownPlan)
        return None

    def write(self, known: KnownPlan) -> None:
        """Keep a plan. It is written beside its name and renamed: nobody reads half of one."""
        path = self._path(known.plan.agent, known.plan.environment)
        beside = path.with_suffix(f".{self._ids.new().hex}")
        with contextlib.suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(msgspec.json.encode(known))
            beside.replace(path)

    def _path(self, agent: str, environment: Environment) -> Path:
        name = digest("plan_file", msgspec.json.encode([self._url, agent, environment]))
        return self._folder / f"plan-{name[:16].hex()}.json"
