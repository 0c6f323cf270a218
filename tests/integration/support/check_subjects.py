# SPDX-License-Identifier: GPL-3.0-or-later
"""For each managing module but ``containers``: how it runs in the test's process, entries over all its options, and
what is done to the host manually. The property over them is in test_check_is_run.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils import _volumes
from ansible_collections.netmode.docker.plugins.module_utils._compose.typed import read_all
from ansible_collections.netmode.docker.plugins.module_utils._images import reconcile as images
from ansible_collections.netmode.docker.plugins.module_utils._images.spec import IMAGE_ARGUMENTS as IMAGE_SPEC
from ansible_collections.netmode.docker.plugins.module_utils._interfaces import reconcile as interfaces
from ansible_collections.netmode.docker.plugins.module_utils._interfaces.spec import INTERFACE_ARGUMENTS
from ansible_collections.netmode.docker.plugins.module_utils._networks import reconcile as networks
from ansible_collections.netmode.docker.plugins.module_utils._networks.spec import NETWORK_ARGUMENTS
from ansible_collections.netmode.docker.plugins.module_utils._redis import reconcile as redis
from ansible_collections.netmode.docker.plugins.module_utils._redis.spec import INSTANCE_ARGUMENTS
from ansible_collections.netmode.docker.plugins.modules.volumes import VOLUME
from lab import SOCKET
from registry_lab import CLOSED, HERE, OPEN, SECRET

if TYPE_CHECKING:
    from collections.abc import Callable

Json = dict[str, Any]


class Subject(NamedTuple):
    run: Callable[..., Json]
    entries: str
    """The option that holds the list."""
    spec: Json
    """Of an entry."""
    base: Json
    """What every entry of the property has."""
    options: tuple[Json, ...]
    drift: dict[str, str]
    """What a hand does to the host, by what it is called → the command line."""
    further: Json
    """The module's other options."""

    def params(self, entry: Json) -> Json:
        problems: list[str] = []
        read = read_all(self.spec, {**self.base, **entry}, problems)
        assert not problems, problems
        return {"docker_host": f"unix://{SOCKET}", "timeout": 60, **self.further, self.entries: [read]}


def pool(subnet: str, **more: Any) -> Json:
    return {"ipam": {"config": [{"subnet": subnet, **more}]}}


NETWORKS = Subject(
    networks.run, "networks", NETWORK_ARGUMENTS, {"name": "nmt-one", **pool("10.81.0.0/24")},
    (
        pool("10.81.0.0/24", gateway="10.81.0.9"), pool("10.81.1.0/24", ip_range="10.81.1.128/25"),
        pool("10.81.0.0/24", aux_addresses={"router": "10.81.0.5"}), {"ipam": {"driver": "default", "options": {"a": "b"}}},
        pool("172.17.0.0/17"), {"ipam": {"driver": "none-such"}}, {"mtu": 1400}, {"bridge_name": "br-nmt1"},
        {"bridge_name": "docker0"}, {"icc": False}, {"masquerade": False}, {"internal": True}, {"attachable": True},
        {"labels": {"a": "b"}}, {"enable_ipv6": True, **pool("fd00:81::/64")}, {"enable_ipv4": False},
        {"driver": "macvlan", "driver_opts": {"parent": "docker0"}}, {"driver": "ipvlan", "driver_opts": {"parent": "eth77"}},
        {"driver_opts": {"com.docker.network.bridge.host_binding_ipv4": "127.0.0.1"}}, {"state": "absent"},
        {"driver_opts": {"com.docker.network.bridge.host_binding_ipv4": "nowhere"}},
        {"driver_opts": {"none.such": "option"}}, {"driver": "macvlan", "driver_opts": {"macvlan_mode": "none-such"}},
        {"state": "absent", "only_made_here": True}, {"recreate": "always"}, {"recreate": "never"},
        {"allow_route_overlap": True},
    ),
    {
        "nothing": "",
        "gone": "docker network rm nmt-one",
        "manually": "docker network rm nmt-one; docker network create --label by=hand nmt-one",
        "in use": "docker run -d --name on-it --network nmt-one nmt-image:1",
        "in use by one that is stopped": "docker run --name on-it --network nmt-one nmt-image:1 true",
        "with a place of its own": "docker run -d --name on-it --network nmt-one --ip 10.81.0.77 nmt-image:1",
    },
    {"pending": []},
)  # fmt: skip

