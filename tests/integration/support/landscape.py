# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers, networks and links to be read: one of everything that ``network_facts`` has to tell apart."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from lab import IMAGE, request, wait_until
from oracle import kind, links, output, within

Json = dict[str, Any]

TENTATIVE, FAILED = 0x40, 0x08  # of an IPv6 address: IFA_F_TENTATIVE, IFA_F_DADFAILED (linux/if_addr.h)
SHARED_MAC = "02:42:de:ad:be:ef"


def docker(*words: str) -> str:
    return output("docker", *words).strip()


def host_ip(*words: str) -> str:
    return output("ip", *words)


def ask(method: str, path: str, body: Json | None = None) -> Json:
    """The engine's answer, with the cost of no command line: there are a hundred questions."""
    status, answer = request(method, path, body)
    assert status < 300, f"{method} {path}: {answer.decode()}"
    found: Json = json.loads(answer or "{}")
    return found


def inspect(container: str) -> Json:
    return ask("GET", f"/containers/{container}/json")


def pid_of(container: str) -> int:
    return int(inspect(container)["State"]["Pid"])


def ip_in(container: str, *words: str) -> str:
    return output(*within(pid_of(container)), "ip", *words)


def await_exit(container: str) -> None:
    wait_until(lambda: inspect(container)["State"]["Status"] == "exited", f"{container} has exited")


def wait_in(
    name: str, network: str = "default", publish: tuple[str, ...] = (), start: bool = True, mac: str = "", **asked: Any
) -> None:
    """Create (and by default start) a container that only waits; ``asked`` are further options of the HostConfig."""
    bindings: Json = {}
    for address, number, target in (_published(word) for word in publish):
        bindings[target] = [{"HostIp": address, "HostPort": number}]
    body: Json = {
        "Image": IMAGE, "Entrypoint": ["busybox"], "Cmd": ["sleep", "1000000"],
        "ExposedPorts": {target: {} for target in bindings},
        "HostConfig": {"NetworkMode": network, "PortBindings": bindings, **asked},
    }  # fmt: skip
    if mac:  # older engines look for it at the container, younger ones at its place on the network
        body |= {"MacAddress": mac, "NetworkingConfig": {"EndpointsConfig": {network: {"MacAddress": mac}}}}
    ask("POST", f"/containers/create?name={name}", body)
    if start:
        ask("POST", f"/containers/{name}/start")


def _published(word: str) -> tuple[str, str, str]:
    place, _, target = word.rpartition(":")
    address, _, number = place.rpartition(":")
    return address, number, target if "/" in target else f"{target}/tcp"


def add_network(name: str, *options: str) -> str:
    return docker("network", "create", *options, name)


def add_link(name: str, *options: str) -> None:
    host_ip("link", "add", "name", name, *options)


def plumb(container: str, host_end: str, inner: str, index: int | None = None, master: str = "") -> None:
    """A veth made within the container's namespace, where the kernel numbers its links from 2, as Docker 28 does."""
    numbered = ("index", str(index)) if index else ()
    peer = ("type", "veth", "peer", "name", host_end, "netns", str(os.getpid()))
    ip_in(container, "link", "add", "name", inner, *numbered, *peer)
    ip_in(container, "link", "set", inner, "up")
    host_ip("link", "set", host_end, "up", *(("master", master) if master else ()))
    inside = within(pid_of(container))
    wait_until(
        lambda: links()[host_end]["operstate"] == links(*inside)[inner]["operstate"] == "UP",
        f"the kernel has noticed the carrier of {host_end}",
    )


def replumb(container: str, host_end: str, index: int = 2) -> None:
    """Make a bridge container's eth0 again as Docker 28 makes it: same MAC, address and route, but ifindex 2."""
    inside = links(*within(pid_of(container)))["eth0"]
    (old,) = [x for x in links().values() if x["ifindex"] == inside["link_index"] and kind(x) == "veth"]
    (address,) = [a for a in inside["addr_info"] if a["family"] == "inet"]
    (network,) = inspect(container)["NetworkSettings"]["Networks"].values()
    host_ip("link", "del", old["ifname"])
    plumb(container, host_end, "eth0", index, old["master"])
    ip_in(container, "link", "set", "eth0", "address", inside["address"])
    ip_in(container, "addr", "add", f"{address['local']}/{address['prefixlen']}", "dev", "eth0")
    ip_in(container, "route", "add", "default", "via", network["Gateway"])


def build() -> None:
    """One of everything, on one machine."""
    wait_in("web", publish=("18080:80", "127.0.0.1:18081:81/udp"))
    docker("run", "--detach", "--name", "plain", "--entrypoint", "busybox", IMAGE, "sleep", "1000000")
    wait_in("by-default", "default")
    wait_in("by-bridge", "bridge")
    _networks()
    wait_in("on-host", "host")
    wait_in("alone", "none")
    wait_in("shares", "container:web")
    wait_in("shares-too", "container:web")
    wait_in("shares-a-sharer", "container:shares")
    wait_in("ended")
    docker("kill", "ended")
    await_exit("ended")
    wait_in("never-started", publish=("18090:90",), start=False)
    wait_in("never-started-sharer", "container:never-started", start=False)
    wait_in("frozen")
    docker("pause", "frozen")
    _stale_sharers()
    _links_of_the_users_own()
    _oddities()
    wait_until(settled, "every address of every link is usable")


