# SPDX-License-Identifier: GPL-3.0-or-later
"""The benchmark: what is measured, in which order, and what must hold. Started by ``run``, within a throwaway machine.

Every round measures every contender once, in an order that turns from round to round, and a ratio is taken within its
round: what else the machine does meanwhile then falls on both. Figures are medians over the rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from lab import COLLECTIONS, IMAGE, MODULE_UTILS, VENV_BIN, Host

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parent.parent
WAIT = ("--entrypoint", "busybox", IMAGE, "sleep", "1000000")
HAND_ROUNDS = 3
"""How many rounds measure the manual way too: it takes most of a minute, and its ratio is far from its bound."""

CONTENDERS = ("ping", "setup", "network_facts", "containers", "docker_container x5")

INSIDE = """
import io, sys, time
started = time.perf_counter()
from ansible_collections.netmode.docker.plugins.modules import network_facts
imported = time.perf_counter()
sys.stdout = io.StringIO()
try:
    network_facts.main()
except SystemExit as ended:
    assert not ended.code, sys.stdout.getvalue()
done = time.perf_counter()
print(imported - started, done - imported, file=sys.stderr)
"""
"""``network_facts`` in a process of its own, by the host's Python: seconds of its imports, and of all the rest."""


def five(prefix: str, port: int) -> list[dict[str, Any]]:
    """Five containers with the options that a Redis usually has, in words that both modules understand."""
    return [
        {
            "name": f"{prefix}{number}",
            "image": IMAGE,
            "command": ["redis-server", "--port", "6379", "--save", ""],
            "network_mode": "bridge",
            "ports": [f"{port + number}:6379"],
            "volumes": [f"{prefix}{number}-data:/data"],
            "labels": {"bench": "yes"},
            "user": "999:999",
        }
        for number in range(5)
    ]


def ours() -> dict[str, Any]:
    return {"netmode.docker.containers": {"containers": five("ours", 21000)}}


def theirs() -> list[dict[str, Any]]:
    renamed = {"ports": "published_ports"}
    return [
        {"community.docker.docker_container": {**{renamed.get(k, k): v for k, v in entry.items()}, "state": "started"}}
        for entry in five("theirs", 22000)
    ]


def populate(host: Host) -> None:
    """Ninety containers of all modes; the ten that the modules keep make it a hundred."""
    host.docker("network", "create", "bench-net")
    modes = ["bridge"] * 78 + ["bench-net"] * 5 + ["container:c0"] * 3 + ["host"] * 2 + ["none"] * 2
    lines = [f"--name c{number} --network {mode}" for number, mode in enumerate(modes)]
    host.run(
        "xargs", "-P2", "-L1", "docker", "run", "--detach", *WAIT[:2],
        stdin="\n".join(f"{line} {' '.join(WAIT[2:])}" for line in lines), timeout=900,
    )  # fmt: skip
    assert len(host.docker("ps", "-q").split()) == 90


