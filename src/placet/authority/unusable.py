"""Why a key of ours cannot be signed with, told to the person who runs the service."""

from placet.storage.unusable import Unusable


class KeyUnusable(Unusable):
    """A key of ours is not one that the service may sign with."""
