# SPDX-License-Identifier: GPL-3.0-or-later
"""Bad input gives one clear error before any change: a table over the modules, each case with the words that it must say.

On the host: ``web`` (default bridge, publishes 18201), ``api`` (on nmt-net at 10.77.0.20, shares nothing), ``hosty`` (host mode),
``lonely`` (none), ``asleep`` (stopped), ``kept`` (made by the module), and a process that listens on 18202.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from containers_lab import IDLE, IMAGE, NET, Lab, entry, make_images, make_networks, told

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab import Host

Json = dict[str, Any]
KEPT = entry("kept", labels={"a": "1"})
CHANGED = {**KEPT, "labels": {"a": "2"}}


class Bad(NamedTuple):
    name: str
    entries: Any
    words: tuple[str, ...]
    """What the one message must say, in any case of letters."""


def one(name: str, words: str, **options: Any) -> Bad:
    """One container ``new`` with options that cannot be; the message names it."""
    return Bad(name, [entry("new", **options)], ("new", *words.split()))


def of_mode(mode: str, option: str, value: Any, *words: str) -> Bad:
    """N16, N17: an option that the mode refuses; the message says container, option, mode, and the way out."""
    given: Json = {option: value, "network_mode": mode}
    return Bad(
        f"{mode.partition(':')[0]}-{option}", [entry("new", **given)], ("new", option, mode.partition(":")[0], *words)
    )


NET_SYSCTL = {"net.core.somaxconn": 512}
MAC = "02:42:ac:11:00:63"
MODES = (
    of_mode("container:web", "ports", ["18210:80"], "donor", "publish"),
    of_mode("container:web", "hostname", "mine", "donor"),
    of_mode("container:web", "dns", ["10.9.9.9"], "donor"),
    of_mode("container:web", "dns_search", ["example.com"], "donor"),
    of_mode("container:web", "dns_opt", ["ndots:2"], "donor"),
    of_mode("container:web", "extra_hosts", ["db:10.0.0.5"], "donor"),
    of_mode("container:web", "mac_address", MAC, "donor"),
    of_mode("container:web", "networks", [NET], "donor"),
    of_mode("container:web", "sysctls", NET_SYSCTL, "donor"),
    of_mode("host", "ports", ["18210:80"], "publish"),
    of_mode("host", "networks", [NET]),
    of_mode("host", "mac_address", MAC),
    of_mode("host", "sysctls", NET_SYSCTL, "on the host"),
    of_mode("none", "ports", ["18210:80"], "network"),
    of_mode("none", "networks", [NET]),
    of_mode("none", "mac_address", MAC),
    of_mode("none", "dns", ["10.9.9.9"]),
    Bad(
        "bridge-ipv4_address",
        [entry("new", networks={"bridge": {"ipv4_address": "172.17.0.99"}})],
        ("new", "ipv4_address", "bridge", "user-defined"),
    ),
    Bad(
        "bridge-aliases",
        [entry("new", networks={"bridge": {"aliases": ["cache"]}})],
        ("new", "aliases", "bridge", "user-defined"),
    ),
)

DONORS = (
    one("donor-unknown", "network_mode nobody", network_mode="container:nobody"),
    one("donor-empty", "network_mode", network_mode="container:"),
    one("donor-self", "network_mode itself", network_mode="container:new"),
    one("donor-stopped", "asleep", network_mode="container:asleep"),
    Bad("donor-cycle", [entry("aa", network_mode="container:bb"), entry("bb", network_mode="container:aa")], ("aa", "bb", "network_mode")),
    Bad("donor-cycle-of-three", [entry("aa", network_mode="container:bb"), entry("bb", network_mode="container:cc"),
                                 entry("cc", network_mode="container:aa")], ("aa", "bb", "cc", "network_mode")),
    Bad("donor-absent", [entry("new", network_mode="container:kept"), {"name": "kept", "state": "absent"}], ("new", "kept", "absent")),
    Bad("donor-stopped-by-list", [entry("new", network_mode="container:kept"), {**KEPT, "state": "stopped"}], ("new", "kept", "stopped")),
    Bad("donor-that-would-join-its-sharer", [entry("web", network_mode="container:tail")], ("web", "tail", "network_mode")),
)  # fmt: skip

PORTS = (
    one("port-of-a-process", "18202 ports python", ports=["18202:80"]),
    one("port-of-a-process-on-one-address", "18202", ports=["127.0.0.1:18202:80"]),
    one("port-of-a-container", "18201 web", ports=["18201:80"]),
    one("port-in-a-range", "18201 web", ports=["18200-18203:80-83"]),
    Bad(
        "port-twice-in-the-list",
        [entry("aa", ports=["18210:80"]), entry("bb", ports=["18210:81"])],
        ("aa", "bb", "18210"),
    ),
    Bad("port-twice-in-a-container", [entry("new", ports=["18210:80", "18210:81"])], ("new", "18210")),
    Bad(
        "port-on-all-and-on-one-address",
        [entry("aa", ports=["18210:80"]), entry("bb", ports=["127.0.0.1:18210:81"])],
        ("aa", "bb", "18210"),
    ),
    one("host-mode-port-of-a-process", "18202", network_mode="host", expose=[18202]),
    one("host-mode-port-of-a-container", "18201 web", network_mode="host", expose=[18201]),
    Bad(
        "host-mode-port-twice",
        [entry("aa", network_mode="host", expose=[18211]), entry("bb", network_mode="host", expose=[18211])],
        ("aa", "bb", "18211"),
    ),
    Bad(
        "host-mode-port-published-by-another",
        [entry("aa", network_mode="host", expose=[18211]), entry("bb", ports=["18211:80"])],
        ("aa", "bb", "18211"),
    ),
    one("sharer-port-of-the-donor", "18301 web", network_mode="container:web", expose=[18301]),
    Bad(
        "sharers-port-twice",
        [entry("aa", network_mode="container:web", expose=[7]), entry("bb", network_mode="container:web", expose=[7])],
        ("aa", "bb", "7"),
    ),
    one("port-too-large", "ports 70000", ports=["70000:80"]),
    one("port-word", "ports http", ports=["http:80"]),
    one("port-ranges-of-two-lengths", "ports", ports=["18210-18212:80-81"]),
    one("port-protocol", "ports icmp", ports=["18210:80/icmp"]),
    one("port-address", "ports 300.0.0.1", ports=["300.0.0.1:18210:80"]),
    one("port-long-form-key", "ports publishd", ports=[{"target": 80, "publishd": 18210}]),
    one("expose-protocol", "expose icmp", expose=["80/icmp"]),
    one("port-on-an-address-of-nobody", "ports 192.0.2.77", ports=["192.0.2.77:18210:80"]),
)

VALUES = (
    Bad("name-twice", [entry("new"), entry("new")], ("new", "name")),
    Bad("name-impossible", [entry("n e w")], ("n e w", "name")),
    Bad("name-empty", [entry("")], ("name",)),
    Bad("image-missing", [{"name": "new"}], ("new", "image")),
    one("image-unknown-and-never-pulled", "image nmt-nowhere:1", image="nmt-nowhere:1", pull_policy="never"),
    one("image-not-to-be-had", "image localhost:1/nowhere", image="localhost:1/nowhere:1"),
    one("image-reference", "image Not::Valid", image="Not::Valid"),
    Bad("option-unknown", [entry("new", imagee="x")], ("imagee", "containers")),
    Bad("state-unknown", [entry("new", state="running")], ("state", "running", "started", "containers")),
    Bad("recreate-unknown", [entry("new", recreate="maybe")], ("recreate", "maybe", "never", "containers")),
    one("network-unknown", "network_mode nmt-nothing", network_mode="nmt-nothing"),
    one("networks-unknown", "networks nmt-nothing", networks=["nmt-nothing"]),
    one("networks-option-unknown", "networks ipv4", networks={NET: {"ipv4": "10.77.0.9"}}),
    one("ipv4-outside-the-subnet", "10.99.0.9 10.77.0.0/24", networks={NET: {"ipv4_address": "10.99.0.9"}}),
    one("ipv4-of-another", "10.77.0.20 api", networks={NET: {"ipv4_address": "10.77.0.20"}}),
    one("ipv4-of-the-gateway", "10.77.0.1 gateway", networks={NET: {"ipv4_address": "10.77.0.1"}}),
    one("ipv4-of-the-network-itself", "10.77.0.0 network", networks={NET: {"ipv4_address": "10.77.0.0"}}),
    one("ipv4-of-the-broadcast", "10.77.0.255 broadcast", networks={NET: {"ipv4_address": "10.77.0.255"}}),
    one("ipv4-is-none", "ipv4_address 10.77.0", networks={NET: {"ipv4_address": "10.77.0"}}),
    Bad(
        "ipv4-twice",
        [entry(name, networks={NET: {"ipv4_address": "10.77.0.30"}}) for name in ("aa", "bb")],
        ("aa", "bb", "10.77.0.30"),
    ),
    one("mac", "mac_address zz", networks={NET: {"mac_address": "zz"}}),
    one("mac-multicast", "mac_address 01:00:5e:00:00:01", networks={NET: {"mac_address": "01:00:5e:00:00:01"}}),
    one("size", "mem_limit 64q", mem_limit="64q"),
    one("size-too-small", "mem_limit 6", mem_limit="1m"),
    one("cpus-word", "cpus many", cpus="many"),
    one("cpus-negative", "cpus -1", cpus=-1),
    one("cpus-infinite", "cpus inf", cpus="inf"),
    one("cpus-too-few", "cpus 0.001 0.01", cpus="0.001"),
    one("cpu_shares-one", "cpu_shares 1 262144", cpu_shares=1),
    one("cpu_shares-negative", "cpu_shares -5", cpu_shares=-5),
    one("cpuset-word", "cpuset abc", cpuset="abc"),
    one("hostname-too-long", "hostname 63", hostname="h" * 64),
    one("working_dir-relative", "working_dir srv absolute", working_dir="srv"),
    one("security_opt-unknown", "security_opt bogus", security_opt=["bogus"]),
    one("sysctl-of-no-name", "sysctls net.core.so", sysctls={"net.core.so maxconn": 1}),
    one("ulimit-below-unlimited", "ulimits nofile -2", ulimits={"nofile": -2}),
    one("ulimit-too-large", "ulimits 9223372036854775808", ulimits={"nofile": 2**63}),
    one("command-nul", "command NUL", command=["redis-server\0"]),
    one("environment-nul", "environment NUL", environment={"A": "\0"}),
    one("environment-number", "environment 5", environment=5),
    one("labels-number", "labels 5", labels=5),
    one("healthcheck-retries", "healthcheck -1", healthcheck={"test": "true", "retries": -1}),
    one("healthcheck-interval", "healthcheck interval millisecond", healthcheck={"test": "true", "interval": "500us"}),
    one("cpus-more-than-there-are", "CPUs", cpus=4096),
    one("duration", "stop_grace_period soon", stop_grace_period="soon"),
    one("restart", "restart sometimes", restart="sometimes"),
    one("restart-count", "restart on-failure:x", restart="on-failure:x"),
    one("healthcheck-test", "healthcheck", healthcheck={"test": ["redis-cli", "ping"]}),
    one("healthcheck-key", "healthcheck every", healthcheck={"test": "true", "every": "5s"}),
    one("ulimit-soft-above-hard", "ulimits nofile", ulimits={"nofile": {"soft": 20, "hard": 10}}),
    one("ulimit-unknown", "ulimits nofiles", ulimits={"nofiles": 10}),
    one("capability", "cap_add FLY", cap_add=["FLY"]),
    one("sysctl-of-the-whole-host", "sysctls vm.overcommit_memory host", sysctls={"vm.overcommit_memory": 1}),
    one("stop-signal", "stop_signal SIGNOTHING", stop_signal="SIGNOTHING"),
    one("dns-is-no-address", "dns one.one.one.one", dns=["one.one.one.one"]),
    one("extra-hosts-without-an-address", "extra_hosts db", extra_hosts=["db"]),
    one("volume-mounted-twice", "volumes /data", volumes=["nmt-a:/data", "nmt-b:/data"]),
    one("volume-mounted-twice-in-two-spellings", "volumes /data twice", volumes=["nmt-a:/data", "nmt-b:/x/../data"]),
    one("volume-over-the-root", "volumes root", volumes=["nmt-a:/"]),
    one("volume-with-propagation", "volumes rshared", volumes=["nmt-a:/data:rshared"]),
    one(
        "volume-long-form-part",
        "volumes x mapping",
        volumes=[{"type": "bind", "source": "/srv", "target": "/data", "bind": "x"}],
    ),
    one("tmpfs-over-the-root", "tmpfs root", tmpfs=["/"]),
    one("tmpfs-option", "tmpfs siz=1m", tmpfs=["/run:siz=1m"]),
    one("config-over-the-root", "configs / file", configs=[{"target": "/", "content": "x"}]),
    one(
        "config-under-a-tmpfs",
        "configs /run/my.conf tmpfs",
        tmpfs=["/run"],
        configs=[{"target": "/run/my.conf", "content": "x"}],
    ),
    one(
        "config-on-a-read-only-volume",
        "configs /ro/my.conf read-only",
        volumes=["nmt-a:/ro:ro"],
        configs=[{"target": "/ro/my.conf", "content": "x"}],
    ),
    one("config-under-proc", "configs /proc/my.conf", configs=[{"target": "/proc/my.conf", "content": "x"}]),
    one(
        "config-twice",
        "configs /etc/my.conf twice",
        configs=[{"target": at, "content": "x"} for at in ("/etc/my.conf", "/etc/./my.conf")],
    ),
    one(
        "config-mode-too-large", "configs 10000", configs=[{"target": "/etc/my.conf", "content": "x", "mode": "10000"}]
    ),
    one("config-owner", "configs uid -1", configs=[{"target": "/etc/my.conf", "content": "x", "uid": -1}]),
    one("volume-relative", "volumes ./data absolute", volumes=["./data:/data"]),
    one("volume-target-relative", "volumes absolute", volumes=["nmt-a:data"]),
    one("volume-option", "volumes rx", volumes=["nmt-a:/data:rx"]),
    one("volume-name", "volumes a b", volumes=["a b:/data"]),
    one("tmpfs-relative", "tmpfs absolute", tmpfs=["run"]),
    one("tmpfs-over-a-volume", "tmpfs /data", tmpfs=["/data"], volumes=["nmt-a:/data"]),
    one("command-quote", "command", command="redis-server 'oops"),
    Bad(
        "config-without-content",
        [entry("new", configs=[{"target": "/etc/my.conf"}])],
        ("content", "configs", "containers"),
    ),
    one(
        "config-mode",
        "configs /etc/my.conf octal",
        configs=[{"target": "/etc/my.conf", "content": "maxmemory 1mb", "mode": "rw"}],
    ),
    one("environment-empty", "environment", environment=["=x"]),
    one("refused-by-the-engine-at-create", "create CPUs 4095", cpuset="0-4095"),
    Bad("recreate-never", [{**KEPT, "recreate": "never", "user": "1000"}], ("kept", "user", "recreate")),
    Bad("good-and-bad", [CHANGED, entry("new", network_mode="container:nobody")], ("new", "nobody")),
)

OF_THE_NETWORK = (*MODES, *DONORS, *PORTS)
CASES = (*OF_THE_NETWORK, *VALUES)


def furnish(lab: Lab) -> None:
    listening = ["redis-server", "--save", "", "--port", "18301"]
    for options in (
        ("run", "-d", "--name", "web", "-p", "18201:80", IMAGE, *listening),
        ("run", "-d", "--name", "tail", "--network", "container:web", IMAGE),
        ("run", "-d", "--name", "api", "--network", NET, "--ip", "10.77.0.20", IMAGE),
        ("run", "-d", "--name", "hosty", "--network", "host", IMAGE),
        ("run", "-d", "--name", "lonely", "--network", "none", IMAGE),
        ("create", "--name", "asleep", IMAGE, *IDLE),
    ):
        lab.docker(*options)
    lab.apply(KEPT)
    assert "18301" in lab.host.sh(f"nsenter -t {lab.pid('web')} -n ss -Hlnt")


@pytest.fixture(scope="module")
def furnished(machine: Host) -> Iterator[Lab]:
    before = machine.things()
    make_images(machine)
    lab = Lab(machine)
    with socket.create_server(("0.0.0.0", 18202)):
        try:
            make_networks(machine)
            furnish(lab)
            yield lab
        finally:
            machine.remove_new(before)


@pytest.fixture
def lab(furnished: Lab) -> Iterator[Lab]:
    """The host as the table wants it; a case that was not refused spoils it for no other."""
    there = furnished.made()
    yield furnished
    if furnished.made() != there:
        furnished.docker("rm", "-fv", *furnished.made())
        furnish(furnished)


@pytest.mark.parametrize(
    "bad",
    [
        *(pytest.param(case, id=case.name, marks=[pytest.mark.engines, pytest.mark.spread]) for case in OF_THE_NETWORK),
        *(pytest.param(case, id=case.name) for case in VALUES),
    ],
)
def test_bad_container(lab: Lab, bad: Bad) -> None:
    """The entry before it wants a change: it must not get it."""
    first = [] if any(one["name"] == "kept" for one in bad.entries) else [CHANGED]
    lab.refused(*first, *bad.entries, words=bad.words)


@pytest.mark.engines
def test_check_mode_refuses_the_same(lab: Lab) -> None:
    """What a run would refuse, its prediction refuses."""
    for bad in (MODES[0], DONORS[0], DONORS[4], PORTS[0], VALUES[4]):
        result = lab.host.run_module("containers", {"containers": bad.entries}, check=True)
        told(result, bad.words)


def test_many_cases_and_none_twice() -> None:
    assert len(CASES) >= 40
    assert len({case.name for case in CASES}) == len(CASES)