VOLUMES = Subject(
    _volumes.run, "volumes", VOLUME, {"name": "nmt-one"},
    (
        {}, {"state": "absent"}, {"state": "absent", "only_made_here": True}, {"driver": "none-such"}, {"driver": "local"},
        {"driver_opts": {"type": "tmpfs", "device": "tmpfs", "o": "size=1m"}}, {"driver_opts": {"none": "such"}},
        {"driver_opts": {"o": "size=1m"}}, {"driver_opts": {"type": "none"}}, {"driver_opts": {"size": "1m"}},
        {"driver_opts": {"size": "0"}}, {"driver_opts": {"size": "large"}},
        {"driver_opts": {"type": "none", "device": "/none/such", "o": "bind"}},
        {"uid": 999}, {"uid": 1000, "gid": 1001}, {"labels": {"a": "b"}}, {"labels": {"a": 1}},
    ),
    {
        "nothing": "",
        "gone": "docker volume rm nmt-one",
        "manually": "docker volume rm nmt-one; docker volume create nmt-one",
        "in use": "docker run -d --name on-it -v nmt-one:/data nmt-image:1",
    },
    {"pending": []},
)  # fmt: skip

ETH0 = {"container": "web", "name": "eth0", "bridge": "docker0", "addresses": ["172.17.99.5/16"]}
INTERFACES = Subject(
    interfaces.run, "interfaces", INTERFACE_ARGUMENTS, ETH0,
    (
        {}, {"state": "absent"}, {"kind": "dummy", "bridge": None}, {"kind": "macvlan", "bridge": None, "parent": "docker0"},
        {"kind": "ipvlan", "bridge": None, "parent": "docker0"}, {"kind": "physical", "bridge": None, "parent": "lo"},
        {"kind": "physical", "bridge": None, "parent": "nmt-none"}, {"vlan": 7}, {"bridge": "nmt-net"},
        {"bridge": "none-such"}, {"addresses": ["172.17.99.6/16", "fd00:99::6/64"]}, {"addresses": []},
        {"addresses": ["172.17.0.1/16"]}, {"gateway": "172.17.0.1"}, {"gateway": "10.9.9.9"}, {"name": "back0"},
        {"routes": [{"to": "10.99.0.0/16", "via": "172.17.0.1"}, {"to": "10.98.0.0/16"}]}, {"container": "nobody"},
        {"routes": [{"to": "10.99.0.0/16", "via": "10.7.7.7"}]}, {"mac": "02:00:00:00:99:05"}, {"mtu": 1400}, {"mtu": 9000},
    ),
    {
        "nothing": "",
        "restarted": "docker restart -t 0 web",
        "stopped": "docker stop -t 0 web",
        "started": "docker start web",
        "in another mode": "docker rm -f web; docker run -d --name web nmt-image:1",
        "made again": "docker rm -f web; docker run -d --name web --network none nmt-image:1",
        "gone": "ip netns exec web ip link del eth0; nsenter -t $(docker inspect -f {{.State.Pid}} web) -n ip link del eth0",
        "another mtu": "nsenter -t $(docker inspect -f {{.State.Pid}} web) -n ip link set eth0 mtu 1300",
        "another address": "nsenter -t $(docker inspect -f {{.State.Pid}} web) -n ip address add 172.17.99.7/16 dev eth0",
        "down": "nsenter -t $(docker inspect -f {{.State.Pid}} web) -n ip link set eth0 down",
        "no record": "rm -f /var/lib/netmode/interfaces.json",
    },
    {"purge": ["web"], "pending": []},
)  # fmt: skip

