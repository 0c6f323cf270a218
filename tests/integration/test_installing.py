# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection installed as README says, by someone who has ansible-core and nothing else."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from lab import CHECKOUT

SHIPPED = {
    "CHANGELOG.md",
    "FILES.json",
    "LICENSE",
    "MANIFEST.json",
    "README.md",
    "docs",
    "meta",
    "playbooks",
    "plugins",
    "roles",
}
README = (CHECKOUT / "README.md").read_text()
WAYS = re.findall(r"^(ansible-galaxy collection install \S.*?) +# ", README, re.MULTILINE)
REQUIREMENTS = next(text for text in re.findall(r"```yaml\n(.*?)```", README, re.DOTALL) if "type: git" in text)


class Newcomer:
    """A home and a working directory with nothing in them."""

    def __init__(self, place: Path) -> None:
        self.home, self.place = place / "home", place / "work"
        for directory in (self.home, self.place):
            directory.mkdir()

    def types(self, command: str, where: Path | None = None) -> str:
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        env = {"PATH": path, "HOME": str(self.home), "LC_ALL": "C.UTF-8"}
        done = subprocess.run(
            ["bash", "-c", command], env=env, cwd=where or self.place, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout


@pytest.fixture
def newcomer(tmp_path: Path) -> Newcomer:
    return Newcomer(tmp_path)


def repository(newcomer: Newcomer) -> str:
    """The checkout as it is, in a bare repository; its URL."""
    bare = newcomer.home / "docker.git"
    git = f"git --git-dir={bare} --work-tree={CHECKOUT} -c user.name=test -c user.email=test@example.org"
    newcomer.types(f"git init -q --bare -b main {bare} && {git} add -A && {git} commit -qm all", CHECKOUT)
    return f"file://{bare}"


@pytest.mark.parametrize("way", WAYS)
def test_the_collection_is_installed_as_readme_says(newcomer: Newcomer, way: str) -> None:
    """The whole of it and nothing else."""
    if "requirements.yml" in way:
        known = yaml.safe_load(REQUIREMENTS)
        known["collections"][0]["name"] = repository(newcomer)
        (newcomer.place / "requirements.yml").write_text(yaml.safe_dump(known))
    if "tar.gz" in way:
        newcomer.types(f"ansible-galaxy collection build {CHECKOUT}")
    newcomer.types(way, CHECKOUT if way.endswith(" .") else newcomer.place)
    installed = newcomer.home / ".ansible/collections/ansible_collections/netmode/docker"
    assert {path.name for path in installed.iterdir()} == SHIPPED
    if "requirements.yml" in way:  # for all, what is installed is the same
        assert "playbook: " in newcomer.types("ansible-playbook netmode.docker.facts --list-tasks -i localhost,")


def test_readme_names_three_ways() -> None:
    assert len(WAYS) == 3
