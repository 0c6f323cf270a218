# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration of a Redis that runs: changed while it runs, and set back where somebody has changed it (R4)."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from lab import wait_until
from redis_lab import cli, inspect, running
from shaped import MODES, PASSWORD, Client, ask, deploy, instance, own_volumes
from shapes import REDIS_SHAPES

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab import Host, Play

pytestmark = [pytest.mark.engines, pytest.mark.spread, pytest.mark.usefixtures("shape_images", "no_files_left")]
SETTINGS = {
    "maxmemory": "100mb",
    "save": ["900 1", "60 10000"],
    "settings": {"hash-max-ziplist-entries": 64, "slowlog-max-len": 64, "loglevel": "notice"},
}
AS_TOLD = {
    "maxmemory": "104857600",
    "hash-max-ziplist-entries": "64",
    "save": "900 1 60 10000",
    "slowlog-max-len": "64",
}
ODD = {"maxmemory": "0", "hash-max-ziplist-entries": "7", "save": "", "loglevel": "debug", "protected-mode": "no"}
ALIAS = "hash-max-listpack-entries"
UNNAMED = {"maxclients": "99", "notify-keyspace-events": "KEA"}
TRIED = "set what runs to what it says"


def told(host: Host, name: str, directive: str, password: str = PASSWORD) -> str:
    return cli(host, name, "config", "get", directive, password=password).partition("\n")[2]


def changed(played: Play) -> list[str]:
    return [task["task"] for task in played.tasks if task["status"] == "changed"]


def everywhere(**settings: Any) -> list[dict[str, Any]]:
    """One instance of each shape, in the modes by turns."""
    return [
        instance(number, MODES[number % len(MODES)], shape, **settings) for number, shape in enumerate(REDIS_SHAPES)
    ]


@pytest.fixture
def deployed(host: Host, play: Callable[..., Play]) -> list[str]:
    instances = everywhere(**SETTINGS)
    own_volumes(host, instances)
    deploy(play, instances)
    assert deploy(play, instances).changed == 0
    names = [one["name"] for one in instances]
    for name in names:
        assert ask(host, name, "set", "marker", name) == "OK"
    return names


def test_r4_what_was_set_at_run_time_is_set_back_without_a_restart(
    host: Host, play: Callable[..., Play], deployed: list[str]
) -> None:
    for name in deployed:
        assert {directive: told(host, name, directive) for directive in AS_TOLD} == AS_TOLD, name
    before, clients = running(host), {name: Client(name) for name in deployed}
    default = {directive: told(host, deployed[0], directive) for directive in UNNAMED}
    odd = {**ODD, **UNNAMED}
    for name in deployed:
        assert ask(host, name, "config", "set", *(word for pair in odd.items() for word in pair)) == "OK"
    for name in deployed[::2]:
        assert ask(host, name, "config", "rewrite") == "OK"

    for options in (("--check", "--diff"), ()):
        played = deploy(play, everywhere(**SETTINGS), *options)
        (only,) = changed(played)
        assert only.endswith(TRIED), played.stdout
        found = played.task(TRIED)["set_live"]
        assert sorted(found) == sorted(deployed)
        assert {tuple(found[name]) for name in deployed} == {tuple(sorted({*odd, ALIAS}))}, found
    assert deploy(play, everywhere(**SETTINGS)).changed == 0
    for name in deployed:
        assert {directive: told(host, name, directive) for directive in AS_TOLD} == AS_TOLD, name
        assert {directive: told(host, name, directive) for directive in UNNAMED} == default, name
        assert (told(host, name, "protected-mode"), told(host, name, "loglevel")) == ("yes", "notice"), name
        assert clients[name].says("PING") == "+PONG", f"{name}: its client was disconnected"
        assert ask(host, name, "get", "marker") == name
    assert running(host) == before


class Visitor(threading.Thread):
    """Connects again and again with the password that it has by then, and writes. Counts by whom it was not let in."""

    def __init__(self, name: str) -> None:
        super().__init__(daemon=True)
        self.instance, self.password, self.done, self.refused = name, PASSWORD, 0, 0
        self.ends = threading.Event()
        self.start()

    def run(self) -> None:
        while not self.ends.wait(0.02):
            try:
                client = Client(self.instance, f"AUTH {self.password}")
                self.refused += client.says(f"SET visits {self.done}") != "+OK"
                client.socket.close()
            except (OSError, AssertionError):
                self.refused += 1
            self.done += 1

    def end(self) -> int:
        self.ends.set()
        self.join(20)
        return self.refused