ROOT = "/tmp/nmt-check-root.tar"
SAVED = "/tmp/nmt-check-saved.tar"
LOGIN = {"username": "deploy", "password": SECRET}
IMAGES = Subject(
    images.run, "images", IMAGE_SPEC, {"name": HERE},
    (
        {}, {"pull_policy": "always"}, {"state": "absent"}, {"name": f"{OPEN}/tiny:2"}, {"name": f"{OPEN}/none-such:1"},
        {"name": f"{CLOSED}/tiny:1"}, {"name": f"{CLOSED}/tiny:1", **LOGIN}, {"name": f"{CLOSED}/tiny:1", "pull_policy": "always"},
        {"name": f"{CLOSED}/tiny:1", "pull_policy": "always", **LOGIN}, {"name": f"{CLOSED}/tiny:1", **LOGIN, "password": "wrong"},
        {"name": "127.0.0.1:5009/tiny:1"}, {"name": "nmt-image:1", "pull_policy": "always"},
        {"name": "tiny:root", "source": "archive", "archive": ROOT, "command": ["busybox", "true"]},
        {"name": "tiny:root", "source": "archive", "archive": SAVED, "archive_id": "sha256:" + "1" * 64},
        {"name": "tiny:root", "source": "archive", "archive": "/none/such.tar"}, {"state": "absent", "only_made_here": True},
        {"name": "tiny:root", "source": "archive", "archive": "/etc/hosts"},
        {"name": "tiny:none", "source": "packages", "packages": ["none-such"], "suite": "bookworm", "state": "absent",
         "mirror": "", "users": [], "directories": []},
    ),
    {
        "nothing": "",
        "gone": f"docker rmi -f {HERE} {CLOSED}/tiny:1 tiny:root",
        "another": f"docker tag nmt-image:1 {HERE}; docker tag nmt-image:1 {CLOSED}/tiny:1",
        "in use": f"docker run --name on-it {HERE} true",
    },
    {"pending": [], "ask_registries": True},
)  # fmt: skip

AT = "/etc/netmode/nmt-check"
FOLLOWS = {"of": "r1/redis", "host": "10.0.0.1", "port": 6379, "announce_host": "10.0.0.2", "announce_port": 7000}
FILES = Subject(
    redis.reconcile, "instances", INSTANCE_ARGUMENTS,
    {"name": "cache", "directory": f"{AT}/cache", "socket_directory": "/var/lib/nmt-check/cache"},
    (
        {}, {"state": "absent"}, {"lines": ["port 6379"]}, {"lines": ["port 6379", "maxmemory 1mb"]}, {"secrets": ["requirepass one"]},
        {"secrets": ["requirepass two"]}, {"uid": 998}, {"gid": 998}, {"socket_mode": "777"}, {"socket_directory": None},
        {"volume": "nmt-one"}, {"volume": "/none/such"}, {"lines": ["dir /data", "dbfilename other.rdb"], "volume": "nmt-one"},
        {"unauthenticated": {"reason": "it is bound to the loopback", "networks": [{"name": "bridge"}], "ports": []}},
        {"directory": "/etc"}, {"name": "other", "directory": f"{AT}/other"},
        {"trial": {"container": {"name": "cache", "image": "nmt-image:1", "command": ["redis-server", "/none.conf"]}}},
        {"operator": True}, {"replication": FOLLOWS}, {"replication": {**FOLLOWS, "port": 7000, "overwrite": True}},
        {"sentinel": {"username": "", "password": "secret"}}, {"sentinel": {}, "lines": ["port 26379"]},
        {"state": "absent", "left": True}, {"restart_allowed": False}, {"tls": {"pem": "one", "ca": "another"}}, {"tls": {"pem": "two", "ca": "another"}},
    ),
    {
        "nothing": "",
        "another mode": f"chmod 644 {AT}/cache/redis.conf",
        "another owner": f"chown 7:7 {AT}/cache /var/lib/nmt-check/cache",
        "edited": f"echo save >> {AT}/cache/redis.conf",
        "gone": f"rm -rf {AT}/cache",
        "a stranger's file": f"mkdir -p {AT}/cache; touch {AT}/cache/notes",
        "a stranger's redis.conf": f"mkdir -p {AT}/cache; echo port 1 > {AT}/cache/redis.conf",
        "unfinished": f"mkdir -p {AT}/cache; touch {AT}/cache/.redis.conf.0123456789abcdef",
        "halves of archives": f"mkdir -p {AT}/images; touch {AT}/images/.ansible_tmpab_c9xyznetmode-{'0' * 16}.tar",
        "a copy, and a stranger's": f"mkdir -p {AT}/images; cd {AT}/images; touch netmode-{'1' * 16}.tar netmode-mine.tar",
        "no certificate": f"rm -f {AT}/cache/tls.pem",
        "a stranger's certificate": f"mkdir -p {AT}/cache; echo one > {AT}/cache/tls.pem",
        "data": "docker volume create nmt-one; echo REDIS0009 > $(docker volume inspect -f {{.Mountpoint}} nmt-one)/dump.rdb",
        "empty": f"rm -rf {AT} /var/lib/nmt-check",
    },
    {"socket_group": "", "image_dir": f"{AT}/images", "renewed": [], "replaced": [], "wait": 30},
)  # fmt: skip

