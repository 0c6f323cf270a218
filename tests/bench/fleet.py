# SPDX-License-Identifier: GPL-3.0-or-later
"""What a settled fleet costs: facts, verify and site against a play of one ping, whole runs over real ssh.

Both run alternately over the same inventory, the lab's three hosts under as many names as asked for, each name with an
ssh connection of its own that is up before the first measured run. Ratios are taken within a round; medians are shown.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml
from hosts import HOSTS, STATE, done, run_play
from lab import VENV_BIN
from tree import CHECKOUT, COLLECTIONS

FLEET = CHECKOUT / "tests" / "lab" / "fleet"
PING = [{"hosts": "all", "gather_facts": False, "tasks": [{"ansible.builtin.ping": {}}]}]
TREE = [{"hosts": "all", "gather_facts": False, "roles": ["netmode.docker.topology"]}]
"""Drawn from cached facts where there are some, else the hosts are asked."""
SLOW = [{"hosts": "all", "gather_facts": False, "tasks": [{"ansible.builtin.command": "sleep 1"}]}]
"""Forks are worth nothing where all hosts share the controller's cores; they are where a host is waited for."""
GROUPS = {"bookworm": "caches", "trixie": "sidecars", "forky": "fast"}
"""Host of the lab → its group, by which it has its Redis; each of its names is in it."""
FORKS = "20"
BOUND = 1.3
"""facts.yml, in seconds."""
CPU_BOUNDS = {"verify": 4.0, "site": 8.0}
"""Controller CPU."""
LINEAR = 1.2
"""How much more one more host may cost between the two largest sizes than between the two smallest."""


