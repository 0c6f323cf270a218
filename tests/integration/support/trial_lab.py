# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of the trial share: the role's plan, the module that tries it, and the containers that follow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.filter.redis_plan import redis_plan
from ansible_collections.netmode.docker.plugins.plugin_utils._variables import read_variables
from redis_lab import socket_of
from shapes import OFFICIAL

if TYPE_CHECKING:
    from lab import Host

Json = dict[str, Any]


def plan(**host: Any) -> Json:
    """The role's plan for one instance, of an image of the tests unless another is given."""
    wrong: list[str] = []
    given = {"redis_instances": [{"name": "cache"}], "redis_image": OFFICIAL}
    variables = read_variables("redis", given | {f"redis_{name}": value for name, value in host.items()}, wrong, "")
    assert wrong == []
    found: Json = redis_plan(variables, "here")
    return found


class Trial:
    """The module ``redis_config`` as the role calls it."""

    def __init__(self, host: Host) -> None:
        self.host = host

    def run(self, found: Json, check: bool = False) -> Json:
        return self.host.run_module("redis_config", {"instances": found["files"]}, check=check)

    def state(self) -> str:
        return self.host.sh(
            "docker ps -aq --no-trunc; docker volume ls -q; find /etc/netmode /var/lib/netmode -ls 2>/dev/null || true"
        )

    def refused(self, **host: Any) -> str:
        before = self.state()
        found = plan(**host)
        if found["problems"]:
            return "\n".join(found["problems"])
        result = self.run(found)
        assert result.get("failed"), f"{host}: {result}"
        assert self.state() == before
        return str(result["msg"])

    def taken(self, **host: Any) -> Json:
        found = plan(**host)
        result = self.run(found)
        assert not result.get("failed"), result["msg"]
        assert self.host.docker("ps", "-aq", "--filter", "label=netmode.docker.trial") == ""
        assert self.run(found, check=True)["trials"] == [], "what has been tried is not tried again"
        return found


def answers(host: Host, password: str = "s3cret") -> bool:
    ask = f"redis-cli -s {socket_of('cache')} ping"
    return host.sh(ask, check=False, env={"REDISCLI_AUTH": password}) == "PONG"


def deploy(host: Host, found: Json) -> None:
    """What follows the files of a plan."""
    for module, given in (("volumes", {"volumes": found["volumes"]}), ("redis_deploy", {"plan": found["parts"]})):
        done = host.run_module(module, given)
        assert not done.get("failed"), done