def settled() -> bool:
    """Whether the kernel is done with giving links their IPv6 addresses: it tries each for a second or two."""
    running = [pid_of(name) for name in docker("ps", "--format", "{{.Names}}").split()]
    lists = [Path(f"/proc/{pid}/net/if_inet6").read_text(encoding="ascii") for pid in (os.getpid(), *running)]
    flags = [int(line.split()[4], 16) for told in lists for line in told.splitlines()]
    return not any(flag & TENTATIVE and not flag & FAILED for flag in flags)


def _networks() -> None:
    add_network(
        "lab-one",
        *("--subnet", "10.91.1.0/24", "--opt", "com.docker.network.bridge.name=br-one"),
        *("--opt", "com.docker.network.driver.mtu=1400", "--opt", "com.docker.network.bridge.enable_icc=false"),
    )
    add_network("lab-two", "--subnet", "10.91.2.0/24", "--opt", "com.docker.network.bridge.enable_ip_masquerade=false")
    add_network("lab-internal", "--gateway", "10.91.3.7", "--subnet", "10.91.3.0/24", "--internal")
    add_network("lab-six", "--ipv6", "--subnet", "fd00:91::/64", "--subnet", "10.91.6.0/24")
    add_network("lab-empty", "--subnet", "10.91.4.0/24")
    host_ip("tuntap", "add", "dev", "lab-parent", "mode", "tap")
    host_ip("link", "set", "lab-parent", "up")
    add_network("lab-macvlan", "--driver", "macvlan", "--subnet", "10.91.5.0/24", "--opt", "parent=lab-parent")
    wait_in("many", "lab-one", publish=("18082:82",))
    docker("network", "connect", "lab-two", "many")
    docker("network", "connect", "bridge", "many")
    wait_in("inner", "lab-internal")
    wait_in("six", "lab-six")
    wait_in("mv", "lab-macvlan")
    # One MAC on two networks; and twice on one network.
    wait_in("twin-one", "lab-one", mac=SHARED_MAC)
    wait_in("twin-two", "lab-two", mac=SHARED_MAC)
    wait_in("twin-three", "lab-two", mac=SHARED_MAC)


def _oddities() -> None:
    """What the engine and the kernel say in other words, or not at all."""
    ident = docker("network", "inspect", "-f", "{{.Id}}", "lab-one")
    wait_in("by-id", ident)
    wait_in("by-short-id", ident[:10])
    wait_in("linker", Links=["web:alias"])  # the engine lists web under a second name from now on
    wait_in("shares-host", "container:on-host")
    wait_in("unplugged")
    docker("network", "disconnect", "bridge", "unplugged")
    wait_in("cut")
    ip_in("cut", "link", "del", "eth0")
    wait_in("fixed")
    plumb("fixed", "mendwire", "eth7", master="br-hand")  # Docker 28 has given its eth0 the number 2
    ip_in("fixed", "link", "set", "eth0", "down")
    add_network("lab-gone", "--subnet", "10.91.9.0/24")
    wait_in("lost", "lab-gone", start=False)
    docker("network", "rm", "lab-gone")
    wait_in("named-before")
    docker("rename", "named-before", "named-after")
    add_link("br-stp", "type", "bridge", "stp_state", "1")


def _stale_sharers() -> None:
    wait_in("donor")
    wait_in("left-behind", "container:donor")
    docker("restart", "--time", "0", "donor")
    wait_in("donor-stopped")
    wait_in("orphan", "container:donor-stopped")
    docker("kill", "donor-stopped")
    await_exit("donor-stopped")
    wait_in("donor-removed")
    wait_in("bereft", "container:donor-removed")
    docker("rm", "--force", "donor-removed")


def _links_of_the_users_own() -> None:
    """A bridge that is not Docker's, veths that are no container's, and interfaces plumbed manually into ``none``."""
    add_link("br-hand", "type", "bridge")
    add_link("hand-a", "mtu", "1450", "type", "veth", "peer", "name", "hand-b")
    host_ip("tuntap", "add", "dev", "hand-d", "mode", "tap")
    for name in ("hand-a", "hand-d"):
        host_ip("link", "set", name, "up", "master", "br-hand")
    host_ip("addr", "add", "10.92.0.1/24", "dev", "br-hand")
    host_ip("link", "set", "br-hand", "up")
    for number, index in enumerate((2, 20, 22, 28)):
        name = f"wired{number}"
        wait_in(name, "none")
        plumb(name, f"wire{number}", "eth0", index, "br-hand")
        ip_in(name, "addr", "add", f"10.92.0.{10 + number}/24", "dev", "eth0")
    ip_in("wired0", "route", "add", "default", "via", "10.92.0.1")
    _mirror_pair()


def _mirror_pair() -> None:
    """A veth between two containers whose two ifindexes are those of a host veth and its peer.

    Seen without the namespace, the inner end and the host's veth ``wire0`` point at each other.
    """
    wait_in("mirror-a", "none")
    wait_in("mirror-b", "none")
    near = ("type", "veth", "peer", "name", "x-near", "netns", str(pid_of("mirror-a")))
    ip_in("mirror-b", "link", "add", "name", "x-far", "index", str(links()["wire0"]["ifindex"]), *near)
