# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a Redis keeps its data: none starts empty beside it, and no two write into one place. O18, O21."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import shapes
from lab import IMAGE, wait_until

if TYPE_CHECKING:
    from lab import Host

pytestmark = [pytest.mark.engines, pytest.mark.spread, pytest.mark.usefixtures("no_files_left")]

CONFIG, SOCKETS = "/etc/netmode/redis", "/var/lib/netmode/redis"


def instance(name: str = "cache", **given: Any) -> dict[str, Any]:
    lines = ["appendonly no", *given.pop("lines", [])]
    return {
        "name": name, "directory": f"{CONFIG}/{name}", "socket_directory": f"{SOCKETS}/{name}",
        "volume": f"{name}-data", "lines": lines, **given,
    }  # fmt: skip


class Files:
    """The module ``redis_config`` on this host."""

    def __init__(self, host: Host) -> None:
        self.host = host

    def look(self, *instances: dict[str, Any]) -> dict[str, Any]:
        return self.host.run_module("redis_config", {"instances": list(instances)}, check=True)

    def refused(self, *instances: dict[str, Any]) -> str:
        before = self.host.sh("find /etc/netmode /var/lib/netmode -ls 2>/dev/null || true")
        results = [
            self.host.run_module("redis_config", {"instances": list(instances)}, check=check) for check in (True, False)
        ]
        assert [bool(result.get("failed")) for result in results] == [True, True], results
        assert self.host.sh("find /etc/netmode /var/lib/netmode -ls 2>/dev/null || true") == before
        return str(results[1]["msg"])

    def taken(self, *instances: dict[str, Any]) -> dict[str, Any]:
        result = self.look(*instances)
        assert not result.get("failed"), result["msg"]
        return result


@pytest.fixture
def files(host: Host) -> Files:
    return Files(host)


def mountpoint(host: Host, volume: str) -> str:
    return host.docker("volume", "inspect", "-f", "{{.Mountpoint}}", volume)


def serve(host: Host, name: str, *run: str, words: tuple[str, ...] = ("--dir", "/data")) -> None:
    """A Redis that somebody started manually, ready when this returns."""
    host.docker("run", "-d", "--name", name, "--network", "none", *run, IMAGE, "redis-server", "--save", "", *words)
    wait_until(lambda: host.docker("exec", name, "redis-cli", "ping", check=False) == "PONG", f"{name} answers")


# --- O21 --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("every", [2, pytest.param(1, marks=pytest.mark.thorough)])
def test_o21_a_server_of_others_on_the_volume_is_refused_whatever_it_calls_it(
    host: Host, files: Files, every: int
) -> None:
    host.docker("volume", "create", "cache-data")
    data = mountpoint(host, "cache-data")
    host.sh(f"ln -sfn {data} /srv/by-link; ln -sfn /srv/by-link /srv/by-two-links")
    bound = ("--opt", "type=none", "--opt", "o=bind", "--opt", f"device={data}")
    host.docker("volume", "create", *bound, "alias")
    names = {
        "its name": ("-v", "cache-data:/data"),
        "its path": ("-v", f"{data}:/data"),
        "its path and a slash": ("-v", f"{data}/:/data"),
        "a link": ("-v", "/srv/by-link:/data"),
        "two links": ("-v", "/srv/by-two-links:/data"),
        "a volume that is a bind mount": ("-v", "alias:/data"),
        "--mount": ("--mount", "type=volume,source=cache-data,target=/data"),
        "the directory above": ("-v", f"{data.rpartition('/')[0]}:/above"),
        "another target, and it works elsewhere": ("-v", "cache-data:/later"),
        "volumes of another container": ("--volumes-from", "holder"),
    }  # fmt: skip
    host.docker("create", "--name", "holder", "-v", "cache-data:/data", IMAGE)
    for said, run in list(names.items())[every - 1 :: every]:
        words = ("--dir", "/above/_data") if "above" in said else () if "elsewhere" in said else ("--dir", "/data")
        serve(host, "stranger", *run, words=words)
        told = files.refused(instance())
        assert "instance cache: volume: container stranger runs a server on cache-data" in told, said
        host.docker("rm", "-f", "stranger")
        files.taken(instance())
    host.sh("rm /srv/by-link /srv/by-two-links")


def test_o21_the_volume_by_its_other_names_is_refused_as_well(host: Host, files: Files) -> None:
    host.docker("volume", "create", "theirs")
    data = mountpoint(host, "theirs")
    host.sh(f"chmod 777 {data}; ln -sfn {data} /srv/link")
    serve(host, "stranger", "-v", "theirs:/data")
    for name in ("theirs", data, f"{data}/", "/srv/link"):
        assert "container stranger runs a server on" in files.refused(instance(volume=name.rstrip("/"))), name
    for one, other in (("theirs", "theirs"), ("theirs", data), ("/srv/link", data), ("new", "new")):
        told = files.refused(instance("aa", volume=one), instance("bb", volume=other))
        assert f"instance bb: volume: {other} is that of instance aa as well" in told or "stranger" in told, told
    host.docker("rm", "-f", "stranger")
    told = files.refused(instance("aa", volume="theirs"), instance("bb", volume="/srv/link"))
    assert "instance bb: volume: /srv/link is that of instance aa as well as theirs" in told
    host.sh("rm /srv/link")


