"""What other people wrote, told on a terminal."""


def plain(text: str) -> str:
    """Return a text on one line, in which a terminal finds nothing to obey."""
    return "".join(one if one.isprintable() else f"\\u{ord(one):04x}" for one in text)
