"""Whether some text stands in a body, however it is wrapped."""

import base64
import json
from collections.abc import Callable

import pytest

from placet.audit.subjects.rules import holds, needles

NAME = 'Anna "A." Müller\\1'


def wrapped(depth: int) -> object:
    said: object = {"to": [f"an {NAME}."]}
    for level in range(depth):
        text = json.dumps(said, ensure_ascii=False)
        said = {"in": base64.b64encode(text.encode()).decode() if level % 2 else text}
    return said


@pytest.mark.parametrize("depth", range(6))
def test_a_text_is_found_in_strings_in_json_in_strings_and_in_base64(depth: int) -> None:
    body = json.dumps(wrapped(depth), ensure_ascii=False).encode()
    assert holds(body, NAME)
    assert not holds(body, NAME + "2")


def test_a_text_is_no_part_of_an_escape() -> None:
    body = json.dumps({"text": "line\name"}).encode()
    assert b"name" in body
    assert not holds(body, "name")


def test_keys_and_malformed_texts_are_searched_too() -> None:
    assert holds(json.dumps({NAME: 1}).encode(), NAME)
    assert holds(f'{{"cut": "{"anna@example.org"}'.encode(), "anna@example.org")


@pytest.mark.parametrize("depth", [0, 1])
def test_the_database_looks_for_the_bytes_in_which_a_text_would_stand(depth: int) -> None:
    body = json.dumps(wrapped(depth), ensure_ascii=False).encode()
    assert any(needle in body for needle in needles(NAME))


@pytest.mark.parametrize("depth", range(4))
def test_the_bytes_that_a_writer_of_ascii_makes_of_a_text_are_looked_for_too(depth: int) -> None:
    body = NAME
    for _ in range(depth + 1):
        body = json.dumps(body)
    assert any(needle in body.encode() for needle in needles(NAME))
    assert holds(body.encode(), NAME)


@pytest.mark.parametrize("name", ['Jörg "J." Müller', "Anna/Jörg", "Jörg 😀"])
@pytest.mark.parametrize("depth", range(1, 4))
@pytest.mark.parametrize("writer", ["ascii", "upper", "slashes"])
def test_a_text_is_found_in_json_that_stands_within_a_longer_text(
    name: str, depth: int, writer: str
) -> None:
    line = json.dumps({"name": f"an {name}."}, ensure_ascii=writer != "slashes")
    if writer == "upper":
        line = line.replace("\\u00f6", "\\u00F6")
    elif writer == "slashes":
        line = line.replace("/", "\\/")
    for _ in range(depth):
        line = json.dumps(f"C:\\ sent {line} ok")
    assert holds(json.dumps({"raw": f"sent {line} ok"}).encode(), name)
    assert not holds(json.dumps({"raw": f"sent {line} ok"}).encode(), name + "2")


@pytest.mark.parametrize("depth", range(4))
@pytest.mark.parametrize("number", ["4915112345678", "-17.25", "12345678901234567890123456789"])
def test_a_number_is_found_as_a_number_too(number: str, depth: int) -> None:
    body = f'{{"of": [1, {{"account": {number}}}]}}'
    for level in range(depth):
        inner = base64.b64encode(body.encode()).decode() if level % 2 else body
        body = json.dumps({"in": inner})
    assert holds(body.encode(), number)
    assert not holds(body.encode(), number[:-1] + "0")


@pytest.mark.parametrize("written", ["47110012", "14711001", "4711001.5", "-4711001"])
def test_the_digits_of_another_number_are_not_the_number(written: str) -> None:
    assert holds(b'{"account": 4711001.0}', "4711001")
    assert not holds(f'{{"account": {written}}}'.encode(), "4711001")


@pytest.mark.parametrize("wrap", [str, json.dumps, lambda text: f'{{"a": {json.dumps(text)}}}'])
@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_a_document_as_deep_as_any_is_looked_through(
    wrap: Callable[[str], str], opening: str
) -> None:
    inner = base64.b64encode(b'{"to": "anna@example.org", "of": 4711001}').decode()
    closing = "]" if opening == "[" else "}"
    for levels in (*range(940, 1001), 5_000, 50_000):
        body = wrap(f'{opening * levels}["{inner}", 815]{closing * levels}').encode()
        for subject in ("anna@example.org", "4711001", "815"):
            assert holds(body, subject), levels
        for subject in ("anne@example.org", "471100"):
            assert not holds(body, subject), levels
    assert wrap is not str or not holds(body, "81")


def test_a_deep_text_that_is_no_json_is_searched_as_a_string() -> None:
    for cut in ('"anna@example.org', "anna@example.org]", '"anna@example.org\\'):
        assert holds(b"[" * 50_000 + cut.encode(), "anna@example.org")


@pytest.mark.parametrize(
    ("body", "subject"),
    [
        ('{"a": "anna@example.org", "a": "y"}', "anna@example.org"),
        ('{"a": {"b": "anna@example.org"}, "a": {}}', "anna@example.org"),
        ('{"a": 5551234, "a": 1}', "5551234"),
        (json.dumps({"in": '{"a": 5551234, "a": 1}'}), "5551234"),
    ],
)
def test_what_stands_under_a_key_that_stands_twice_is_found(body: str, subject: str) -> None:
    assert holds(body.encode(), subject)


def test_a_whole_number_is_found_as_it_is_written_and_without_its_fraction() -> None:
    assert holds(b'{"account": 12.0}', "12.0")
    assert holds(b'{"account": 12.0}', "12")
    assert not holds(b'{"account": 112.0}', "12.0")
