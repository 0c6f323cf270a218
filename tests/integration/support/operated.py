# SPDX-License-Identifier: GPL-3.0-or-later
"""A Redis of the role that is operated on while two clients write to it, over its socket and over its address."""

from __future__ import annotations

import http.client
from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from lab import wait_until
from redis_lab import cli, inspect, socket_of
from shaped import MODES
from shapes import SHAPES
from writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab import Host, Play

DONOR, PORTS = "donor", {"store": 7000, "twin": 7001}
"""The container that is joined, and the two names that the Redis has by turns, each with its port."""
GATE = "172.17.0.1"
"""The address of the host that its containers reach."""
PROMOTE: list[dict[str, Any]] = [
    {"hosts": "all", "gather_facts": False, "tasks": [
        {"ansible.builtin.include_role": {"name": "netmode.docker.redis", "tasks_from": "promote.yml"}},
    ]},
]  # fmt: skip
PLAY: list[dict[str, Any]] = [
    {
        "hosts": "all",
        "gather_facts": False,
        "vars": {"__redis_proof_follows": True, "__redis_look_is_fresh": True},
        "tasks": [
            {"ansible.builtin.import_role": {"name": "netmode.docker.redis"}},
            {"ansible.builtin.import_role": {"name": "netmode.docker.redis", "tasks_from": "verify.yml"}},
        ],
    },
]
"""The role and its proof, as site.yml has them: where nothing differs one module looks at all and proves it."""
OPERATIONS = [
    "change_mode", "change_mode", "change_image", "recreate", "rotate", "set_live", "set_at_start",
    "drift", "kill_server", "end_engine", "restart_host", "promote",
]  # fmt: skip
"""A round: each is drawn once, so that twelve have had all of them."""
READ_BY = {"redis": ("redis", "redis-8", "valkey-9"), "redis-8": ("redis-8",), "valkey-9": ("valkey-9",)}
"""Whose data, and who reads it."""
AT_MOST = 1.0
"""Seconds that a planned promote may hold writes back."""
ODD = ("maxclients", "99", "loglevel", "debug", "hash-max-listpack-entries", "7", "protected-mode", "no")
RUNNING = "docker ps -q | xargs -r docker inspect -f '{{.State.Pid}}'; pgrep containerd-shim; pgrep -x containerd"
"""The processes of what the engine runs."""
POWER_CUT = """
[ ! -d /run/systemd/system ] || systemctl stop containerd
kill -KILL $0 $@ 2>/dev/null
for _ in {1..100}; do kill -0 $0 $@ 2>/dev/null || break; sleep 0.05; done
for link in $(ip -o link | sed -nE 's/^[0-9]+: (veth[^:@]*|docker0).*/\\1/p'); do ip link delete $link 2>/dev/null; done
umount /run/docker/netns/* 2>/dev/null
rm -rf /run/docker* /run/containerd
iptables -F; iptables -t nat -F; iptables -t raw -F
"""
"""Those end as well, once the engine has, and what lies in memory is gone."""


class Figures(NamedTuple):
    sent: int = 0
    answered: int = 0
    gap: float = 0.0
    lost: int = 0

    def __add__(self, other: Figures) -> Figures:  # type: ignore[override]
        return Figures(
            self.sent + other.sent, self.answered + other.answered, max(self.gap, other.gap), self.lost + other.lost
        )


