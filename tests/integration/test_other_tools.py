# SPDX-License-Identifier: GPL-3.0-or-later
"""O1, O2: containers as Compose, Portainer and Watchtower make them, by the very requests that they send to the engine.

They are adopted unchanged, and keep what their tools go by when they are recreated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from containers_lab import IDLE, IMAGE, NET, RICH, Lab, entry, make_images, make_networks

if TYPE_CHECKING:
    from lab import Host

Json = dict[str, Any]
pytestmark = pytest.mark.engines

DEFAULT_CAPABILITIES = [
    "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "NET_RAW", "SETFCAP",
    "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
]  # fmt: skip
OTHER_CAPABILITIES = ["AUDIT_CONTROL", "BLOCK_SUSPEND", "DAC_READ_SEARCH", "NET_ADMIN", "SYS_ADMIN", "SYS_PTRACE"]


def labels(service: str) -> Json:
    return {
        "com.docker.compose.project": "shop", "com.docker.compose.service": service, "com.docker.compose.oneoff": "False",
        "com.docker.compose.container-number": "1", "com.docker.compose.config-hash": "7c1f", "com.docker.compose.depends_on": "",
    }  # fmt: skip


def compose(service: str, mode: str, host: Json, **config: Any) -> Json:
    """As ``docker compose up`` sends it."""
    ends = {mode: {"Aliases": [f"shop-{service}-1", service], "IPAMConfig": {}}} if mode == NET else {}
    return {
        "Image": IMAGE, "Cmd": None, "Entrypoint": None, "AttachStdout": True, "AttachStderr": True, "Labels": labels(service),
        **config,
        "HostConfig": {
            "NetworkMode": mode, "LogConfig": {"Type": "", "Config": None}, "RestartPolicy": {"Name": "unless-stopped"},
            "Binds": None, "PortBindings": {}, "ExtraHosts": [], "Ulimits": None, "Init": None, "ShmSize": 0, **host,
        },
        "NetworkingConfig": {"EndpointsConfig": ends},
    }  # fmt: skip


def portainer(**config: Any) -> Json:
    """As its form for a new container sends it: each capability by its name, and each field, filled in or not."""
    return {
        "Image": IMAGE, "Env": [], "OpenStdin": False, "Tty": False, "ExposedPorts": {"6379/tcp": {}}, "MacAddress": "",
        "User": "", "WorkingDir": "", "Labels": {}, "Volumes": {"/data": {}}, **config,
        "HostConfig": {
            "NetworkMode": "bridge", "RestartPolicy": {"Name": "always"}, "PublishAllPorts": False, "AutoRemove": False,
            "PortBindings": {"6379/tcp": [{"HostIp": "127.0.0.1", "HostPort": "18522"}]}, "Binds": ["nmt-portainer:/data"],
            "Privileged": False, "Init": False, "Runtime": "", "ExtraHosts": [], "Devices": [], "DeviceRequests": [],
            "Sysctls": {}, "LogConfig": {"Type": "", "Config": {}}, "ShmSize": 2**26, "Memory": 0, "MemoryReservation": 0,
            "NanoCpus": 0, "CapAdd": DEFAULT_CAPABILITIES, "CapDrop": OTHER_CAPABILITIES,
        },
        "NetworkingConfig": {"EndpointsConfig": {"bridge": {"IPAMConfig": {"IPv4Address": "", "IPv6Address": ""}}}},
    }  # fmt: skip


class Made(NamedTuple):
    name: str
    body: Json
    """ContainerCreate."""
    wanted: Json
    """The options of the list entry."""


BIND = {"Type": "bind", "Source": "/srv/nmt", "Target": "/srv/host", "ReadOnly": True}
MADE = (
    Made(
        "shop-cache-1",
        compose(
            "cache", NET,
            {"Binds": ["nmt-shop:/data:rw"], "Mounts": [BIND], "Tmpfs": {"/run": ""},
             "PortBindings": {"6379/tcp": [{"HostIp": "", "HostPort": "18521"}]}},
            Env=["A=1"], ExposedPorts={"6379/tcp": {}},
        ),
        {"networks": [NET], "restart": "unless-stopped", "environment": {"A": "1"}, "ports": ["18521:6379"],
         "volumes": ["nmt-shop:/data", "/srv/nmt:/srv/host:ro"], "tmpfs": ["/run"]},
    ),
    Made("shop-side-1", compose("side", "container:donor", {}, Image=RICH, Cmd=IDLE),
         {"image": RICH, "command": IDLE, "network_mode": "container:donor", "restart": "unless-stopped"}),
    Made("shop-host-1", compose("host", "host", {}), {"network_mode": "host", "restart": "unless-stopped"}),
    Made("shop-none-1", compose("none", "none", {"RestartPolicy": {}}), {"network_mode": "none"}),
    # Compose 1, in Python: every target of a volume is one that the container asks for as well.
    Made(
        "shop_old_1",
        compose("old", "bridge", {"Binds": ["nmt-old:/data:rw"], "VolumesFrom": [], "Links": []}, Volumes={"/data": {}}, Tty=False),
        {"volumes": ["nmt-old:/data"], "restart": "unless-stopped"},
    ),
    Made("portainer", portainer(),
         {"restart": "always", "ports": ["127.0.0.1:18522:6379"], "volumes": ["nmt-portainer:/data"], "init": False}),
)  # fmt: skip


@pytest.fixture
def lab(host: Host) -> Lab:
    make_images(host)
    make_networks(host)
    host.sh("mkdir -p /srv/nmt")
    host.docker("run", "-d", "--name", "donor", IMAGE)
    return Lab(host)


def create(lab: Lab, name: str, body: Json) -> None:
    status, answer = lab.host.call("POST", f"/containers/create?name={name}", body)
    assert status == 201, answer
    lab.docker("start", name)


def made_again(lab: Lab, name: str, image: str) -> None:
    """As Watchtower and Portainer's "recreate" do it: the inspect of the old one is the request for the new one."""
    old = lab.inspect(name)
    lab.docker("rm", "-f", name)
    ends = {network: {"Aliases": end["Aliases"]} for network, end in old["NetworkSettings"]["Networks"].items()}
    create(
        lab,
        name,
        {
            **old["Config"],
            "Image": image,
            "HostConfig": old["HostConfig"],
            "NetworkingConfig": {"EndpointsConfig": ends},
        },
    )