class Bench:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        for name, play in (("ping", PING), ("tree", TREE), ("slow", SLOW)):
            (directory / f"{name}.yml").write_text(json.dumps(play))
        for name in ("facts", "verify", "site"):
            play = [{"ansible.builtin.import_playbook": str(CHECKOUT / "playbooks" / f"{name}.yml")}]
            (directory / f"{name}.yml").write_text(json.dumps(play))
        (directory / "group_vars").symlink_to(FLEET / "group_vars")
        (directory / "host_vars").mkdir()

    def inventory(self, size: int) -> Path:
        lab: dict[str, Any] = yaml.safe_load(STATE.joinpath("hosts.yml").read_text())["all"]
        addresses = [lab["hosts"][name]["ansible_host"] for name in HOSTS]
        own = {"redis_tls": "off", "redis_tls_port": 0}  # a certificate is for one name of a host
        hosts = {
            f"host{number:03}": {"ansible_host": addresses[number % len(addresses)], **own} for number in range(size)
        }
        groups: dict[str, Any] = {group: {"hosts": {}} for group in GROUPS.values()}
        for number, name in enumerate(hosts):
            host = HOSTS[number % len(HOSTS)]
            groups[GROUPS[host]]["hosts"][name] = None
            link, shared = self.directory / "host_vars" / f"{name}.yml", FLEET / "host_vars" / f"{host}.yml"
            if shared.exists() and not link.exists():
                link.symlink_to(shared)
        # A connection to each name, not to each address.
        lab["vars"]["ansible_ssh_common_args"] += f" -o ControlPath={self.directory}/{{{{ inventory_hostname }}}}"
        path = self.directory / f"{size}.yml"
        redis = {"redis": {"children": groups}}
        path.write_text(yaml.safe_dump({"all": {"vars": lab["vars"], "hosts": hosts, "children": redis}}))
        return path

    def cpu(self, play: str, inventory: Path) -> float:
        """Seconds of the controller's processors that one whole run takes."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.run(play, inventory)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    def run(self, play: str, inventory: Path, **env: str) -> float:
        """Seconds of one whole run."""
        settings = {
            "PATH": f"{VENV_BIN}:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": os.environ["HOME"],
            "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
            "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
            "ANSIBLE_FORKS": FORKS,
            "ANSIBLE_SSH_ARGS": "-o ControlMaster=auto -o ControlPersist=600",
            **env,
        }
        started = time.perf_counter()
        ran = subprocess.run(
            [VENV_BIN / "ansible-playbook", "-i", inventory, self.directory / f"{play}.yml"],
            env=settings, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        taken = time.perf_counter() - started
        if ran.returncode:
            said = ran.stdout.partition("PLAY RECAP")[0]
            sys.exit(f"bench: {play} failed\n{said[-4000:]}\n{ran.stderr[-2000:]}")
        return taken


def sizes(bench: Bench, wanted: list[int], rounds: int) -> bool:
    print(f"{'hosts':>6}{'ping':>9}{'facts.yml':>11}{'ratio':>7}   (medians of {rounds}, {FORKS} forks)")
    ratios, seconds = {}, {}
    for size in wanted:
        inventory = bench.inventory(size)
        bench.run("ping", inventory)
        pairs = [(bench.run("ping", inventory), bench.run("facts", inventory)) for _ in range(rounds)]
        ping, facts = (statistics.median(times) for times in zip(*pairs))
        ratios[size], seconds[size] = statistics.median(facts / ping for ping, facts in pairs), facts
        print(f"{size:>6}{ping:>8.1f}s{facts:>10.1f}s{ratios[size]:>7.2f}", flush=True)
    must = [(f"facts.yml / ping over {size} hosts", ratio, BOUND) for size, ratio in ratios.items()]
    more = [(seconds[large] - seconds[small]) / (large - small) for small, large in pairwise(wanted)]
    if more:
        told = ", ".join(f"{taken * 1000:.0f} ms" for taken in more)
        must.append((f"one more host ({told}), last / first", more[-1] / more[0], LINEAR))
    for title, value, bound in must:
        print(f"{'holds' if value <= bound else 'FAILS'}  {title:<48}{value:>6.2f}  <= {bound}")
    return all(value <= bound for _, value, bound in must)


def settled(bench: Bench, wanted: list[int], rounds: int) -> bool:
    """What site.yml and verify.yml cost the controller where nothing is to be changed."""
    print(f"\n{'hosts':>6}{'ping':>10}{'verify.yml':>12}{'site.yml':>11}   (controller CPU per host, ratios to ping)")
    ratios: dict[str, dict[int, float]] = {name: {} for name in CPU_BOUNDS}
    seconds: dict[str, dict[int, float]] = {name: {} for name in CPU_BOUNDS}
    bench.run("site", bench.inventory(len(HOSTS)))
    for size in wanted:
        inventory = bench.inventory(size)
        taken = [{name: bench.cpu(name, inventory) for name in ("ping", *CPU_BOUNDS)} for _ in range(rounds)]
        for name, of_name in ratios.items():
            of_name[size] = statistics.median(one[name] / one["ping"] for one in taken)
            seconds[name][size] = statistics.median(one[name] for one in taken) / size
        ping = statistics.median(one["ping"] for one in taken) / size
        print(
            f"{size:>6}{ping * 1000:>7.0f} ms{ratios['verify'][size]:>12.1f}{ratios['site'][size]:>11.1f}", flush=True
        )
    must = [
        (f"{name}.yml / ping over {size} hosts", ratio, CPU_BOUNDS[name])
        for name, of_name in ratios.items()
        for size, ratio in of_name.items()
    ]
    first, last = wanted[0], wanted[-1]
    # Of a host's own seconds: a ping is cheaper among many, since each run has a start of its own.
    must += [
        (f"{name}.yml: a host of {last} ({one[last] * 1000:.0f} ms) / of {first}", one[last] / one[first], LINEAR)
        for name, one in seconds.items()
    ]
    for title, value, bound in must:
        print(f"{'holds' if value <= bound else 'FAILS'}  {title:<48}{value:>6.2f}  <= {bound}")
    return all(value <= bound for _, value, bound in must)


def settings(bench: Bench, size: int, rounds: int) -> None:
    """What each setting for large fleets is worth, facts.yml over ``size`` hosts."""
    inventory = bench.inventory(size)
    cache = {"ANSIBLE_CACHE_PLUGIN": "ansible.builtin.jsonfile"}
    cache["ANSIBLE_CACHE_PLUGIN_CONNECTION"] = str(bench.directory / "cache")
    bench.run("facts", inventory, **cache)
    ways: tuple[tuple[str, str, dict[str, str]], ...] = (
        ("as above", "facts", {}),
        ("forks = 5, Ansible's default", "facts", {"ANSIBLE_FORKS": "5"}),
        ("a second's wait on each host", "slow", {}),
        ("a second's wait on each host, forks = 5", "slow", {"ANSIBLE_FORKS": "5"}),
        ("pipelining = False, Ansible's default", "facts", {"ANSIBLE_PIPELINING": "False"}),
        ("no ControlPersist: a connection for each task", "facts", {"ANSIBLE_SSH_ARGS": "-o ControlPath=none"}),
        ("the tree, hosts asked", "tree", {}),
        ("the tree, from a fact cache", "tree", cache),
    )
    times: dict[str, list[float]] = {name: [] for name, _, _ in ways}
    for _ in range(rounds):
        for name, play, env in ways:
            times[name].append(bench.run(play, inventory, **env))
    print(f"\n{size} hosts{'':<38}{'seconds':>10}{'x':>7}")
    for name, _, _ in ways:
        ratio = statistics.median(one / base for one, base in zip(times[name], times["as above"]))
        print(f"{name:<46}{statistics.median(times[name]):>10.1f}{ratio:>7.2f}")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", type=int, nargs="+", default=[10, 50, 200])
    parser.add_argument("--settled", type=int, nargs="+", default=[10, 50], help="over how many for site and verify")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    done(run_play("site.yml", packed=True))
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="nm") as directory:
        bench = Bench(Path(directory))
        held = sizes(bench, given.sizes, given.rounds)
        held = settled(bench, given.settled, given.rounds) and held
        settings(bench, min(50, given.sizes[-1]), given.rounds)
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
