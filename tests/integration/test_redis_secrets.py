# SPDX-License-Identifier: GPL-3.0-or-later
"""R15: passwords and the key of a certificate are in the files that Redis or root reads, and nowhere else on a host."""

from __future__ import annotations

import json
import secrets
import shlex
import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from certificates import Authority
from lab import wait_until
from played import LOCAL
from redis_lab import ROLE, ROLE_VARIABLES, cli, inspect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lab import Host, Play

pytestmark = pytest.mark.usefixtures("no_files_left", "role_image")
PROOF: list[dict[str, Any]] = [
    {"hosts": "all", "gather_facts": False, "tasks": [
        {"import_role": {"name": "netmode.docker.redis", "tasks_from": "verify.yml"}},
    ]},
]  # fmt: skip
PLACES = "/ /run /tmp /var/tmp /var/lib/docker"
"""All of a machine's file systems that hold something; another one is whoever's mounted it."""


def word() -> str:
    """Found nowhere by chance, and with what has to be quoted in redis.conf."""
    return f'{secrets.token_hex(8)} "{secrets.token_hex(4)}\\'


@pytest.fixture
def authority() -> Authority:
    return Authority()


class Seen:
    """What anybody on the host may see while something goes on: processes with their environment, and the engine's."""

    def __init__(self, host: Host) -> None:
        self.host, self.times, self.text = host, 0, set[str]()

    def look(self) -> None:
        for process in Path("/proc").glob("[0-9]*"):
            for name in ("cmdline", "environ"):
                with suppress(OSError):  # it has ended
                    self.text.update((process / name).read_bytes().decode(errors="replace").split("\0"))
        for one in self.host.api("/containers/json?all=1"):
            self.text.add(json.dumps(one))
            with suppress(AssertionError):
                self.text.add(json.dumps(self.host.api(f"/containers/{one['Id']}/json")))
        self.times += 1

    @contextmanager
    def meanwhile(self) -> Iterator[None]:
        ends = threading.Event()

        def looks() -> None:
            while not ends.wait(0.02):
                self.look()

        thread = threading.Thread(target=looks, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ends.set()
            thread.join(20)


def holding(host: Host, words: list[str], since: str, *who: str) -> set[str]:
    """The files that were written ``since`` in which one of the words is, as far as ``who`` may read them."""
    patterns = " ".join(f"-e {shlex.quote(one)}" for one in words)
    find = f"find {PLACES} -xdev -type f -newer {since} -print0 2>/dev/null | xargs -0r grep -laFs {patterns} --"
    return set(host.run(*who, "bash", "-c", find, check=False).stdout.splitlines())


def test_r15_secrets_are_in_the_files_of_redis_and_of_root_and_nowhere_else(
    host: Host, play: Callable[..., Play], authority: Authority
) -> None:
    certificate, key = authority.issue("redis")
    old, new, app, master, registry = (word() for _ in range(5))
    tls = {"tls": "given", "tls_cert": certificate, "tls_key": key, "tls_ca_cert": authority.pem}
    users = [{"name": "app", "passwords": [app], "rules": "~app:* +@read"}]
    closed = {"name": "closed", "password": "", "users": [*users, {"name": "default", "enabled": False}]}
    first = {"name": "redis", "password": old, "settings": {"masterauth": master}, "users": users, **tls}
    given = {
        **ROLE_VARIABLES, "redis_healthcheck_interval": "1s", "redis_registry_username": "deploy",
        "redis_registry_password": registry,
    }  # fmt: skip

    def run(what: list[dict[str, Any]], *options: str, **changed: Any) -> Play:
        instances = [{**first, **changed}, closed]
        # In the inventory, since -vvv shows the command line of ansible-playbook.
        inventory = {"redis": {"hosts": {"localhost": {**LOCAL, **given, "redis_instances": instances}}}}
        played = play(what, inventory, ("-vvv", "--diff", *options))
        assert played.rc == 0, played.stdout
        return played

    began, seen = host.sh("touch /run/began; date +%s"), Seen(host)
    both = {"password": new, "password_previous": old}
    with seen.meanwhile():
        told = [run(ROLE, "--check"), run(ROLE), run(ROLE, **both), run(ROLE, **both), run(PROOF, **both)]
    assert [bool(one.changed) for one in told] == [True, True, True, False, False]
    assert seen.times > 20
    assert [cli(host, "redis", "ping", password=one) for one in (old, new)] == ["PONG", "PONG"]
    wait_until(
        lambda: all(inspect(host, name)["State"]["Health"]["Status"] == "healthy" for name in ("redis", "closed")),
        "both are healthy",
    )

    seen.look()
    operator = Path("/etc/netmode/redis/closed/.operator").read_text()
    lines = [line for line in key.splitlines() if not line.startswith("-")]
    hidden = [part for one in (old, new, app, master, registry) for part in one.rstrip("\\").split(' "')]
    hidden += [operator, *lines]
    shown = {
        "processes and inspect": "\n".join(seen.text),
        "events": host.sh(f"docker events --since {began} --until $(date +%s)"),
        "logs": "\n".join(host.run("docker", "logs", name).stdout for name in ("redis", "closed")),
        "engine's log": host.sh("cat /tmp/dockerd.log"),
        **{f"output of run {number}": one.stdout + one.stderr for number, one in enumerate(told)},
        **{f"results of run {number}": json.dumps(one.tasks) for number, one in enumerate(told)},
    }
    assert not {where: word for where, text in shown.items() for word in hidden if word in text}

    conf = "/etc/netmode/redis"
    there = {f"{conf}/redis/redis.conf", f"{conf}/redis/tls.pem", f"{conf}/closed/.operator"}
    assert holding(host, hidden, "/run/began") == there
    groups = host.sh("cut -d: -f3 /etc/group | grep -vx 0 | paste -sd,")
    other = ("setpriv", "--reuid=65534", "--regid=65534", f"--groups={groups}")
    assert holding(host, hidden, "/run/began", *other) == set()
    host.sh(f"install -m 0644 {conf}/redis/tls.pem /tmp/known-to-all")
    assert holding(host, hidden, "/run/began", *other) == {"/tmp/known-to-all"}, "what others read is not looked at"
    host.sh("rm /tmp/known-to-all /run/began")
    mode = host.sh(f"stat -c '%a %u:%g' {' '.join(sorted(there))} {conf}/redis {conf}")
    assert mode.splitlines() == ["600 0:0", "600 999:999", "600 999:999", "700 999:999", "700 0:0"]