def test_r12_no_client_is_refused_while_a_password_is_changed(
    host: Host, play: Callable[..., Play], deployed: list[str], tell: Callable[[str], None]
) -> None:
    before, users = running(host), [{"name": "app", "passwords": ["one"], "rules": "~visits +get"}]
    visitors = [Visitor(name) for name in deployed]
    both = {"redis_password": "n3w", "redis_password_previous": PASSWORD}
    assert deploy(play, everywhere(**SETTINGS), **both).changed == 1
    assert deploy(play, everywhere(**SETTINGS), **both).changed == 0
    for visitor in visitors:
        visitor.password = "n3w"
    so_far = {visitor: visitor.done for visitor in visitors}
    wait_until(lambda: all(visitor.done > so_far[visitor] + 1 for visitor in visitors), "all have the new password")
    assert deploy(play, everywhere(**SETTINGS, users=users), redis_password="n3w").changed == 1
    assert deploy(play, everywhere(**SETTINGS, users=users), redis_password="n3w").changed == 0
    assert [visitor.end() for visitor in visitors] == [0] * len(visitors)
    tell(f"{sum(visitor.done for visitor in visitors)} visits, none refused")
    for name in deployed:
        assert "NOAUTH" in cli(host, name, "ping", password=PASSWORD), name
        assert Client(name, "AUTH app one").says("GET other").startswith("-NOPERM"), name
        assert "one" not in host.sh(f"cat /etc/netmode/redis/{name}/redis.conf").split(), name
    assert running(host) == before


OTHER = {
    "maxmemory": "200mb",
    "save": [],
    "settings": {
        "hash-max-ziplist-entries": 32, "masterauth": "a secret of two words", "client-output-buffer-limit": "pubsub 1mb 1mb 9",
        "user": ["app on >app ~app:* +@read (~other +get)", "off off ~* +@all", "hashed on #" + "ab" * 32 + " ~* +@all -@admin"],
    },
}  # fmt: skip


def test_a_changed_setting_a_user_and_another_password_reach_the_running_redis_without_a_restart(
    host: Host, play: Callable[..., Play], deployed: list[str]
) -> None:
    before, clients = running(host), {name: Client(name) for name in deployed}
    for options in (("--check", "--diff"), ()):
        played = deploy(play, everywhere(**OTHER), *options, redis_password="n3w")
        assert [task.rsplit(", ", 1)[1] for task in changed(played)] == [f"and {TRIED}"], played.stdout
        found = played.task(TRIED)
        assert found["restarts"] == {}
        for name in deployed:
            assert {"maxmemory", "save", "slowlog-max-len", "requirepass", "user app"} <= {*found["set_live"][name]}, (
                found
            )
        assert "n3w" not in played.stdout
    assert deploy(play, everywhere(**OTHER), redis_password="n3w").changed == 0
    for name in deployed:
        assert "NOAUTH" in cli(host, name, "ping", password=PASSWORD), name
        assert [told(host, name, one, "n3w") for one in ("maxmemory", "save", "slowlog-max-len")] == [
            "209715200",
            "",
            "128",
        ]
        assert told(host, name, "masterauth", "n3w") == "a secret of two words", name
        assert Client(name, "AUTH app app").says("GET app:1") == "$-1", name
        assert clients[name].says("GET marker") == f"${len(name)}\r\n{name}", f"{name}: its client was disconnected"
    assert running(host) == before
    assert changed(deploy(play, everywhere(**SETTINGS)))
    assert deploy(play, everywhere(**SETTINGS)).changed == 0
    for name in deployed:
        assert {directive: told(host, name, directive) for directive in AS_TOLD} == AS_TOLD, name
        assert "app" not in ask(host, name, "acl", "list"), name
    assert running(host) == before


