# SPDX-License-Identifier: GPL-3.0-or-later
"""Compose's ways of writing a value: each accepted form, and each refusal with its reason."""

from __future__ import annotations

from typing import Any, Callable

import pytest
from ansible_collections.netmode.docker.plugins.module_utils import _mounts, _pairs, _parse

ADDRESSES = ("ipv4_address", "ipv6_address", "mac_address")
BINDING = [{"HostIp": "", "HostPort": "6379"}]


@pytest.mark.parametrize(
    ("parse", "given", "engine"),
    [
        (_parse.words, "redis-server --port 6515", ["redis-server", "--port", "6515"]),
        (_parse.words, "sh -c 'a b'", ["sh", "-c", "a b"]),
        (_parse.words, ["a b", 1], ["a b", "1"]),
        (_pairs.mapping, {"A": 1, "B": None, "C": "yes"}, {"A": "1", "B": "", "C": "yes"}),
        (_pairs.flags, {"A": True, "B": "no"}, {"A": "true", "B": "no"}),
        (
            _pairs.environment,
            {"A": 1, "B": None, "C": "", "UMASK": "022", "MODE": 1},
            ["A=1", "B", "C=", "UMASK=022", "MODE=1"],
        ),
        (_pairs.environment, ["A=1", "B", "C=", "D=x=y"], ["A=1", "B", "C=", "D=x=y"]),
        (_parse.user, 1000, "1000"),
        (_parse.user, "33:33", "33:33"),
        (_parse.size, 1.5, 1),
        (_parse.duration, 1.5, 1500000000),
        (_pairs.mapping, ["A=1", "B", "C=x=y"], {"A": "1", "B": "", "C": "x=y"}),
        (_parse.size, "64m", 67108864),
        (_parse.size, "64MB", 67108864),
        (_parse.size, 67108864, 67108864),
        (_parse.size, "1.5g", 1610612736),
        (_parse.duration, "1m30s", 90 * 10**9),
        (_parse.duration, "500ms", 5 * 10**8),
        (_parse.seconds, 120, 120),
        (_parse.seconds, "2m", 120),
        (_parse.nano_cpus, "0.5", 500000000),
        (_parse.nano_cpus, "0", 0),
        (_parse.duration_text, 90 * 10**9, "90s"),
        (_parse.duration_text, 15 * 10**8, "1500000us"),
        (_parse.cpuset, "0,2-3", "0,2-3"),
        (_parse.cpu_shares, "512", 512),
        (_parse.working_dir, "/x/../srv/", "/srv"),
        (_parse.path, "//srv", "/srv"),
        (_parse.restart, False, {"Name": "no", "MaximumRetryCount": 0}),
        (_parse.restart, "on-failure:3", {"Name": "on-failure", "MaximumRetryCount": 3}),
        (_parse.ulimits, {"nofile": 1024}, [{"Name": "nofile", "Soft": 1024, "Hard": 1024}]),
        (_parse.extra_hosts, {"db": "10.0.0.5"}, ["db:10.0.0.5"]),
        (_parse.extra_hosts, ["b=::1", "a:host-gateway"], ["a:host-gateway", "b:::1"]),
        (_parse.mac, "02-42-AC-11-00-05", "02:42:ac:11:00:05"),
        (_parse.exposed, [6379, "7000-7001/udp"], ["6379/tcp", "7000/udp", "7001/udp"]),
        (_parse.ports, ["6379:6379"], {"6379/tcp": BINDING}),
        (_parse.ports, [{"target": 6379, "published": "6379"}], {"6379/tcp": BINDING}),
        (_parse.ports, ["127.0.0.1:53:5353/udp"], {"5353/udp": [{"HostIp": "127.0.0.1", "HostPort": "53"}]}),
        (_parse.ports, ["[::1]:80:80"], {"80/tcp": [{"HostIp": "::1", "HostPort": "80"}]}),
        (_parse.ports, [6379], {"6379/tcp": [{"HostIp": "", "HostPort": ""}]}),
        (_parse.ports, ["8000-9000:80"], {"80/tcp": [{"HostIp": "", "HostPort": "8000-9000"}]}),
        (_mounts.volumes, ["data:/data"], [("data", "/data", ())]),
        (_mounts.volumes, ["/srv/:/x/:ro,z"], [("/srv", "/x", ("ro", "z"))]),
        (_mounts.volumes, ["/data"], [("", "/data", ())]),
        (
            _mounts.volumes,
            [{"type": "bind", "source": "/a", "target": "/b", "read_only": True}],
            [("/a", "/b", ("ro",))],
        ),
        (_mounts.tmpfs, "/run:size=1m", {"/run": "size=1m"}),
        (_mounts.tmpfs, ["/run/:mode=1777,noexec,size=50%"], {"/run": "mode=1777,noexec,size=50%"}),
        (_parse.ports, ["80:80/TCP"], {"80/tcp": [{"HostIp": "", "HostPort": "80"}]}),
        (_parse.exposed, ["80/UDP"], ["80/udp"]),
        (_parse.networks, {"a": {"aliases": ["x", "x"]}}, {"a": {"aliases": ["x"], **dict.fromkeys(ADDRESSES, "")}}),
        (_parse.healthcheck, {"test": "redis-cli ping"}, {"Test": ["CMD-SHELL", "redis-cli ping"]}),
        (_parse.healthcheck, {"disable": True}, {"Test": ["NONE"]}),
    ],
)
def test_forms_that_compose_knows(parse: Callable[[Any], Any], given: Any, engine: Any) -> None:
    assert parse(given) == engine


