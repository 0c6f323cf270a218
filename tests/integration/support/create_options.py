# SPDX-License-Identifier: GPL-3.0-or-later
"""Every create option of the engine's API, as others set them, and an inspect without what a recreate may change."""

from __future__ import annotations

import http.client
import json
import socket
from typing import Any

from containers_lab import IDLE, IMAGE, NET, NET2, RICH

Json = dict[str, Any]
SOCKET = "/var/run/docker.sock"
ENTRY = "nmt-image:entry"
"""An image with an entry point, which a container may take away."""


def api(method: str, path: str, body: Json | None = None) -> Json:
    """The engine's answer, with its status under ``status``."""
    connection = http.client.HTTPConnection("engine", timeout=60)
    with socket.socket(socket.AF_UNIX) as connection.sock:
        connection.sock.settimeout(60)
        connection.sock.connect(SOCKET)
        headers = {"Content-Type": "application/json"}
        connection.request(method, path, json.dumps(body or {}), headers)
        answer = connection.getresponse()
        text = answer.read()
        found: Json = json.loads(text) if text else {}
        return {**found, "status": answer.status}


# --- recreated as it is: one row for each create option of the engine's API ------------------------------------------

SHARES = {"NetworkMode": "container:donor"}
CONFIG: dict[str, Json] = {
    "attach": {"AttachStdin": True, "AttachStdout": True, "AttachStderr": True},
    "tty": {"Tty": True, "OpenStdin": True, "StdinOnce": True},
    "env": {"Env": ["A=1", "B=", "SHARED=own", "PATH=/own"]},
    "cmd": {"Cmd": [*IDLE, "--daemonize", "no"]},
    "entrypoint": {"Entrypoint": ["/usr/bin/redis-server"], "Cmd": ["--port", "0"]},
    "entrypoint-alone": {"Entrypoint": ["/usr/bin/redis-server"]},
    "healthcheck": {"Healthcheck": {"Test": ["CMD", "true"], "Interval": 10**12, "Timeout": 10**9, "Retries": 7,
                                    "StartPeriod": 10**9}},
    "no-healthcheck": {"Healthcheck": {"Test": ["NONE"]}},
    "volumes": {"Volumes": {"/one": {}, "/two/": {}}},
    "working-dir": {"WorkingDir": "/tmp"},
    "user": {"User": "1234:5678"},
    "labels": {"Labels": {"one": "1", "origin": "mine", "empty": ""}},
    "stop-signal": {"StopSignal": "SIGUSR1", "StopTimeout": 0},
    "stop-timeout": {"StopTimeout": 77},
    "shell": {"Shell": ["/bin/busybox", "sh"]},
    "onbuild": {"OnBuild": ["RUN true"]},
}  # fmt: skip
BIND = {"Type": "bind", "Source": "/tmp", "Target": "/mnt/bind"}
HOST: dict[str, Json] = {
    "binds": {"Binds": ["/tmp:/a", "/tmp:/b:ro", "/tmp:/c:rslave", "nmt-v:/d", "nmt-v:/e:ro,nocopy"]},
    "mount-volume": {"Mounts": [{"Type": "volume", "Source": "nmt-v", "Target": "/v"}]},
    "mount-volume-ro": {"Mounts": [{"Type": "volume", "Source": "nmt-v", "Target": "/v/", "ReadOnly": True}]},
    "mount-volume-options": {"Mounts": [{"Type": "volume", "Source": "nmt-w", "Target": "/w", "VolumeOptions": {
        "NoCopy": True, "Labels": {"a": "b"}, "DriverConfig": {"Name": "local"}}}]},
    "mount-volume-anonymous": {"Mounts": [{"Type": "volume", "Target": "/anonymous"}]},
    "mount-bind": {"Mounts": [{**BIND, "ReadOnly": True, "BindOptions": {"Propagation": "rslave"}}]},
    "mount-bind-nonrecursive": {"Mounts": [{**BIND, "BindOptions": {"NonRecursive": True}}]},
    "mount-bind-create": {"Mounts": [{**BIND, "Source": "/tmp/nmt-made", "BindOptions": {"CreateMountpoint": True}}]},
    "mount-tmpfs": {"Mounts": [{"Type": "tmpfs", "Target": "/t", "TmpfsOptions": {"SizeBytes": 65536, "Mode": 448}}]},
    "mount-several": {"Binds": ["nmt-v:/d"], "Mounts": [
        BIND, {"Type": "volume", "Target": "/x"}, {"Type": "tmpfs", "Target": "/t"}]},
    "tmpfs": {"Tmpfs": {"/run": "size=65536,mode=1777", "/t2": ""}},
    "volume-driver": {"VolumeDriver": "local", "Binds": ["nmt-v:/d"]},
    "volumes-from": {"VolumesFrom": ["source"]},
    "volumes-from-ro": {"VolumesFrom": ["source:ro"], "Binds": ["nmt-v:/d"]},
    "volumes-from-donor": {"VolumesFrom": ["donor:ro"]},
    "pid-host": {"PidMode": "host"},
    "pid-donor": {"PidMode": "container:donor"},
    "ipc-host": {"IpcMode": "host"},
    "ipc-donor": {"IpcMode": "container:donor"},
    "ipc-none": {"IpcMode": "none"},
    "ipc-shareable": {"IpcMode": "shareable"},
    "cgroupns": {"CgroupnsMode": "host"},
    "userns": {"UsernsMode": "host"},
    "cgroup-parent": {"CgroupParent": "/nmt-parent"},
    "devices": {"Devices": [{"PathOnHost": "/dev/null", "PathInContainer": "/dev/nothing", "CgroupPermissions": "r"}],
                "DeviceCgroupRules": ["c 10:200 rwm"]},
    "device-requests": {"DeviceRequests": [{"Driver": "nvidia", "Count": -1, "Capabilities": [["gpu", "compute"]],
                                            "Options": {"a": "b"}}]},
    "device-requests-ids": {"DeviceRequests": [{"DeviceIDs": ["0", "GPU-1"], "Capabilities": [["gpu"]]}]},
    "log": {"LogConfig": {"Type": "json-file", "Config": {"max-size": "1m", "max-file": "3", "labels": "one"}}},
    "log-none": {"LogConfig": {"Type": "none", "Config": {}}},
    "log-local": {"LogConfig": {"Type": "local", "Config": {"max-size": "2m"}}},
    "memory": {"Memory": 2**26, "MemorySwap": 2**27, "MemoryReservation": 2**25, "MemorySwappiness": 0},
    "memory-unlimited-swap": {"Memory": 2**26, "MemorySwap": -1, "MemorySwappiness": 60},
    "oom": {"OomKillDisable": True, "OomScoreAdj": 500, "Memory": 2**26},
    "cpu-quota": {"CpuPeriod": 50000, "CpuQuota": 25000},
    "nano-cpus": {"NanoCpus": 5 * 10**8},
    "cpu-shares": {"CpuShares": 512, "CpusetCpus": "0", "CpusetMems": "0"},
    "pids": {"PidsLimit": 77},
    "pids-unlimited": {"PidsLimit": -1},
    "blkio": {"BlkioWeight": 300, "BlkioDeviceReadBps": [{"Path": "/dev/null", "Rate": 1024}]},
    "blkio-device": {"BlkioDeviceWriteBps": [{"Path": "/dev/null", "Rate": 1}],
                     "BlkioDeviceReadIOps": [{"Path": "/dev/null", "Rate": 2}],
                     "BlkioDeviceWriteIOps": [{"Path": "/dev/null", "Rate": 3}]},
    "ulimits": {"Ulimits": [{"Name": "nofile", "Soft": 100, "Hard": 200}, {"Name": "core", "Soft": 0, "Hard": 0}]},
    "sysctls": {"Sysctls": {"kernel.msgmax": "8192"}},
    "shm-size": {"ShmSize": 2**20},
    "caps": {"CapAdd": ["NET_ADMIN", "CAP_SYS_TIME"], "CapDrop": ["ALL"]},
    "privileged": {"Privileged": True},
    "security": {"SecurityOpt": ["no-new-privileges", "label=disable"]},
    "seccomp": {"SecurityOpt": ["seccomp=unconfined", "apparmor=unconfined"]},
    "unmasked": {"MaskedPaths": [], "ReadonlyPaths": []},
    "masked": {"MaskedPaths": ["/proc/kcore", "/own"], "ReadonlyPaths": ["/proc/sys"]},
    "read-only": {"ReadonlyRootfs": True, "Init": True},
    "no-init": {"Init": False},
    "groups": {"GroupAdd": ["audio", "1234"]},
    "restart": {"RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 3}},
    "restart-always": {"RestartPolicy": {"Name": "always"}},
    "runtime": {"Runtime": "io.containerd.runc.v2"},
    "isolation": {"Isolation": "default"},
    "dns": {"DnsSearch": ["example.org"], "DnsOptions": ["ndots:2"]},
    "annotations": {"Annotations": {"org.example": "1"}},
    "id-file": {"ContainerIDFile": "/tmp/nmt-cid", "ConsoleSize": [30, 100]},
}  # fmt: skip
PID = {"PidMode": "container:donor"}
STATIC = {"IPAMConfig": {"IPv4Address": "10.77.0.77"}, "Aliases": ["one", "two"]}
NETWORKS: dict[str, Json] = {
    "default-bridge": {"HostConfig": {**PID}},
    "ports": {"ExposedPorts": {"80/tcp": {}, "90/udp": {}}, "HostConfig": {**PID, "PortBindings": {
        "80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "18280"}, {"HostPort": ""}]}, "PublishAllPorts": True}},
    "hosts": {"HostConfig": {**PID, "ExtraHosts": ["a:1.2.3.4", "b:::1"], "Dns": ["9.9.9.9"]}},
    "names": {"Hostname": "own", "Domainname": "example.org", "HostConfig": {**PID}},
    "uts-host": {"HostConfig": {**PID, "UTSMode": "host"}},
    "mac": {"MacAddress": "02:42:ac:11:77:01", "HostConfig": {**PID}},
    "link": {"HostConfig": {"Links": ["donor:alias", "source:other"]}},
    "link-and-pid": {"HostConfig": {**PID, "Links": ["donor:alias"]}},
    "network": {"HostConfig": {**PID, "NetworkMode": NET}},
    "network-static": {"HostConfig": {**PID, "NetworkMode": NET}, "NetworkingConfig": {"EndpointsConfig": {NET: STATIC}}},
    "network-links": {"HostConfig": {**PID, "NetworkMode": NET}, "NetworkingConfig": {"EndpointsConfig": {NET: {
        "Links": ["donor:alias"]}}}},
    "network-driver-opts": {"HostConfig": {**PID, "NetworkMode": NET}, "NetworkingConfig": {"EndpointsConfig": {NET: {
        "DriverOpts": {"com.example": "1"}}}}},
    "network-link-local": {"HostConfig": {**PID, "NetworkMode": NET}, "NetworkingConfig": {"EndpointsConfig": {NET: {
        "IPAMConfig": {"IPv4Address": "10.77.0.78", "LinkLocalIPs": ["169.254.7.7"]}}}}},
    "network-two": {"HostConfig": {**PID, "NetworkMode": NET}, "connect": {NET2: {
        "IPAMConfig": {"IPv4Address": "10.78.0.77"}, "Aliases": ["three"]}}},
    "host-network": {"HostConfig": {**PID, "NetworkMode": "host"}},
    "none-network": {"HostConfig": {**PID, "NetworkMode": "none"}},
}  # fmt: skip


ROWS: dict[str, Json] = {
    **{f"config-{name}": {**given, "HostConfig": SHARES} for name, given in CONFIG.items()},
    **{f"rich-{name}": {**given, "HostConfig": SHARES, "Image": RICH} for name, given in CONFIG.items()},
    **{f"host-{name}": {"HostConfig": {**SHARES, **given}} for name, given in HOST.items()},
    **{f"net-{name}": given for name, given in NETWORKS.items()},
    "rich-shares": {"Image": RICH, "HostConfig": SHARES},
    "rich-no-entrypoint": {"Image": ENTRY, "Entrypoint": [""], "Cmd": IDLE, "HostConfig": SHARES},
}


def groups() -> list[list[str]]:
    """The rows in few containers: each row with the first others whose options do not meet its own."""
    found: list[tuple[set[str], list[str]]] = []
    for name, row in ROWS.items():
        own = {f"HostConfig.{key}" for key in row["HostConfig"] if key != "NetworkMode"} | (row.keys() - {"HostConfig"})
        own |= {"Image"} if "Image" in row else set()
        image = row.get("Image", IMAGE)
        for used, names in [] if name.startswith("net-") else found:
            same = ROWS[names[0]].get("Image", IMAGE) == image and not names[0].startswith("net-")
            if same and not (own - {"Image"}) & used:
                used.update(own)
                names.append(name)
                break
        else:
            found.append((set(own), [name]))
    return [names for _, names in found]


def make(names: list[str]) -> str:
    """One container of the name of the first row with the options of all, not started; why the engine refuses it."""
    body: Json = {"Image": IMAGE}
    host: Json = {}
    for name in names:
        body.update(ROWS[name])
        host.update(ROWS[name]["HostConfig"])
    later = body.pop("connect", {})
    answer = api("POST", f"/containers/create?name={names[0]}", {**body, "HostConfig": host})
    if answer["status"] != 201:
        return str(answer["message"])
    for network, config in later.items():
        given = {"Container": names[0], "EndpointConfig": config}
        assert api("POST", f"/networks/{network}/connect", given)["status"] == 200
    return ""


def asked(seen: Json, names: dict[str, str]) -> Json:
    """An inspect without ids, times and what a namespace of its own gave; ids of containers by their names."""
    text = json.dumps(seen)
    for ident, name in names.items():
        text = text.replace(ident, f"<{name}>").replace(ident[:12], f"<{name}>")
    found: Json = json.loads(text)
    for key in ("Created", "State", "GraphDriver", "ResolvConfPath", "HostnamePath", "HostsPath", "LogPath", "ExecIDs"):
        found.pop(key, None)
    for end in (found["NetworkSettings"].pop("Networks") or {}).items():
        found[f"network {end[0]}"] = {
            key: end[1].get(key) for key in ("IPAMConfig", "Links", "DriverOpts", "GwPriority")
        }
        found[f"network {end[0]}"]["Aliases"] = [one for one in end[1].get("Aliases") or [] if one[0] != "<"]
    for key in ("NetworkSettings", "Id", "Name"):
        found.pop(key)
    found["Mounts"] = sorted(found["Mounts"], key=lambda mount: str(mount["Destination"]))
    host = found["HostConfig"]
    for mount in found["Mounts"]:  # anonymous ones have a name by now
        if mount.get("Type") == "volume" and len(mount["Name"]) == 64:
            host["Binds"] = [one for one in host.get("Binds") or [] if not one.startswith(mount["Name"])]
            mount["Mode"] = "z"
            for given in host.get("Mounts") or []:
                if given["Type"] == "volume" and given.get("Source", mount["Name"]) == mount["Name"]:
                    given.pop("Source", None)
    host["Binds"] = host.get("Binds") or None
    host["Links"] = sorted(host.get("Links") or [])
    if host["NetworkMode"].startswith("container:"):
        found["Config"].pop("Hostname")
        found["Config"].pop("Domainname")
    return found
