# SPDX-License-Identifier: GPL-3.0-or-later
"""README, docs, task names and messages are in the words of Docker, Ansible, Linux and Redis."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from tree import CHECKOUT

if TYPE_CHECKING:
    from pathlib import Path

INSTEAD = {
    r"(made|make|makes|making) anew": "recreate",
    r"fore(tell|tells|told)": "predict",
    r"(hold|holds|held|holding)\b[^.]{0,60} against": "compare with, verify that",
    r"(?<!there )is no (port|number|address|text|name|list|mapping|network|socket|bridge)\b": "is not a, must be",
    r"(mend|mends|mended|mending)": "fix",
    r"wants? an? ": "needs",
    r"wants root": "requires root",
    r"not to be had": "no answer",
    r"by hand": "manually",
    r"interfaces? of one's own": "custom interface",
}
"""What is said otherwise in the field, and how: a reader stops at each."""

READ = [
    *(CHECKOUT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")),
    *sorted((CHECKOUT / "docs").rglob("*.md")),
    *sorted(path for place in ("plugins", "roles", "playbooks") for path in (CHECKOUT / place).rglob("*.*")),
]


@pytest.mark.parametrize(
    "path", [path for path in READ if path.suffix in (".md", ".py", ".yml")], ids=lambda path: path.name
)
def test_nobody_stops_at_a_word(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    found = {
        f"line {text[: match.start()].count(chr(10)) + 1}: {match.group()!r}: say {better}"
        for words, better in INSTEAD.items()
        for match in re.finditer(rf"(?<!\w){words}", text, re.IGNORECASE)
    }
    assert not found