def test_o21_a_server_of_the_host_itself_is_one_too(host: Host, files: Files) -> None:
    host.sh("install -d -o 999 -g 999 /srv/here")
    serve(host, "outside", "-v", "/:/host", words=("--dir", "/host/srv/here"))
    assert "container outside runs a server on /srv/here" in files.refused(instance(volume="/srv/here"))
    host.docker("rm", "-f", "outside")
    files.taken(instance(volume="/srv/here"))
    host.sh("rm -r /srv/here")


def test_o21_who_only_reads_it_or_is_no_server_or_is_to_go_is_no_reason(host: Host, files: Files) -> None:
    serve(host, "reader", "-v", "cache-data:/data:ro", words=("--dir", "/tmp"))
    host.docker(
        "run", "-d", "--name", "backup", "-v", "cache-data:/data", "-w", "/data", IMAGE, "busybox", "sleep", "999"
    )
    files.taken(instance())
    serve(host, "old", "-v", "cache-data:/data")
    assert "container old" in files.refused(instance())
    files.taken({**instance("old"), "state": "absent"}, instance())
    host.docker("stop", "old")
    files.taken(instance())
    host.docker("rename", "old", "cache")
    host.docker("start", "cache")
    files.taken(instance())


# --- O18: the module's word against what a real Redis does -------------------------------------------------------------

SETS: list[tuple[str, ...]] = [
    (),
    ("appendonly yes",),
    ("dbfilename cache.rdb",),
    ("appendonly yes", "appenddirname logs"),
    ("appendonly yes", "appendfilename cache.aof"),
]


def test_o18_what_is_refused_starts_empty_and_what_is_taken_has_its_data(host: Host, files: Files) -> None:
    """Every pair of configurations: written with one, stopped, and started with the other by a real Redis."""
    host.sh("install -d -o 999 -g 999 /srv/sets")
    run = ("-v", "/srv/sets:/sets", "--network", "none", "--user", "999:999")
    host.docker("run", "-d", "--name", "lab", *run, IMAGE, "busybox", "sleep", "9999")
    wrong = []
    for number, had in enumerate(SETS):
        at = f"/srv/sets/{number}"
        start(host, str(number), had)
        host.sh(f"redis-cli -s {at}/s set key value; redis-cli -s {at}/s shutdown save")
        for wanted in SETS:
            host.sh(f"rm -rf /srv/sets/copy; cp -a {at} /srv/sets/copy")
            start(host, "copy", wanted)
            has = host.sh("redis-cli -s /srv/sets/copy/s get key") == "value"
            host.sh("redis-cli -s /srv/sets/copy/s shutdown nosave")
            result = files.look(instance(volume=at, lines=list(wanted)))
            if bool(result.get("failed")) == has:
                wrong.append((had, wanted, has, result.get("msg")))
    assert wrong == []
    host.sh("rm -r /srv/sets")


def start(host: Host, name: str, lines: tuple[str, ...]) -> None:
    """A Redis of the container ``lab``, with its socket beside its data."""
    host.sh(f"install -d -o 999 -g 999 /srv/sets/{name}")
    words = [word for line in lines for word in f"--{line}".split()]
    common = ("--port", "0", "--unixsocket", f"/sets/{name}/s", "--dir", f"/sets/{name}", "--daemonize", "yes")
    host.docker("exec", "lab", "redis-server", *common, *words)
    wait_until(lambda: host.sh(f"redis-cli -s /srv/sets/{name}/s ping", check=False) == "PONG", f"{name} answers")


@pytest.fixture
def deployed(host: Host) -> Host:
    """A running Redis with a key, its configuration written by the module and its directory mounted as by the role."""
    host.docker("volume", "create", "cache-data")
    host.sh(f"chown 999:999 {mountpoint(host, 'cache-data')}")
    written = host.run_module("redis_config", {"instances": [instance(lines=["dir /data", "save 3600 1"])]})
    assert written["changed"], written
    run = ("-v", "cache-data:/data", "-v", f"{CONFIG}/cache:/usr/local/etc/redis", "--user", "999:999")
    host.docker("run", "-d", "--name", "cache", *run, IMAGE, "redis-server", "/usr/local/etc/redis/redis.conf")
    wait_until(
        lambda: host.docker("exec", "cache", "redis-cli", "set", "key", "value", check=False) == "OK", "it is set"
    )
    return host


