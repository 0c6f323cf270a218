# SPDX-License-Identifier: GPL-3.0-or-later
"""Every option of a container: values, other spellings of the same, and what ``docker inspect`` must say of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import shapes
from containers_lab import IDLE, LOOSE, NET, NET2

if TYPE_CHECKING:
    from collections.abc import Callable

Json = dict[str, Any]
BROUGHT: Json = shapes.SHAPES["redis"].config
"""What the image brings, which every container has besides its options."""
STEP_DOWN = ["SETGID", "SETUID"]
"""What the image's entrypoint needs to become the user redis."""


class Case(NamedTuple):
    name: str
    """The container's name and the test's id."""
    given: Json
    """The options of the list entry."""
    seen: Callable[[Json], Any]
    """What of the container's inspect the options decide."""
    wanted: Any
    spelled: Json | None = None
    """The same options written otherwise."""


def config(key: str) -> Callable[[Json], Any]:
    return lambda inspect: inspect["Config"].get(key)


def host_config(key: str) -> Callable[[Json], Any]:
    return lambda inspect: inspect["HostConfig"].get(key)


def environment(inspect: Json) -> list[str]:
    return sorted(item for item in inspect["Config"]["Env"] or [] if not item.startswith("PATH="))


def labels(inspect: Json) -> Json:
    """Without those that the collection puts there for itself."""
    return {key: value for key, value in inspect["Config"]["Labels"].items() if not key.startswith("netmode.docker.")}


def mounts(inspect: Json) -> list[tuple[Any, ...]]:
    found = []
    for mount in inspect["Mounts"]:
        source = mount["Source"] if mount["Type"] == "bind" else mount["Name"]
        found.append((mount["Destination"], mount["Type"], "anonymous" if len(source) == 64 else source, mount["RW"]))
    return sorted(found)


def published(inspect: Json) -> list[tuple[str, str, str]]:
    """Container port, host address (``""``: every one), host port (``""``: the engine chooses)."""
    bindings = inspect["HostConfig"]["PortBindings"] or {}
    return sorted(
        (port, one["HostIp"].replace("0.0.0.0", ""), one["HostPort"]) for port, all_ in bindings.items() for one in all_
    )


def capabilities(key: str) -> Callable[[Json], Any]:
    return lambda inspect: sorted(item.upper().replace("CAP_", "") for item in inspect["HostConfig"][key] or [])


def limits(inspect: Json) -> list[tuple[str, int, int]]:
    return sorted((one["Name"], one["Soft"], one["Hard"]) for one in inspect["HostConfig"]["Ulimits"] or [])


def security(inspect: Json) -> list[str]:
    return sorted(
        item.replace("=", ":").replace("privileges:true", "privileges")
        for item in inspect["HostConfig"]["SecurityOpt"] or []
    )


def unmasked(inspect: Json) -> tuple[Any, ...]:
    host = inspect["HostConfig"]
    return security(inspect), host["MaskedPaths"], host["ReadonlyPaths"]


def joined(inspect: Json) -> list[str]:
    return sorted(inspect["NetworkSettings"]["Networks"])


def endpoint(inspect: Json) -> tuple[Any, ...]:
    found = inspect["NetworkSettings"]["Networks"].get(NET) or {}
    given = (found.get("IPAMConfig") or {}).get("IPv4Address")
    mac = found.get("MacAddress") if found.get("MacAddress") == "02:42:0a:4d:00:63" else None
    return (
        given,
        found.get("IPAddress") if given else None,
        mac,
        "cache" in (found.get("Aliases") or []),
        joined(inspect),
    )


def given_mac(inspect: Json) -> Any:
    """The MAC address on the first network, where it is not one that the engine chose."""
    macs = [one["MacAddress"] for one in inspect["NetworkSettings"]["Networks"].values()]
    return next((mac for mac in macs if mac == MAC), None)


def mode(inspect: Json) -> str:
    return str(inspect["HostConfig"]["NetworkMode"]).replace("default", "bridge")


def hostname(inspect: Json) -> Any:
    own = inspect["Config"]["Hostname"]
    return None if own == inspect["Id"][:12] else own


def policy(inspect: Json) -> tuple[str, int]:
    found = inspect["HostConfig"]["RestartPolicy"]
    return found["Name"] or "no", found["MaximumRetryCount"]


