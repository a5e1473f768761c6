"""What other people wrote, told on a terminal."""

import msgspec


def plain(text: str) -> str:
    """Return a text on one line, in which a terminal finds nothing to obey."""
    return "".join(one if one.isprintable() else f"\\u{ord(one):04x}" for one in text)


def counted(count: int, thing: str) -> str:
    """Return how many there are of a thing, whose plural has an s."""
    return f"{count:,} {thing}" if count == 1 else f"{count:,} {thing}s"


def as_text(value: object) -> str:
    """Return a value as one line of JSON in which a terminal finds nothing to obey.

    Whoever parses it gets the same value.
    """
    written = msgspec.json.encode(value).decode()
    if written.isprintable():
        return written
    return "".join(one if one.isprintable() else _escaped(one) for one in written)


def _escaped(one: str) -> str:
    """Return a character as JSON spells it in ASCII: beyond U+FFFF by two halves."""
    units = one.encode("utf-16-be")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
