# SPDX-License-Identifier: GPL-3.0-or-later
"""What is new is written once, as fragments; ``make changelog`` makes the rest of them."""

from __future__ import annotations

from pathlib import Path

import yaml

CHANGELOGS = Path(__file__).parents[2] / "changelogs"


def flat(sections: dict[str, str | list[str]]) -> set[tuple[str, str]]:
    lists = {section: [given] if isinstance(given, str) else given for section, given in sections.items()}
    return {(section, text.strip()) for section, texts in lists.items() for text in texts}


def test_every_fragment_is_in_the_changelog_and_nothing_else() -> None:
    fragments = [yaml.safe_load(path.read_text()) for path in sorted((CHANGELOGS / "fragments").glob("*.yml"))]
    releases = yaml.safe_load((CHANGELOGS / "changelog.yaml").read_text())["releases"].values()
    written = {entry for fragment in fragments for entry in flat(fragment)}
    assert written == {entry for release in releases for entry in flat(release["changes"])}, "run: make changelog"