def test_two_ports_of_a_range_stay_apart() -> None:
    assert list(_parse.ports(["7000-7001:7000-7001"])) == ["7000/tcp", "7001/tcp"]


@pytest.mark.parametrize(
    ("parse", "given", "reason"),
    [
        (_parse.words, "sh -c 'a", "split"),
        (_parse.size, "64 bananas", "not a size"),
        (_parse.duration, "soon", "not a duration"),
        (_parse.duration, "1m and a bit", "not a duration"),
        (_parse.nano_cpus, "-1", "not a number of CPUs from 0.01 on"),
        (_parse.nano_cpus, "0.001", "from 0.01 on"),
        (_parse.nano_cpus, "inf", "from 0.01 on"),
        (_parse.nano_cpus, "nan", "from 0.01 on"),
        (_parse.size, "9" * 400, "more than the engine can count"),
        (_parse.duration, "9" * 400, "more than the engine can count"),
        (_parse.integer, 2**63, "is not between"),
        (_parse.words, ["a\0b"], "NUL"),
        (_pairs.mapping, {"A": "b\0"}, "NUL"),
        (_pairs.mapping, 5, "neither a mapping nor KEY=value"),
        (_pairs.mapping, [5], "neither a mapping nor KEY=value"),
        *[(_pairs.environment, {"A": given}, "A: .*Write it quoted") for given in (True, False, 1.1, 10**80)],
        *[(_pairs.environment, {name: 18}, "makes of 022") for name in ("UMASK", "FILE_MODE", "umask")],
        (_pairs.environment, {"": 1}, "is not a name"),
        (_pairs.environment, {"A": ["x"]}, "A: is not text"),
        (_pairs.mapping, {"A": 1.1}, "A: is a number with a point"),
        (_parse.user, 2013, "makes of 33:33"),
        (_parse.mac, 40950096793, "YAML makes of a MAC"),
        (_parse.ports, [1342], "makes of 22:22"),
        (_parse.ports, [481342], "makes of 8022:22"),
        (_parse.hostname, True, "Write it quoted"),
        (_parse.cpu_shares, 1, "not between 2 and 262144"),
        (_parse.cpu_shares, -1, "not between 2"),
        (_parse.cpuset, "abc", "not a list of CPUs"),
        (_parse.cpuset, "3-1", "not a list of CPUs"),
        (_parse.working_dir, "srv", "must be absolute"),
        (_parse.hostname, "a" * 64, "longer than the 63"),
        (_parse.security, ["bogus"], "no security option"),
        (_parse.security, ["no-new-privileges:maybe"], "'maybe' is no value"),
        (_parse.security, ["seccomp=/etc/profile.json"], "no value for seccomp"),
        (_parse.sysctls, {"net.core.so maxconn": 1}, "no name of a kernel parameter"),
        (_parse.ulimits, {"nofile": -2}, "below -1"),
        (_parse.ulimits, {"nofile": 2**63}, "is not between"),
        (_parse.restart, "maybe", "unless-stopped"),
        (_parse.restart, "always:3", "unless-stopped"),
        (_parse.ulimits, {"nofile": {"soft": 1}}, "needs soft and hard"),
        (_parse.extra_hosts, ["db"], "has no address"),
        (_parse.address, "10.0.0.300", "not an IP address"),
        (_parse.mac, "02:42", "not a MAC"),
        (_parse.mac, "03:42:ac:11:00:05", "multicast"),
        (_parse.ports, ["70000:80"], "between 1 and 65535"),
        (_parse.ports, ["80:0"], "between 1 and 65535"),
        (_parse.ports, ["8000-8001:80-82"], "2 host ports for 3"),
        (_parse.ports, ["80:80/icmp"], "not tcp, udp or sctp"),
        (_parse.ports, ["localhost:80:80"], "not an IP address"),
        (_parse.ports, ["http:80"], "not a number"),
        (_parse.ports, [{"target": 80, "publishd": 8080}], "'publishd' is unknown; known are"),
        (_parse.exposed, ["80/icmp"], "not tcp, udp or sctp"),
        (_parse.healthcheck, {"test": "true", "retries": -1}, "not between 0"),
        (_parse.healthcheck, {"test": "true", "interval": "500us"}, "less than the millisecond"),
        (_mounts.volumes, ["data:data"], "must be absolute"),
        (_mounts.volumes, ["./data:/data"], "must be absolute"),
        (_mounts.volumes, ["a:/b:rx"], "unknown option 'rx'"),
        (_mounts.volumes, ["aa:/b", "cc:/b/"], "mounted twice"),
        (_mounts.volumes, ["aa:/b", "cc:/x/../b"], "mounted twice"),
        (_mounts.volumes, ["aa:/"], "over the container's whole root"),
        (_mounts.volumes, ["aa:/b:rshared"], "'rshared' is for a path on the host"),
        (_mounts.volumes, ["/aa:/b:nocopy"], "'nocopy' is for a volume"),
        (_mounts.volumes, ["aa:/b:ro,rw"], "exclude each other"),
        (_mounts.volumes, [{"type": "volume", "target": "/b", "read_only": True}], "anonymous volume takes no option"),
        (_mounts.volumes, [{"type": "bind", "source": "/a", "target": "/b", "bind": "x"}], "'x' is not a mapping"),
        (_mounts.volumes, [{"source": "aa", "target": "/b", "bind": {"propagatin": 1}}], "'propagatin' is unknown"),
        (_mounts.volumes, [{"source": "aa", "target": "/b", "readonly": True}], "'readonly' is unknown"),
        (_mounts.tmpfs, "/", "over the container's whole root"),
        (_mounts.tmpfs, ["/run:siz=1m"], "unknown option 'siz=1m'"),
        (_mounts.tmpfs, ["/run:size=many"], "'many' is no value for size"),
        (_mounts.tmpfs, ["/run", "/run/"], "mounted twice"),
        (_mounts.volumes, [{"type": "bind", "source": "name", "target": "/x"}], "absolute path as its source"),
        (_mounts.tmpfs, "run", "must be absolute"),
        (_parse.healthcheck, {"test": ["redis-cli"]}, "begins with CMD"),
        (_parse.healthcheck, {"tests": "x"}, "'tests' is unknown"),
        (_parse.networks, {"a": {"ipv4_address": "fd00::1"}}, "not an IPv4 address"),
        (_parse.networks, {"a": {"alias": "x"}}, "known are"),
    ],
)
def test_refusals_say_why(parse: Callable[[Any], Any], given: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse(given)


def config(target: str, **more: Any) -> dict[str, Any]:
    return {"target": target, "content": "", "mode": "0444", "uid": 0, "gid": 0, **more}


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ([config("/")], "names a directory"),
        ([config("/etc/")], "names a directory"),
        ([config("etc/my.conf")], "must be absolute"),
        ([config("/etc/my.conf"), config("/x/../etc/my.conf")], "written twice"),
        ([config("/etc/my"), config("/etc/my/conf")], "/etc/my/conf lies in it"),
        ([config("/etc/my.conf", mode="17777")], "is not octal"),
        ([config("/etc/my.conf", mode="-1")], "is not octal"),
        ([config("/etc/my.conf", uid=-1)], "uid -1"),
        ([config("/etc/my.conf", gid=2**32)], "gid 4294967296"),
    ],
)
def test_files_that_cannot_be_are_refused(given: list[dict[str, Any]], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        _mounts.configs(given)


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("/proc/x", "/proc is made when the container starts"),
        ("/dev/shm/x", "/dev is made"),
        ("/run/x", "/run is a tmpfs"),
        ("/data/run/x", "/data/run is a tmpfs"),
        ("/ro/x", "/ro is a volume that is read-only"),
        ("/data", "is a mount itself"),
    ],
)
def test_a_file_that_the_container_would_not_see_is_refused(target: str, reason: str) -> None:
    options = {
        "volumes": _mounts.volumes(["aa:/data", "bb:/ro:ro", "cc:/ro/rw"]),
        "tmpfs": _mounts.tmpfs(["/run", "/data/run"]),
    }
    _mounts.refuse_unreachable(["/data/x", "/ro/rw/x", "/etc/x", "/process/x"], options)
    with pytest.raises(ValueError, match=reason):
        _mounts.refuse_unreachable([target], options)
