"""The keys whose grants count."""

from typing import TYPE_CHECKING

from placet.authority.model import KeyPurpose
from placet.kernel.principal import Environment
from placet.kernel.refusals import GovernanceUnavailable
from placet.plans.model import PlanAnswer
from placet.sdk.means import Means

if TYPE_CHECKING:
    from placet.evidence.ed25519 import PublicKey


class GrantKeys:
    """The grant keys of one session: those that the client pinned, or those of the plan."""

    def __init__(self, means: Means, agent: str, environment: Environment) -> None:
        """Take what the client pinned, and whose plan lists the keys otherwise."""
        self._means = means
        self._agent = agent
        self._environment = environment
        self.known: tuple[PublicKey, ...] = means.keys or ()

    def __repr__(self) -> str:
        """Show how many keys count, and who said so."""
        whose = "the plan" if self._means.keys is None else "the client"
        return f"GrantKeys({len(self.known)} of {whose})"

    async def fetch(self) -> None:
        """Take the keys of the plan as it is now; pinned keys stay.

        Raises the service's refusals, and `GovernanceUnavailable` where nobody answers: a plan
        that was kept from before serves display, and what it lists may have been revoked.
        """
        if self._means.keys is not None:
            return
        found = await self._means.plans.fetch(self._agent, self._environment)
        if not found.is_fresh:
            raise GovernanceUnavailable(detail="nobody tells which keys sign grants")
        self.known = grant_keys_of(found.plan)


def grant_keys_of(plan: PlanAnswer) -> "tuple[PublicKey, ...]":
    """Return the keys that sign grants, as the plan lists them."""
    # The signature library is loaded where there is something to verify, not on import.
    from placet.evidence.ed25519 import PublicKey  # noqa: PLC0415 -- see above

    return tuple(
        PublicKey(raw=key.public_key) for key in plan.keys if key.purpose is KeyPurpose.GRANT
    )
