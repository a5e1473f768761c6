"""Results as JUnit XML, which CI systems show test by test."""

import re
from collections.abc import Mapping, Sequence
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from placet.policy.cases.judge import Result
from placet.policy.cases.words import mismatch_lines

_NO_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_xml(files: Mapping[str, Sequence[Result]]) -> str:
    """Return the results of each file as one document: a suite for a file, a test for a case.

    Characters that XML cannot hold become U+FFFD. No times are told.
    """
    failed = sum(not one.is_passed for results in files.values() for one in results)
    total = sum(map(len, files.values()))
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<testsuites name="placet policy test" tests="{total}" failures="{failed}" errors="0">',
    ]
    for file, results in files.items():
        lines += _suite(file, results)
    return "\n".join([*lines, "</testsuites>", ""])


def _suite(file: str, results: Sequence[Result]) -> list[str]:
    failed = sum(not one.is_passed for one in results)
    head = f'<testsuite name={_attribute(file)} tests="{len(results)}" failures="{failed}"'
    lines = [f'  {head} errors="0" skipped="0">']
    for result in results:
        lines += _case(file, result)
    return [*lines, "  </testsuite>"]


def _case(file: str, result: Result) -> list[str]:
    line = "" if result.line is None else f' line="{result.line}"'
    head = f"<testcase classname={_attribute(file)} name={_attribute(result.name)}"
    head += f" file={_attribute(file)}{line}"
    if result.is_passed:
        return [f"    {head}/>"]
    text = _taken("\n".join(mismatch_lines(result)))
    message = _attribute(mismatch_lines(result)[0])
    return [
        f"    {head}>",
        f'      <failure type="mismatch" message={message}>{escape(text)}</failure>',
        "    </testcase>",
    ]


def _attribute(text: str) -> str:
    return quoteattr(_taken(text), {"\n": "&#10;", "\r": "&#13;", "\t": "&#9;"})


def _taken(text: str) -> str:
    return _NO_XML.sub("\ufffd", text)