def test_o1_what_other_tools_make_is_adopted_unchanged(lab: Lab) -> None:
    for made in MADE:
        create(lab, made.name, made.body)
    lab.unchanged(*(entry(made.name, **made.wanted) for made in MADE))


def test_o1_what_a_tool_made_again_from_an_inspect_is_adopted_unchanged(lab: Lab) -> None:
    """It has all that the image brings as if it had been asked for, and the host name that the engine drew for the old one."""
    given = {"image": RICH, "command": IDLE}
    for name, network in (("watched", NET), ("bridged", "bridge")):
        lab.docker("run", "-d", "--name", name, "--network", network, RICH, *IDLE)
        made_again(lab, name, RICH)
    lab.unchanged(entry("watched", network_mode=NET, **given), entry("bridged", **given))


def test_o1_a_container_of_compose_keeps_the_names_that_its_project_calls_it_by(lab: Lab) -> None:
    made = MADE[0]
    create(lab, made.name, made.body)
    lab.docker("run", "-d", "--name", "client", "--network", NET, IMAGE)
    lab.converge(entry(made.name, **{**made.wanted, "environment": {"A": "2"}}))
    assert set(lab.inspect(made.name)["NetworkSettings"]["Networks"][NET]["Aliases"]) >= {"cache"}
    ask = ("exec", "client", "busybox", "nslookup")
    assert "Address" in lab.docker(*ask, "cache", "127.0.0.11")
