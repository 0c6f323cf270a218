# SPDX-License-Identifier: GPL-3.0-or-later
"""O12: an engine of another host, however it is reached, is refused by every module; this host's is taken by any way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from containers_lab import IDLE
from lab import IMAGE, SOCKET, wait_until
from retold_engine import GONE, retold_engine
from tunnel import tunnel

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab import Host

WEB = {"name": "web-o12", "image": IMAGE, "command": IDLE}
MODULES: dict[str, dict[str, Any]] = {
    "network_facts": {},
    "engine_info": {},
    "containers": {"containers": [WEB]},
    "networks": {"networks": [{"name": "net-o12"}]},
    "interfaces": {"interfaces": [{"container": "web-o12", "name": "eth0", "kind": "dummy"}]},
    "volumes": {"volumes": [{"name": "vol-o12"}]},
    "images": {"images": [{"name": IMAGE}]},
}
PODMAN = {"Version": "4.3.1", "ApiVersion": "1.41", "Components": [{"Name": "Podman Engine"}, {"Name": "Conmon"}]}


@pytest.mark.spread
@pytest.mark.engines
@pytest.mark.parametrize("tcp", [False, True])
def test_o12_this_hosts_engine_is_taken_behind_a_tunnel_or_proxy(host: Host, tcp: bool) -> None:
    def facts(**given: Any) -> Any:
        return host.run_module("network_facts", given)["ansible_facts"]

    with tunnel(SOCKET, tcp=tcp) as url:
        wait_until(lambda: facts(docker_host=url) == facts(), "both ways say the same, once the links are at rest")
        made = host.run_module("containers", {"containers": [WEB], "docker_host": url})
        assert made["changed"], made
        by_environment = host.run_module("network_facts", env={"DOCKER_HOST": url})
        assert "web-o12" in by_environment["ansible_facts"]["docker_network"]["containers"]
    assert host.run_module("network_facts", {"docker_host": f"unix://{SOCKET}"}, env={"DOCKER_HOST": "ssh://x"})


@pytest.mark.spread
@pytest.mark.engines
@pytest.mark.parametrize("ends", ["before the look", "before its process is looked for", "with its network"])
def test_o12_what_ends_while_the_engine_is_asked_makes_it_no_other_hosts(host: Host, ends: str) -> None:
    host.docker("run", "-d", "--name", "lasts", IMAGE)
    asked: list[str] = []

    def retell(path: str, answer: Any) -> Any:
        asked.append(path)
        if ends == "with its network" and path.startswith("/networks") and asked.count(path) == 1:
            gone = {"Name": "gone", "Id": "f" * 64, "Driver": "bridge", "Options": {}}
            return [{**answer[0], **gone}]
        if not path.endswith("/json") or path.count("/") != 3 or not isinstance(answer, dict) or "State" not in answer:
            return answer
        if asked.count(path) > 1:
            return answer
        gone_process = {**answer, "State": {**answer["State"], "Pid": 2**22 + 1}}
        return {"before the look": GONE, "before its process is looked for": gone_process}.get(ends, answer)

    with retold_engine(retell) as url:
        told = host.run_module("network_facts", {"docker_host": url})
    assert not told.get("failed"), told["msg"]
    assert asked, "it was asked"


def refused(host: Host, docker_host: str, *words: str, modules: tuple[str, ...] = tuple(MODULES), **env: str) -> None:
    for module in modules:
        given = {} if env else {"docker_host": docker_host}
        result = host.run_module(module, {**MODULES[module], **given}, env=env or None)
        assert result.get("failed"), (module, result)
        for word in words:
            assert word in result["msg"], (module, result["msg"])


def test_o12_an_engine_of_another_host_is_refused_by_every_module_and_is_not_changed(
    host: Host, fresh_machine: Callable[..., Host]
) -> None:
    """A host of the very same name, kernel and default bridge, behind a tunnel; and others by their places."""
    other = fresh_machine(engine=False)
    other.start_engine("-H", f"unix://{SOCKET}", "-H", "unix:///var/tmp/docker.sock")  # the latter is seen from outside
    other.import_image()
    before, ours = other.state(), host.state()
    with tunnel(f"{other.directory}/tmp/docker.sock") as url:
        refused(host, url, "is an engine of another host", "a host of the inventory")
        other.docker("network", "create", "--subnet", "10.99.0.0/24", "told")
        refused(host, url, "is not a link of this host", modules=("containers", "network_facts"))
        other.docker("network", "rm", "told")
        other.docker("run", "-d", "--name", "told", IMAGE)
        refused(host, url, "this host has no process", modules=("containers", "network_facts"))
        other.docker("rm", "-f", "-v", "told")
        other.sh("hostname other")
        refused(host, url, "it runs on other, and this is", modules=("containers", "network_facts"))
    refused(host, "tcp://192.0.2.7:2375", "192.0.2.7 is not an address of this one", "a host of the inventory")
    refused(host, "ssh://root@other", "ssh", "a host of the inventory")
    refused(host, "", "so says DOCKER_HOST", modules=("containers", "network_facts"), DOCKER_HOST="tcp://192.0.2.7")
    assert (other.state(), host.state()) == (before, ours)


def test_o12_podman_and_what_needs_tls_are_named(host: Host) -> None:
    with retold_engine(lambda path, told: PODMAN if path == "/version" else told, server="Libpod/4.3.1") as url:
        refused(host, url, "is Podman, which is not supported")
    with retold_engine(lambda _path, told: told, server="nginx/1.27") as url:
        told = host.run_module("network_facts", {"docker_host": url})["ansible_facts"]["docker_network"]
        assert told["engine"] == host.run_module("network_facts")["ansible_facts"]["docker_network"]["engine"]
