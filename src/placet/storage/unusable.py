"""Why a database cannot be used as it is, told to the person who runs the service.

These are no answers to a request: nothing is listening yet. Each is one sentence of what was found
and one of what to do; the command line prints both and ends with its infrastructure code.
"""


class Unusable(Exception):  # noqa: N818 -- what the operator reads, not what went wrong inside
    """The database cannot be used as it is."""

    def __init__(self, *, detail: str, remedy: str) -> None:
        """Say what was found and what the operator can do about it."""
        super().__init__(detail)
        self.detail = detail
        self.remedy = remedy


class Unreachable(Unusable):
    """No server answers at that address."""


class Refused(Unusable):
    """The server answers, and does not let this role in or do this."""


class Unsuitable(Unusable):
    """The server or the role is not one that Placet runs on."""