def test_a_setting_that_the_running_redis_judges_needs_no_trial_and_one_that_it_refuses_changes_nothing(
    host: Host, play: Callable[..., Play], deployed: list[str]
) -> None:
    def wanted(last: str, **settings: Any) -> list[dict[str, Any]]:
        given = everywhere(**{**SETTINGS, "maxmemory": "150mb"})
        given[-1]["settings"] = {**SETTINGS["settings"], "slowlog-max-len": last, **settings}  # type: ignore[dict-item]
        return given

    before, confs = running(host), host.sh("cat /etc/netmode/redis/*/redis.conf")
    for refused in (
        deploy(play, wanted(last, **more), rc=2) for last, more in (("many", {}), ("65", {"no-such": "1"}))
    ):
        message = refused.failed[0]["result"]["msg"]
        assert f"instance {deployed[-1]}: Redis does not start with its new configuration" in message
        assert host.sh("cat /etc/netmode/redis/*/redis.conf") == confs
        for name in deployed:
            assert {directive: told(host, name, directive) for directive in AS_TOLD} == AS_TOLD, name
    for options in (("--check",), ()):
        played = deploy(play, wanted("65"), *options)
        assert len(changed(played)) == 1
        assert played.task(TRIED)["trials"] == [], "a trial that nobody needs"
        assert set(played.task(TRIED)["set_live"]) == {*deployed}
    assert deploy(play, wanted("65")).changed == 0
    for name in deployed:
        assert told(host, name, "maxmemory") == str(150 * 1024 * 1024), name
    assert told(host, deployed[-1], "slowlog-max-len") == "65"
    assert running(host) == before


def test_what_redis_reads_only_when_it_starts_restarts_it_or_waits_until_somebody_does(
    host: Host, play: Callable[..., Play], deployed: list[str]
) -> None:
    fixed: dict[str, Any] = {"settings": {**SETTINGS["settings"], "databases": 4, "rename-command": "FLUSHALL nope"}}  # type: ignore[dict-item]
    wanted = everywhere(**{**SETTINGS, **fixed}, restart_allowed=False)
    before = running(host)
    for options in (("--check",), ()):
        played = deploy(play, wanted, *options)
        (only,) = changed(played)
        assert only.endswith(TRIED), played.stdout
        assert sorted(played.task(TRIED)["waiting"]) == sorted(deployed)
    assert running(host) == before
    left = deploy(play, wanted)
    assert left.changed == 0
    assert (
        f"redis_restart_allowed leaves that restart to you: docker restart {deployed[0]}" in left.stderr + left.stdout
    )
    host.docker("restart", deployed[0])

    allowed = everywhere(**{**SETTINGS, **fixed})
    ids = {name: inspect(host, name)["Id"] for name in deployed}
    for options in (("--check",), ()):
        played = deploy(play, allowed, *options)
        assert changed(played), played.stdout
    assert deploy(play, allowed).changed == 0
    for name in deployed:
        assert (told(host, name, "databases"), ask(host, name, "get", "marker")) == ("4", name)
        assert "unknown command" in ask(host, name, "flushall"), name
    assert {name: inspect(host, name)["Id"] for name in deployed} == ids, "recreated, where a restart was enough"


def test_one_that_has_no_config_command_takes_its_redis_conf_over_by_a_restart(
    host: Host, play: Callable[..., Play]
) -> None:
    def wanted(**settings: Any) -> list[dict[str, Any]]:
        named = {"settings": {"rename-command": 'CONFIG ""'}, **settings}
        return [instance(0, "bridge", REDIS_SHAPES[0], **named)]

    deploy(play, wanted())
    (name,) = (one["name"] for one in wanted())
    assert deploy(play, wanted()).changed == 0
    assert ask(host, name, "set", "marker", name) == "OK"
    container, before = inspect(host, name)["Id"], running(host)
    for options in (("--check",), ()):
        played = deploy(play, wanted(maxmemory="64mb"), *options)
        assert len(changed(played)) == 2, played.stdout
    assert deploy(play, wanted(maxmemory="64mb")).changed == 0
    assert running(host) != before
    assert inspect(host, name)["Id"] == container
    assert "maxmemory:67108864" in ask(host, name, "info", "memory").split()
    assert ask(host, name, "get", "marker") == name
