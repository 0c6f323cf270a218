# SPDX-License-Identifier: GPL-3.0-or-later
"""Bad surroundings give one clear error: no engine, not an engine, too old, no SDK, no right to it. And bad networks."""

from __future__ import annotations

import http.server
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from containers_lab import IMAGE, NET, Lab, entry, make_images, make_networks, told

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab import Host

Json = dict[str, Any]
MODULES: dict[str, Json] = {
    "containers": {"containers": [entry("new")]},
    "networks": {"networks": [{"name": "nmt-new"}]},
    "network_facts": {},
}


@pytest.fixture(scope="module")
def lab(machine: Host) -> Iterator[Lab]:
    before = machine.things()
    make_images(machine)
    try:
        make_networks(machine)
        machine.docker("run", "-d", "--name", "api", "--network", NET, IMAGE)
        machine.sh("ip link add nmt-link type veth peer name nmt-peer")
        yield Lab(machine)
    finally:
        machine.remove_new(before)


def refused(lab: Lab, module: str, args: Json, *words: str, **how: Any) -> None:
    before = lab.state()
    message = told(lab.host.run_module(module, args, **how), words)
    lab.same(before, f"the host was changed before this was said: {message}")


@contextmanager
def answering(api: str, body: bytes) -> Iterator[str]:
    """Something that listens and answers every request with this API version and body."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            if api:
                self.send_header("Api-Version", api)
                self.send_header("Server", "Docker/18.09.1 (linux)")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the name that the base class gives it)
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"tcp://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("module", MODULES)
def test_engine_not_there(lab: Lab, module: str) -> None:
    refused(
        lab,
        module,
        {**MODULES[module], "docker_host": "unix:///run/none.sock"},
        "/run/none.sock",
        "no such socket",
        "docker_host",
    )


@pytest.mark.parametrize("module", MODULES)
def test_engine_refuses_connections(lab: Lab, module: str) -> None:
    refused(lab, module, {**MODULES[module], "docker_host": "tcp://127.0.0.1:1"}, "127.0.0.1:1", "down")


NO_PLACES = ("ssh://root@host", "tcp://h:99999", "tcp://[::1", "http://h:abc", "tcp://h:0", f"tcp://{'h' * 64}")


@pytest.mark.parametrize("module", MODULES)
def test_docker_host_in_no_known_form(lab: Lab, module: str) -> None:
    for place in NO_PLACES:
        refused(lab, module, {**MODULES[module], "docker_host": place}, "docker_host", place)


@pytest.mark.parametrize("module", MODULES)
def test_timeout_that_is_none(lab: Lab, module: str) -> None:
    for timeout in (-1, 0, 86401, 2**63):
        refused(lab, module, {**MODULES[module], "timeout": timeout}, "timeout", str(timeout), "86400")


@pytest.mark.parametrize("module", MODULES)
def test_engine_too_old(lab: Lab, module: str) -> None:
    with answering("1.39", b"[]") as url:
        refused(lab, module, {**MODULES[module], "docker_host": url}, "18.09.1", "too old", "20.10")


@pytest.mark.parametrize("module", MODULES)
def test_no_engine_at_all_listens(lab: Lab, module: str) -> None:
    with answering("", b"<html>hello</html>") as url:
        refused(lab, module, {**MODULES[module], "docker_host": url}, url, "Docker Engine")


@pytest.mark.parametrize("module", ["containers", "networks"])
def test_sdk_missing(lab: Lab, module: str) -> None:
    refused(lab, module, MODULES[module], "docker", "python", hide=("docker",))


def test_sdk_missing_does_not_matter_to_reading_and_to_a_run_without_changes(lab: Lab) -> None:
    lab.apply(entry("still"))
    assert not lab.host.run_module("containers", {"containers": [entry("still")]}, hide=("docker",))["changed"]
    assert not lab.host.run_module("network_facts", hide=("docker",)).get("failed")


@pytest.mark.parametrize("module", MODULES)
def test_no_right_to_the_socket(lab: Lab, module: str) -> None:
    refused(lab, module, MODULES[module], "permission denied", "become", user="65534")


@pytest.mark.parametrize("module", MODULES)
def test_engine_hangs(lab: Lab, module: str) -> None:
    """A socket that takes connections and never answers: the timeout ends it."""
    with socket.create_server(("127.0.0.1", 18250)):
        refused(lab, module, {**MODULES[module], "docker_host": "tcp://127.0.0.1:18250", "timeout": 1}, "18250", "1 s")


def subnet(cidr: str, **more: Any) -> Json:
    return {"ipam": {"config": [{"subnet": cidr, **more}]}}


NETWORKS: dict[str, tuple[Json, tuple[str, ...]]] = {
    "subnet-is-none": (subnet("10.80.0/24"), ("nmt-new", "subnet", "10.80.0/24")),
    "subnet-with-host-bits": (subnet("10.80.0.5/24"), ("nmt-new", "10.80.0.5/24", "10.80.0.0/24")),
    "subnet-of-another": (subnet("10.77.0.0/25"), ("nmt-new", "10.77.0.0/25", NET)),
    "gateway-outside": (subnet("10.80.0.0/24", gateway="10.81.0.1"), ("nmt-new", "gateway", "10.81.0.1")),
    "gateway-is-none": (subnet("10.80.0.0/24", gateway="first"), ("nmt-new", "gateway", "first")),
    "range-outside": (subnet("10.80.0.0/24", ip_range="10.81.0.0/28"), ("nmt-new", "ip_range", "10.81.0.0/28")),
    "route-of-the-host": (subnet("10.0.2.0/24"), ("nmt-new", "10.0.2.0/24", "route")),
    "ipv6-without-being-asked-for": (subnet("fd00:80::/64"), ("nmt-new", "enable_ipv6")),
    "bridge-name-too-long": ({"bridge_name": "a-name-longer-than-15"}, ("nmt-new", "bridge_name", "15")),
    "bridge-name-taken": ({"bridge_name": "nmt-link"}, ("nmt-new", "bridge_name", "nmt-link")),
    "mtu": ({"mtu": 20}, ("nmt-new", "mtu", "20")),
    "driver": ({"driver": "carrier-pigeon"}, ("driver", "carrier-pigeon")),
    "own-of-the-engine": ({"name": "bridge"}, ("bridge",)),
    "absent-with-containers": ({"name": NET, "state": "absent"}, (NET, "api")),
    "never-recreated": ({"name": NET, "recreate": "never", "internal": True}, (NET, "internal")),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_bad_network(lab: Lab, name: str) -> None:
    given, words = NETWORKS[name]
    refused(lab, "networks", {"networks": [{"name": "nmt-new", **given}]}, *words)


def test_network_twice(lab: Lab) -> None:
    refused(lab, "networks", {"networks": [{"name": "nmt-new"}, {"name": "nmt-new"}]}, "nmt-new", "twice")