MAC = "02:42:0a:4d:00:64"
SECOND = 10**9
CHECK = {
    "test": ["CMD", "redis-cli", "ping"],
    "interval": "1m30s",
    "timeout": "10s",
    "retries": 3,
    "start_period": "5s",
}
CHECKED = {
    "Test": ["CMD", "redis-cli", "ping"], "Interval": 90 * SECOND, "Timeout": 10 * SECOND,
    "StartPeriod": 5 * SECOND, "Retries": 3,
}  # fmt: skip
PORTS = ["127.0.0.1:18101:80", "18102:81/udp", "18110-18112:90-92", 7000, "127.0.0.1::93"]
PUBLISHED = [
    ("7000/tcp", "", ""), ("80/tcp", "127.0.0.1", "18101"), ("81/udp", "", "18102"), ("90/tcp", "", "18110"),
    ("91/tcp", "", "18111"), ("92/tcp", "", "18112"), ("93/tcp", "127.0.0.1", ""),
]  # fmt: skip
VOLUMES = ["nmt-data:/data", "/srv/nmt:/srv/host:ro", "nmt-ro:/ro:ro"]
MOUNTED = [
    ("/data", "volume", "nmt-data", True),
    ("/ro", "volume", "nmt-ro", False),
    ("/srv/host", "bind", "/srv/nmt", False),
]
OTHER = [*LOOSE, "/dev/shm/other.sock"]