class Operated:
    def __init__(self, host: Host, play: Callable[..., Play]) -> None:
        self.host, self._play = host, play
        self.mode, self.shape, self.password, self.turn = "bridge", "redis", "secret-0", 0
        self.name, self.other = PORTS
        self._was = self.mode
        """Before a change of it, until that is done."""
        self.settings: dict[str, Any] = {}
        self.instance: dict[str, Any] = {}
        self.figures: dict[str, Figures] = defaultdict(Figures)
        """By mode; those of an operation count for the mode that it leads to."""
        self.promoted: list[float] = []
        """The longest gap of each time that a replica was promoted."""
        self.deploy()
        self.writers = [
            Writer("by-socket", lambda: socket_of(self.name), self.password, 0.002),
            Writer("by-address", self.address, self.password, 0.002),
        ]
        self._checked = dict.fromkeys(self.writers, 0)
        self._had = dict.fromkeys(self.writers, (0, 0))
        self._before = dict.fromkeys(self.writers, 0.0)
        """The longest gap of the last operation, up to where a part of it was measured by itself."""
        self.gaps: dict[str, float] = {}
        """Of the last operation, by client."""
        for writer in self.writers:
            writer.start()
        self.is_right()

    # --- what it is ---

    def variables(self, *instances: dict[str, Any]) -> dict[str, Any]:
        """``instances``: in the place of the one that there is."""
        return {
            "redis_instances": [*instances] or [self.redis(self.name)],
            "redis_companions": [{"name": DONOR, "image": SHAPES["nginx"].image}],
            "redis_password": self.password, "redis_keeper": False, "redis_healthcheck_interval": "1h",
            "redis_host_tuning": False, "redis_address": GATE,
        }  # fmt: skip

    def redis(self, name: str, **more: Any) -> dict[str, Any]:
        shape = SHAPES[self.shape]
        own: dict[str, Any] = {"port": PORTS[name], "bind": ["*"]} if self.mode in ("host", "container") else {}
        own.update({"donor": DONOR} if self.mode == "container" else {})
        own.update(self.instance, settings={**self.settings})
        return {
            "name": name, "network_mode": self.mode, "image": shape.image, "user": shape.user,
            "server_command": shape.server, "cli_command": shape.cli, "appendfsync": "always", **own, **more,
        }  # fmt: skip

    def deploy(self, rc: int = 0, **more: Any) -> Play:
        played = self._play(PLAY, **{**self.variables(), **more})
        assert played.rc == rc, played.stdout + played.stderr
        return played

    def address(self) -> str | None:
        """Where its network mode has it reached over TCP; '' for nowhere by now, None for nowhere at all."""
        if "none" in (self.mode, self._was):
            return None
        if self.mode == "host":
            return f"127.0.0.1:{PORTS[self.name]}"
        name, port = (self.name, 6379) if self.mode == "bridge" else (DONOR, PORTS[self.name])
        try:
            found = self.host.api(f"/containers/{name}/json")["NetworkSettings"]["Networks"]["bridge"]["IPAddress"]
        except (OSError, KeyError, ValueError, http.client.HTTPException):
            return ""
        return f"{found}:{port}" if found else ""

    def started(self) -> str:
        return str(inspect(self.host, self.name)["State"]["StartedAt"])

    def _ask(self, *words: str) -> str:
        return cli(self.host, self.name, *words, password=self.password)

    # --- what must hold after each operation ---

    def is_right(self, **more: Any) -> None:
        """Each client goes on, no acknowledged write is lost, a second run changes nothing, and all claims hold."""
        goes_on = self._go_on()
        again = self.deploy(**more)
        assert again.changed == 0, again.stdout
        for writer in self.writers:
            self._count(writer, counts=writer in goes_on)

    def _go_on(self) -> list[Writer]:
        """Each client whose writes are answered, once they are."""
        found = self.writers if self.mode != "none" else self.writers[:1]
        now = {writer: writer.acknowledged for writer in found}
        wait_until(
            lambda: all(one.acknowledged > now[one] + 5 for one in found), f"{self.mode}: writes are answered", 40
        )
        return found

    def _count(self, writer: Writer, *, counts: bool) -> None:
        sent, answered, gap = writer.sent, writer.acknowledged, max(writer.longest(), self._before[writer])
        self._before[writer] = 0.0
        lost = self._lost(writer, answered)
        before, self._had[writer] = self._had[writer], (sent, answered)
        self.gaps[writer.key] = gap
        if counts:
            self.figures[self.mode] += Figures(sent - before[0], answered - before[1], gap, lost)
        assert lost == 0, f"{writer.key}: {lost} of {answered} acknowledged writes are lost"

    def _lost(self, writer: Writer, answered: int) -> int:
        """Of the writes that were not looked at before."""
        first = self._checked[writer]
        found = self._ask("lrange", writer.key, str(first), "-1").split()
        wanted = [str(number + 1) for number in range(first, max(answered, first + len(found)))]
        self._checked[writer] = first + len(found)
        return sum(one != other for one, other in zip(wanted, [*found, *[""] * (len(wanted) - len(found))]))

    def end(self) -> None:
        """Ends the clients, and looks at every write from the first on."""
        for writer in self.writers:
            writer.end()
            self._checked[writer] = 0
            lost = self._lost(writer, writer.acknowledged)
            assert lost == 0, f"{writer.key}: {lost} of {writer.acknowledged} acknowledged writes are lost"

    # --- operations; pick: a number that chooses among what there is to choose ---

    def change_mode(self, pick: int) -> None:
        others = [mode for mode in MODES if mode != self.mode]
        self.mode = others[pick % len(others)]
        self.deploy()
        self._was = self.mode

    def change_image(self, pick: int) -> None:
        """One that reads the data takes its place; one that does not is refused, as is then the way back."""
        others = [name for name in READ_BY if name != self.shape]
        was, new = self.shape, others[pick % len(others)]
        if new in READ_BY[was]:
            self.shape = new
            self.deploy()
            new = was
        before, had, self.shape = self.started(), self.shape, new
        refused = self.deploy(rc=2)
        assert "its data cannot be kept with this one" in " ".join(refused.failed[0]["result"]["msg"].split())
        assert self.started() == before
        self.shape = had

    def recreate(self, pick: int) -> None:
        self.turn += 1
        self.instance["labels"] = {"turn": f"{self.turn}"}
        if pick % 2:  # an interval of its own instead
            self.instance["stop_grace_period"] = f"{60 + self.turn}s"
        self.deploy()

    def rotate(self, pick: int) -> None:
        """Both passwords, then the clients have the new one, then that alone."""
        self.turn += 1
        before, old, self.password = self.started(), self.password, f"secret-{self.turn}"
        self.deploy(redis_password_previous=old)
        self.is_right(redis_password_previous=old)
        for writer in self.writers:
            writer.password = self.password
        if pick % 2:
            self._ask("client", "kill", "type", "normal")
        self.deploy()
        assert self.started() == before

    def set_live(self, pick: int) -> None:
        before = self.started()
        self.instance["maxmemory"] = f"{100 + self.turn * 12 + pick}mb"
        self.settings["slowlog-max-len"] = 60 + pick
        self.turn += 1
        self.deploy()
        assert self.started() == before

    def set_at_start(self, pick: int) -> None:
        """It waits where a restart is not allowed, until somebody restarts it or one is."""
        self.turn += 1
        before, self.settings["databases"] = self.started(), 16 + self.turn
        self.instance["restart_allowed"] = False
        self.deploy()
        assert self.started() == before
        if pick % 2:
            self.host.docker("restart", self.name)
        del self.instance["restart_allowed"]
        self.deploy()
        assert self._ask("config", "get", "databases").split()[1] == str(16 + self.turn)

    def drift(self, pick: int) -> None:
        before = self.started()
        assert self._ask("config", "set", *ODD) == "OK"
        if pick % 2:
            assert self._ask("config", "rewrite") == "OK"
        assert self.deploy().changed == 1
        assert self.started() == before

    def promote(self, pick: int) -> None:
        """A replica is made, in host mode, where each reaches the other, and takes over; the other one goes."""
        old, new, self.mode = self.name, self.other, "host"
        master, replica = self.redis(old), self.redis(new, replica_of=f"localhost/{old}")
        self.deploy(**self.variables(*([replica, master] if pick % 2 else [master, replica])))
        self._was = self.mode
        self._go_on()
        self._before = {writer: writer.longest() for writer in self.writers}
        self.name, self.other = new, old
        played = self._play(PROMOTE, redis_promote=f"localhost/{new}", **self.variables(master, replica))
        assert played.rc == 0, played.stdout + played.stderr
        self._go_on()
        gaps = {writer: writer.longest() for writer in self.writers}
        self._before = {writer: max(gap, self._before[writer]) for writer, gap in gaps.items()}
        self.promoted.append(max(gaps.values()))
        assert self.promoted[-1] < AT_MOST, f"a planned promote held writes back for {self.promoted[-1]:.2f} s"
        self.deploy(**self.variables(self.redis(new), {"name": old, "state": "absent"}))
        self.host.docker("volume", "rm", f"{old}-data")

    def kill_server(self, pick: int) -> None:
        """The engine starts it again."""
        for _ in range(1 + pick % 2):
            before = self.started()
            self.host.sh(f"kill -KILL {inspect(self.host, self.name)['State']['Pid']}")
            wait_until(lambda: self.started() != before, "its engine starts it again")  # noqa: B023
        self.deploy()

    def end_engine(self, pick: int) -> None:
        self.host.kill_engine(("KILL", "TERM")[pick % 2])
        self.host.start_engine(*(["--live-restore"] if pick // 2 % 2 else []))
        self.deploy()

    def restart_host(self, pick: int) -> None:
        """As near as it gets: all processes end at once, and what lies in memory is gone."""
        running = self.host.sh(RUNNING).split()
        self.host.kill_engine()
        self.host.run("bash", "-c", POWER_CUT, *running, check=False)
        self.host.start_engine(*(["--live-restore"] if pick % 2 else []))
        self.deploy()


def told(figures: dict[str, Figures], promoted: list[float]) -> list[str]:
    lines = [
        f"{mode}: {one.answered} of {one.sent} writes answered, the longest gap {one.gap:.2f} s, {one.lost} lost"
        for mode, one in figures.items()
    ]
    return [*lines, f"planned promote: {len(promoted)}, the longest gap {max(promoted, default=0):.2f} s"]