def test_o18_of_a_running_redis_neither_name_nor_volume_nor_the_way_of_keeping_is_changed_under_it(
    deployed: Host, files: Files
) -> None:
    dump = ["dir /data", "save 3600 1"]
    files.taken(instance(lines=dump))
    for said, wanted in {
        "settings.dbfilename: ": instance(lines=[*dump, "dbfilename other.rdb"]),
        "It is switched on while Redis runs": instance(lines=[*dump, "appendonly yes"]),
        "volume: volume new-data: the container of this name has its data in cache-data": instance(
            lines=dump, volume="new-data"
        ),
    }.items():
        assert said in files.refused(wanted)
    deployed.docker("stop", "cache")
    assert "settings.dbfilename: " in files.refused(instance(lines=[*dump, "dbfilename other.rdb"]))
    data = mountpoint(deployed, "cache-data")
    deployed.sh(f"mv {data}/dump.rdb {data}/other.rdb")  # the way out that the message gives
    files.taken(instance(lines=[*dump, "dbfilename other.rdb"]))
    assert "settings.dbfilename: " in files.refused(instance(lines=dump))
    deployed.sh(f"mkdir {data}/sub; mv {data}/other.rdb {data}/sub/dump.rdb")
    assert "Move sub/dump.rdb to the top of the volume" in files.refused(instance(lines=dump))
    deployed.docker("rm", "cache")
    files.taken(instance(lines=dump, volume="new-data"))


def test_o18_a_container_of_others_with_its_data_elsewhere_is_not_replaced_by_an_empty_one(
    host: Host, files: Files
) -> None:
    for where, run, words in (
        ("volume theirs", ("-v", "theirs:/bitnami/redis/data"), ("--dir", "/bitnami/redis/data")),
        ("its own file system (/tmp)", (), ("--dir", "/tmp")),
        ("/srv/their", ("-v", "/srv/their:/data"), ("--dir", "/data")),
    ):
        serve(host, "cache", *run, words=words)
        told = files.refused(instance())
        assert f"the container of this name has its data in {where.removeprefix('volume ')}" in told, where
        host.docker("rm", "-f", "cache")
        files.taken(instance())
    host.sh("rm -rf /srv/their")


@pytest.mark.parametrize("shape", ["redis-8", "bitnami"])
def test_o18_what_a_container_that_does_not_run_has_in_its_own_file_system_is_not_lost(
    host: Host, files: Files, shape: str, shape_images: None
) -> None:
    image, at = shapes.SHAPES[shape].image, shapes.SHAPES[shape].data

    def stopped(*words: str, keys: int = 1) -> None:
        host.docker("run", "-d", "--name", "cache", "--network", "none", "--entrypoint", "redis-server", image, *words)
        wait_until(lambda: host.docker("exec", "cache", "redis-cli", "ping", check=False) == "PONG", "it answers")
        for key in range(keys):
            host.docker("exec", "cache", "redis-cli", "set", f"key{key}", "value")
        host.docker("stop", "cache")

    for where, words in {
        f"{at}/dump.rdb": (),
        f"{at}/appendonlydir/appendonly.aof.1.incr.aof": ("--appendonly", "yes", "--save", ""),
        "/tmp/other.rdb": ("--dir", "/tmp", "--dbfilename", "other.rdb"),
    }.items():
        stopped(*words)
        told = files.refused(instance())
        assert f"volume cache-data: the container of this name has its data in its own file system ({where})" in told
        host.docker("rm", "cache")
    stopped("--dbfilename", "data")
    assert f"({at}/data)" in files.refused(instance(lines=["dbfilename data"]))
    host.docker("rm", "cache")
    stopped(keys=0)  # its dump holds nothing
    files.taken(instance())


def test_o19_a_path_is_taken_for_the_data_and_one_that_cannot_be_used_is_refused(host: Host, files: Files) -> None:
    told = files.refused(instance(volume="/srv/none"))
    assert "instance cache: volume: /srv/none is not there" in told
    assert "install -d -o 999 -g 999 -m 0750 /srv/none" in told
    host.sh("touch /srv/none")
    assert "/srv/none is not a directory" in files.refused(instance(volume="/srv/none"))
    host.sh("rm /srv/none; install -d /srv/none")
    assert "may not write /srv/none (of 0:0)" in files.refused(instance(volume="/srv/none"))
    host.sh("rmdir /srv/none; install -d -o 999 -g 999 -m 0750 /srv/none")
    files.taken(instance(volume="/srv/none"))
    host.sh("touch /srv/none/dump.rdb; chmod 600 /srv/none/dump.rdb")
    assert "may not read /srv/none/dump.rdb" in files.refused(instance(volume="/srv/none"))
    host.sh("rm -r /srv/none")


# --- O13 --------------------------------------------------------------------------------------------------------------

ODD = {
    "a FIFO": "mkfifo {}",
    "a device": "mknod {} c 1 5",
    "a socket": "python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' {}",
    "a directory": "mkdir {}",
    "a link": "ln -s /etc/shadow {}",
    "a link to itself": "ln -s {0} {0}",
}


def test_o13_what_lies_in_the_place_of_redis_conf_is_refused_and_nobody_waits(host: Host, files: Files) -> None:
    at = f"{CONFIG}/cache/redis.conf"
    host.sh(f"mkdir -p {CONFIG}/cache")
    for what, make in ODD.items():
        host.sh(f"rm -rf {at}; " + make.format(at))
        assert at in files.refused(instance()), what
    host.sh(f"rm -rf {at}")
    files.taken(instance())