CASES: tuple[Case, ...] = (
    Case("command", {"command": " ".join(OTHER).replace("save  ", 'save "" ')}, config("Cmd"), OTHER, {"command": OTHER}),
    Case("entrypoint", {"entrypoint": OTHER}, lambda i: (i["Config"]["Entrypoint"], i["Config"]["Cmd"] or []), (OTHER, [])),
    Case(
        "entrypoint-command", {"entrypoint": "redis-server", "command": OTHER[1:]},
        lambda i: (i["Config"]["Entrypoint"], i["Config"]["Cmd"]), (["redis-server"], OTHER[1:]), {"entrypoint": ["redis-server"], "command": OTHER[1:]},
    ),
    Case("command-empty", {"command": [], "entrypoint": OTHER}, lambda i: (i["Config"]["Entrypoint"], i["Config"]["Cmd"] or []), (OTHER, [])),
    Case("command-of-the-image", {"command": []}, config("Cmd"), IDLE, {"command": ""}),
    Case("entrypoint-empty", {"entrypoint": ""}, lambda i: (i["Config"]["Entrypoint"] or [], i["Config"]["Cmd"]), ([], IDLE), {"entrypoint": []}),
    Case(
        "environment", {"environment": {"A": 1, "B": "two words", "EMPTY": "", "EQUALS": "x=y"}}, environment,
        sorted(["A=1", "B=two words", "EMPTY=", "EQUALS=x=y", *BROUGHT["Env"][1:]]), {"environment": ["EQUALS=x=y", "B=two words", "A=1", "EMPTY="]},
    ),
    Case("labels", {"labels": {"tier": "cache", "com.example.n": 3}}, labels, {"tier": "cache", "com.example.n": "3"},
         {"labels": ["com.example.n=3", "tier=cache"]}),
    Case("user", {"user": "1000:1000"}, config("User"), "1000:1000"),
    Case("user-number", {"user": 1000}, config("User"), "1000", {"user": "1000"}),
    Case("volumes", {"volumes": VOLUMES}, mounts, MOUNTED, {"volumes": [VOLUMES[2], VOLUMES[1], "nmt-data:/data:rw"]}),
    Case(
        "volumes-long",
        {"volumes": [
            {"type": "bind", "source": "/srv/nmt", "target": "/srv/host", "read_only": True},
            {"type": "volume", "source": "nmt-data", "target": "/data"},
            {"type": "volume", "source": "nmt-ro", "target": "/ro", "read_only": True},
        ]},
        mounts, MOUNTED, {"volumes": VOLUMES},
    ),
    Case("volumes-anonymous", {"volumes": ["/anonymous"]}, mounts,
         [(path, "volume", "anonymous", True) for path in ("/anonymous", *BROUGHT["Volumes"])]),
    Case("tmpfs", {"tmpfs": ["/mnt:size=1m,mode=1777"]}, host_config("Tmpfs"), {"/mnt": "size=1m,mode=1777"}, {"tmpfs": "/mnt:size=1m,mode=1777"}),
    Case("volumes-cleaned", {"volumes": ["nmt-data:/x/../data/"]}, mounts, [("/data", "volume", "nmt-data", True)], {"volumes": ["nmt-data:/data"]}),
    Case("tmpfs-cleaned", {"tmpfs": "/x/../mnt/"}, host_config("Tmpfs"), {"/mnt": ""}, {"tmpfs": ["/mnt"]}),
    Case("tmpfs-bare", {"tmpfs": "/mnt"}, host_config("Tmpfs"), {"/mnt": ""}, {"tmpfs": ["/mnt"]}),
    Case(
        "ports", {"ports": PORTS}, published, PUBLISHED,
        {"ports": [
            "7000/TCP", {"target": 80, "published": "18101", "host_ip": "127.0.0.1", "protocol": "tcp"}, {"target": 81, "published": 18102, "protocol": "udp"},
            "18110:90/tcp", "18111:91", "18112:92", "127.0.0.1::93",
        ]},
    ),
    Case("expose", {"expose": [7001, "7002/udp"]},
         lambda i: sorted(i["Config"].get("ExposedPorts") or {}), [*BROUGHT["ExposedPorts"], "7001/tcp", "7002/udp"], {"expose": ["7002/udp", "7001"]}),
    Case("mac_address", {"mac_address": MAC}, given_mac, MAC, {"mac_address": MAC.upper().replace(":", "-")}),
    Case("networks-aliases-twice", {"networks": {NET: {"aliases": ["cache", "cache"]}}}, endpoint, (None, None, None, True, [NET])),
    Case("networks", {"networks": [NET]}, joined, [NET], {"networks": {NET: None}}),
    Case(
        "networks-mapping",
        {"networks": {NET: {"aliases": ["cache"], "ipv4_address": "10.77.0.99", "mac_address": "02:42:0a:4d:00:63"}, NET2: {}}},
        endpoint, ("10.77.0.99", "10.77.0.99", "02:42:0a:4d:00:63", True, [NET, NET2]),
        {"networks": {NET: {"aliases": ["cache"], "ipv4_address": "10.77.0.99", "mac_address": "02:42:0A:4D:00:63"}, NET2: None}},
    ),
    Case("networks-two", {"networks": [NET, NET2]}, joined, [NET, NET2], {"networks": [NET2, NET]}),
    Case("mode-network", {"network_mode": NET}, lambda i: (mode(i), joined(i)), (NET, [NET])),
    Case("mode-host", {"network_mode": "host"}, mode, "host"),
    Case("mode-none", {"network_mode": "none"}, mode, "none"),
    Case("restart", {"restart": "unless-stopped"}, policy, ("unless-stopped", 0)),
    Case("restart-failure", {"restart": "on-failure:3"}, policy, ("on-failure", 3)),
    Case("sysctls", {"sysctls": {"net.core.somaxconn": 512}}, host_config("Sysctls"), {"net.core.somaxconn": "512"}, {"sysctls": ["net.core.somaxconn=512"]}),
    Case("ulimits", {"ulimits": {"nofile": {"soft": 500, "hard": 900}, "nproc": 800}}, limits, [("nofile", 500, 900), ("nproc", 800, 800)],
         {"ulimits": {"nproc": {"soft": 800, "hard": 800}, "nofile": {"soft": "500", "hard": "900"}}}),
    Case("cap_add", {"cap_add": ["NET_ADMIN"]}, capabilities("CapAdd"), ["NET_ADMIN"], {"cap_add": ["CAP_NET_ADMIN"]}),
    Case("cap_drop", {"cap_drop": ["ALL"], "cap_add": STEP_DOWN}, capabilities("CapDrop"), ["ALL"],
         {"cap_drop": ["all"], "cap_add": [f"cap_{name.lower()}" for name in STEP_DOWN]}),
    Case("cap_drop-two", {"cap_drop": ["MKNOD", "AUDIT_WRITE"]}, capabilities("CapDrop"), ["AUDIT_WRITE", "MKNOD"],
         {"cap_drop": ["CAP_AUDIT_WRITE", "mknod"]}),
    Case("privileged", {"privileged": True, "state": "stopped"}, host_config("Privileged"), True, {"privileged": "yes", "state": "stopped"}),
    Case("privileged-security_opt", {"privileged": True, "security_opt": ["no-new-privileges"], "state": "stopped"},
         lambda i: (i["HostConfig"]["Privileged"], "no-new-privileges" in security(i)), (True, True)),
    Case("read_only", {"read_only": True}, host_config("ReadonlyRootfs"), True, {"read_only": "yes"}),
    Case("security_opt_systempaths", {"security_opt": ["systempaths=unconfined", "no-new-privileges"]}, unmasked, (["no-new-privileges"], [], []),
         {"security_opt": ["no-new-privileges:true", "systempaths=unconfined"]}),
    Case("device_cgroup_rules", {"device_cgroup_rules": ["c 10:200 rwm", "b 8:* r"]}, host_config("DeviceCgroupRules"), ["c 10:200 rwm", "b 8:* r"],
         {"device_cgroup_rules": ["b 8:* r", "c 10:200 rwm"]}),
    Case("security_opt", {"security_opt": ["no-new-privileges:true"]}, security, ["no-new-privileges"], {"security_opt": ["no-new-privileges=true"]}),
    Case("mem_limit", {"mem_limit": "64m"}, host_config("Memory"), 67108864, {"mem_limit": 67108864}),
    Case("cpus", {"cpus": "0.5"}, host_config("NanoCpus"), 500000000, {"cpus": 0.5}),
    Case("cpu_shares", {"cpu_shares": 512}, host_config("CpuShares"), 512, {"cpu_shares": "512"}),
    Case("cpuset", {"cpuset": "0"}, host_config("CpusetCpus"), "0"),
    Case("pids_limit", {"pids_limit": 50}, lambda i: max(i["HostConfig"]["PidsLimit"] or 0, 0), 50),
    Case("shm_size", {"shm_size": "32m"}, host_config("ShmSize"), 33554432, {"shm_size": "32MB"}),
    Case("shm_size-default", {"shm_size": 0}, host_config("ShmSize"), 67108864, {"shm_size": "64m"}),
    Case("group_add", {"group_add": ["100", "101"]}, lambda i: sorted(i["HostConfig"]["GroupAdd"] or []), ["100", "101"], {"group_add": ["101", 100]}),
    Case("init", {"init": False}, lambda i: bool(i["HostConfig"].get("Init")), False),
    Case("init-true", {"init": True, "state": "stopped"}, lambda i: bool(i["HostConfig"].get("Init")), True, {"init": "yes", "state": "stopped"}),
    Case("stop_grace_period", {"stop_grace_period": "1m30s"}, config("StopTimeout"), 90, {"stop_grace_period": 90}),
    Case("stop_signal", {"stop_signal": "SIGINT"}, config("StopSignal"), "SIGINT"),
    Case("healthcheck", {"healthcheck": CHECK}, config("Healthcheck"), CHECKED, {"healthcheck": {**CHECK, "interval": "90s"}}),
    Case("healthcheck-string", {"healthcheck": {"test": "true", "interval": "1h"}}, lambda i: (i["Config"].get("Healthcheck") or {}).get("Test"),
         ["CMD-SHELL", "true"], {"healthcheck": {"test": ["CMD-SHELL", "true"], "interval": "60m"}}),
    Case("hostname", {"hostname": "redis-one"}, hostname, "redis-one"),
    Case("hostname-in-host-mode", {"network_mode": "host", "hostname": "redis-one"}, lambda i: (mode(i), hostname(i) == "redis-one"), ("host", True)),
    Case("working_dir-cleaned", {"working_dir": "/x/../srv/"}, lambda i: i["Config"]["WorkingDir"] or "/", "/srv", {"working_dir": "/srv"}),
    Case("working_dir", {"working_dir": "/srv"}, lambda i: i["Config"]["WorkingDir"] or "/", "/srv"),
    Case("dns", {"dns": ["10.9.9.9", "10.9.9.8"]}, host_config("Dns"), ["10.9.9.9", "10.9.9.8"]),
    Case("dns-one", {"dns": "10.9.9.9"}, host_config("Dns"), ["10.9.9.9"], {"dns": ["10.9.9.9"]}),
    Case("dns_search", {"dns_search": "example.com"}, host_config("DnsSearch"), ["example.com"], {"dns_search": ["example.com"]}),
    Case("dns_opt", {"dns_opt": ["ndots:2"]}, host_config("DnsOptions"), ["ndots:2"]),
    Case("extra_hosts", {"extra_hosts": ["db:10.0.0.5", "web=10.0.0.6"]}, lambda i: sorted(i["HostConfig"]["ExtraHosts"] or []),
         ["db:10.0.0.5", "web:10.0.0.6"], {"extra_hosts": {"web": "10.0.0.6", "db": "10.0.0.5"}}),
)  # fmt: skip
SAME_AS_DEFAULT = frozenset({"init", "command-of-the-image", "shm_size-default"})
"""Cases that ask for what the engine does anyway: taking them out changes nothing."""

assert IDLE != OTHER
