"""From a stored text to the parts that a rule can point at."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from placet.studio.sources.json_pieces import json_pieces, jsonl_pieces
from placet.studio.sources.model import (
    LABEL_MAX,
    PARTS_MAX,
    PartKind,
    SourceFailure,
    SourceMedia,
    SourcePart,
)
from placet.studio.sources.pieces import Piece, UnreadableError
from placet.studio.sources.prose_pieces import markdown_pieces, text_pieces
from placet.studio.sources.yaml_pieces import yaml_pieces

_READERS: Final[Mapping[SourceMedia, Callable[[str], Iterator[Piece]]]] = {
    SourceMedia.JSON: json_pieces,
    SourceMedia.YAML: yaml_pieces,
    SourceMedia.MARKDOWN: markdown_pieces,
    SourceMedia.TEXT: text_pieces,
    SourceMedia.JSONL: jsonl_pieces,
}
_PATH_MAX: Final = 500
_UNSHOWN: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def index(text: str, media: SourceMedia) -> list[SourcePart] | SourceFailure:
    """Return the parts of a text in order, or why it cannot be read as its media type.

    After `PARTS_MAX` - 1 parts, all that follows is one part of kind `rest`.
    """
    try:
        pieces = _READERS[media](text)
        return list(_placed(text, _bounded(text, pieces)))
    except UnreadableError as fault:
        return SourceFailure(message=fault.message, line=fault.line)


def _bounded(text: str, pieces: Iterator[Piece]) -> Iterator[Piece]:
    for count, piece in enumerate(pieces, 1):
        if count < PARTS_MAX:
            yield piece
            continue
        following = next(pieces, None)
        rest = Piece(PartKind.REST, None, None, piece.start, len(text))
        yield piece if following is None else rest
        return


def _placed(text: str, pieces: Iterator[Piece]) -> Iterator[SourcePart]:
    """Count lines and bytes along the text, once."""
    at, line, byte = 0, 1, 0
    for number, piece in enumerate(pieces, 1):
        line += text.count("\n", at, piece.start)
        byte += len(text[at : piece.start].encode())
        inside = text[piece.start : piece.end]
        last_line = line + inside.rstrip("\n").count("\n")
        end_byte = byte + len(inside.encode())
        yield SourcePart(
            part_id=f"p{number}",
            kind=piece.kind,
            path=_shown(piece.path, _PATH_MAX),
            label=_shown(piece.label, LABEL_MAX),
            first_line=line,
            last_line=last_line,
            first_byte=byte,
            end_byte=end_byte,
        )
        at, line, byte = piece.end, line + inside.count("\n"), end_byte


def _shown(text: str | None, most: int) -> str | None:
    """Return a name that can be kept and shown on one line."""
    if text is None:
        return None
    text = _UNSHOWN.sub("\ufffd", text[:most])
    return text or None