def settings(rivals: Path) -> dict[str, str]:
    """The environment of ansible-playbook: this collection, and those in ``rivals``."""
    return {
        **{key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
        "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": f"{COLLECTIONS}:{rivals}",
    }


class Bench:
    def __init__(self, host: Host, rivals: Path, directory: Path) -> None:
        self.host = host
        self.directory = directory
        self.times = directory / "times"
        local = {"ansible_connection": "local", "ansible_python_interpreter": "/usr/bin/python3"}
        (directory / "inventory.yml").write_text(json.dumps({"all": {"hosts": {"localhost": local}}}))
        self.env = {
            **settings(rivals),
            "ANSIBLE_CALLBACK_PLUGINS": str(HERE / "callback_plugins"),
            "ANSIBLE_CALLBACKS_ENABLED": "netmode_times",
            "NETMODE_TIMES": str(self.times),
        }

    def play(self, tasks: list[dict[str, Any]], *, settled: bool = True) -> list[dict[str, Any]]:
        """Run tasks in one play; what each took. With ``settled`` a task that changes anything ends the benchmark."""
        self.times.unlink(missing_ok=True)
        playbook = self.directory / "play.json"
        playbook.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]))
        done = subprocess.run(
            [VENV_BIN / "ansible-playbook", "-i", self.directory / "inventory.yml", playbook],
            env=self.env, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            sys.exit(f"bench: the play failed\n{done.stdout[-4000:]}\n{done.stderr[-2000:]}")
        taken = [json.loads(line) for line in self.times.read_text().splitlines()]
        moved = [task["task"] for task in taken if task["changed"]]
        if settled and moved:
            sys.exit(f"bench: these were to change nothing: {moved}")
        return taken

    def round(self, number: int, *, by_hand: bool) -> dict[str, float]:
        """Every contender once, each time another one first: contender -> seconds."""
        tasks: dict[str, list[dict[str, Any]]] = {
            "ping": [{"ansible.builtin.ping": {}}],
            "setup": [{"ansible.builtin.setup": {"gather_subset": ["!all", "network"]}}],
            "network_facts": [{"netmode.docker.network_facts": {}}],
            "containers": [ours()],
            "docker_container x5": theirs(),
        }
        turn = number % len(CONTENDERS)
        order = CONTENDERS[turn:] + CONTENDERS[:turn]
        # What a play does once is paid by a task that is not counted, and for each module by one that is told apart:
        # the controller packs a module when a run first uses it; every further host and task has it from there.
        listed = [{"name": "warm up", "ansible.builtin.stat": {"path": "/"}}]
        listed += [{"name": f"first {name}", **task} for name in order for task in tasks[name][:1]]
        listed += [{"name": name, **task} for name in order for task in tasks[name]]
        if by_hand:
            listed.append({"ansible.builtin.include_tasks": str(HERE / "by_hand.yml"), "name": "include"})
        taken = self.play(listed)
        names = (*CONTENDERS, *(f"first {name}" for name in CONTENDERS))
        seconds = {name: sum(t["seconds"] for t in taken if t["task"] == name) for name in names}
        if by_hand:
            seconds["manually"] = sum(t["seconds"] for t in taken if t["task"].startswith("manually:"))
            (mapping,) = [t["result"]["ansible_facts"]["by_hand"] for t in taken if t["task"] == "manually: mapping"]
            self.same_mapping(json.loads(mapping) if isinstance(mapping, str) else mapping)
        seconds["imports"], seconds["inside"] = self.inside()
        return seconds

    def same_mapping(self, by_hand: dict[str, Any]) -> None:
        """Both ways have to give the same, else their times say nothing."""
        facts = self.host.run_module("network_facts")["ansible_facts"]["docker_network"]
        keys = ("container", "interface", "bridge")
        mapping = {name: {k: v[k] for k in keys} for name, v in facts["veths"].items() if v["container"]}
        if mapping != by_hand or len(mapping) < 90:
            sys.exit(f"bench: the mappings differ:\n{mapping}\n{by_hand}")

    def inside(self) -> tuple[float, float]:
        done = self.host.run(
            "/usr/bin/python3", "-B", "-c", INSIDE, stdin='{"ANSIBLE_MODULE_ARGS": {}}',
            env={"PYTHONPATH": f"{COLLECTIONS}:{MODULE_UTILS}"},
        )  # fmt: skip
        imports, rest = done.stderr.split()[-2:]
        return float(imports), float(rest)


class Medians:
    """Over the rounds in which a contender ran; of ratios, which are taken within a round."""

    def __init__(self, rounds: list[dict[str, float]]) -> None:
        self.rounds = rounds

    def of(self, name: str) -> float:
        return statistics.median(r[name] for r in self.rounds if name in r)

    def ratio(self, one: str, other: str) -> float:
        return statistics.median(r[one] / r[other] for r in self.rounds if one in r)


def report(rounds: list[dict[str, float]]) -> bool:
    """Print the table and what must hold; True if all of it does."""
    medians = Medians(rounds)
    median, ratio = medians.of, medians.ratio
    title = f"100 containers, {len(rounds)} rounds"
    print(f"\n{title:<42}{'median':>10}{'x ping':>9}{'first':>10}{'x ping':>9}")
    for name, title in (
        ("ping", "ansible.builtin.ping"),
        ("setup", "ansible.builtin.setup, network facts"),
        ("network_facts", "netmode.docker.network_facts"),
        ("manually", "the same by community.docker and shell"),
        ("containers", "netmode.docker.containers, 5, no change"),
        ("docker_container x5", "5 x community.docker.docker_container"),
    ):
        first = f"first {name}"
        once = name in CONTENDERS[:4]
        beside = f"{median(first) * 1000:>7.0f} ms{ratio(first, 'first ping'):>9.2f}" if once else ""
        print(f"{title:<42}{median(name) * 1000:>7.0f} ms{ratio(name, 'ping'):>9.2f}{beside}")
    print(f"{'within network_facts: imports':<42}{median('imports') * 1000:>7.0f} ms")
    print(f"{'within network_facts: everything else':<42}{median('inside') * 1000:>7.0f} ms\n")
    return all_hold(
        ("network_facts / ping", ratio("network_facts", "ping"), "<=", 1.3),
        ("network_facts beyond its imports, ms", median("inside") * 1000, "<=", 120),
        ("manually / network_facts", ratio("manually", "network_facts"), ">=", 20),
        ("containers / ping", ratio("containers", "ping"), "<=", 1.5),
        ("5 x docker_container / containers", ratio("docker_container x5", "containers"), ">=", 3),
    )


def all_hold(*must: tuple[str, float, str, float]) -> bool:
    """Print for each (what, value, ``<=`` or ``>=``, bound) whether it holds; True if all do."""
    holds = [value <= bound if sign == "<=" else value >= bound for _, value, sign, bound in must]
    for (title, value, sign, bound), held in zip(must, holds):
        print(f"{'holds' if held else 'FAILS'}  {title:<42}{value:>8.2f}  {sign} {bound}")
    return all(holds)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--rivals", type=Path, required=True)
    given = parser.parse_args()
    host = Host()
    MODULE_UTILS.mkdir(exist_ok=True)
    if not (MODULE_UTILS / "ansible").is_symlink():
        import ansible  # noqa: PLC0415

        (MODULE_UTILS / "ansible").symlink_to(Path(ansible.__file__).parent)
    if not host.engine_is_up():
        host.start_engine()
    host.import_image()
    print("bench: starting 100 containers", file=sys.stderr)
    populate(host)
    with tempfile.TemporaryDirectory() as directory:
        bench = Bench(host, given.rivals, Path(directory))
        bench.play([ours(), *theirs()], settled=False)
        rounds = []
        hand = {given.rounds * n // HAND_ROUNDS for n in range(HAND_ROUNDS)}
        for number in range(given.rounds):
            rounds.append(bench.round(number, by_hand=number in hand))
            print(f"bench: round {number + 1} of {given.rounds}", file=sys.stderr)
    return 0 if report(rounds) else 1


if __name__ == "__main__":
    sys.exit(main())
