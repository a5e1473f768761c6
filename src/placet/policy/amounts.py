"""What the calls that count come to together, kept so that no call is ever read again."""


class Amounts:
    """The values of one aggregate."""