SUBJECTS = {"networks": NETWORKS, "volumes": VOLUMES, "interfaces": INTERFACES, "images": IMAGES, "redis_config": FILES}


def told(subject: Subject, result: Json) -> Any:
    """What a run says without what a run alone can know: ids."""
    found = {key: value for key, value in result.items() if key != "diff"}
    if subject.entries in found:
        items = found[subject.entries].items()
        found[subject.entries] = [(name, {key: one[key] for key in one if key != "id"}) for name, one in items]
    diff = result["diff"]
    if subject is IMAGES:
        return found, diff["before"], diff["before"] == diff["after"]
    return found, diff


PROGRAM, SCRIPT = "/usr/local/sbin/netmode-keeper", "/etc/init.d/netmode-keeper"
KEEPER_OPTIONS: tuple[Json, ...] = (
    {}, {"state": "absent"}, {"state": "absent", "force": True}, {"ignore": ["web"]}, {"ignore": ["no name"]},
    {"path": "/opt/nmt-check/keeper"}, {"path": "/opt/none-such/keeper"}, {"path": "/etc/hosts/keeper"}, {"path": "/etc"},
    {"path": "/tmp/keeper"}, {"path": SCRIPT}, {"path": "/opt/nmt-sealed/keeper"}, {"log_file": "/var/log/other.log"},
    {"log_file": "/none\nsuch.log"}, {"docker_host": "tcp://127.0.0.1:2375"}, {"docker_host": "unix:///run/none.sock"},
)  # fmt: skip
KEEPER_DRIFT = {
    "nothing": "",
    "needed": "docker run -d --name joined --network container:web nmt-image:1",
    "edited": f"echo '# by hand' >> {SCRIPT}",
    "another mode": f"chmod 700 {PROGRAM} {SCRIPT}",
    "the program is gone": f"rm -f {PROGRAM}",
    "the script is gone": f"rm -f {SCRIPT}",
    "a directory is there": f"rm -f {PROGRAM}; mkdir {PROGRAM}",
    "a link is there": f"rm -f {PROGRAM}; ln -s /etc/hosts {PROGRAM}",
    "notes are left": "mkdir -p /run/netmode; echo '{}' > /run/netmode/keeper.json",
    "it is started with the host": f"ln -sf {SCRIPT} /etc/rc2.d/S03netmode-keeper",
}
KEEPER_ONCE = (
    "docker rm -f joined; rm -rf /usr/local/sbin/netmode-keeper /etc/init.d/netmode-keeper /opt/nmt-check /run/netmode "
    "/etc/rc?.d/S03netmode-keeper; mkdir /opt/nmt-check; "
    "mkdir -p /opt/nmt-sealed; mountpoint -q /opt/nmt-sealed || mount -t tmpfs -o ro tmpfs /opt/nmt-sealed"
)
KEEPER_FILES = "ls -lAi --time-style=full-iso /usr/local/sbin /etc/init.d /etc/rc2.d /opt/nmt-check /run/netmode"
