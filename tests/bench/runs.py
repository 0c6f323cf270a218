# SPDX-License-Identifier: GPL-3.0-or-later
"""What a whole run of site.yml costs on a settled host: against a play of one ping, and against the same without this
collection. Started by ``run``, within a throwaway machine that has no other containers.

The quickstart is deployed by site.yml, and beside it by site_by_hand.yml under names and ports of its own. Every round
runs each once, in an order that turns from round to round; ratios are taken within a round, figures are medians.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench import CHECKOUT, HERE, Medians, all_hold, settings
from lab import VENV_BIN, Host

INVENTORY = CHECKOUT / "playbooks" / "inventory" / "quickstart.yml"
PING = [{"hosts": "redis", "become": True, "gather_facts": False, "tasks": [{"ansible.builtin.ping": {}}]}]
CONTENDERS = ("ping", "site", "set", "by hand")


class Runs:
    def __init__(self, directory: Path, rivals: Path) -> None:
        self.env, self.megabytes = settings(rivals), 64
        ping = directory / "ping.yml"
        ping.write_text(json.dumps(PING))
        self.playbooks = {
            "ping": ping,
            "site": CHECKOUT / "playbooks" / "site.yml",
            "set": CHECKOUT / "playbooks" / "site.yml",
            "by hand": HERE / "site_by_hand.yml",
        }

    def run(self, name: str) -> tuple[float, int]:
        """Seconds of one whole run of ansible-playbook, and how many tasks changed something."""
        self.megabytes += name == "set"
        maxmemory = f"redis_maxmemory={self.megabytes}mb"
        started = time.perf_counter()
        done = subprocess.run(
            [VENV_BIN / "ansible-playbook", "-i", INVENTORY, "-e", maxmemory, self.playbooks[name]],
            env=self.env, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        taken = time.perf_counter() - started
        changed = re.search(r" changed=(\d+)", done.stdout)
        if done.returncode or not changed:
            sys.exit(f"bench: {name} failed\n{done.stdout[-4000:]}\n{done.stderr[-2000:]}")
        return taken, int(changed[1])

    def settled(self, name: str) -> float:
        taken, changed = self.run(name)
        if changed != (name == "set"):
            sys.exit(f"bench: {name} was to change {'one task' if name == 'set' else 'nothing'}, and changed {changed}")
        return taken


def report(rounds: list[dict[str, float]]) -> bool:
    """Print the table and what must hold; True if all of it does."""
    medians = Medians(rounds)
    title = f"one host, nothing to change, {len(rounds)} rounds"
    print(f"\n{title:<42}{'median':>10}{'x ping':>9}")
    for name, title in (
        ("ping", "a play of one ansible.builtin.ping"),
        ("site", "site.yml, the quickstart"),
        ("set", "the same with another maxmemory"),
        ("by hand", "the same by community.docker"),
    ):
        print(f"{title:<42}{medians.of(name):>8.2f} s{medians.ratio(name, 'ping'):>9.2f}")
    print()
    return all_hold(
        ("site.yml / ping", medians.ratio("site", "ping"), "<=", 3),
        ("a setting of four that run / site.yml", medians.ratio("set", "site"), "<=", 2),
        ("by community.docker / site.yml", medians.ratio("by hand", "site"), ">=", 4),
    )


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rivals", type=Path, required=True)
    given = parser.parse_args()
    host = Host()
    host.prepare()
    host.start_engine()
    # No init system started the engine: what its script asks for the state goes by this file.
    host.sh("cp /var/run/docker.pid /var/run/docker-ssd.pid")
    with tempfile.TemporaryDirectory() as directory:
        runs = Runs(Path(directory), given.rivals)
        print("bench: deploying the quickstart, twice", file=sys.stderr)
        for name in CONTENDERS:
            runs.run(name)
        for name in CONTENDERS:
            runs.settled(name)
        rounds = []
        for number in range(given.rounds):
            turn = number % len(CONTENDERS)
            rounds.append({name: runs.settled(name) for name in CONTENDERS[turn:] + CONTENDERS[:turn]})
            print(f"bench: round {number + 1} of {given.rounds}", file=sys.stderr)
    return 0 if report(rounds) else 1


if __name__ == "__main__":
    sys.exit(main())
