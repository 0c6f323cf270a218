# SPDX-License-Identifier: GPL-3.0-or-later
"""Compose's ways of writing a value: each accepted form, and each refusal with its reason."""

from __future__ import annotations

from typing import Any, Callable

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._compose import mounts, pairs, values

ADDRESSES = ("ipv4_address", "ipv6_address", "mac_address")
BINDING = [{"HostIp": "", "HostPort": "6379"}]


@pytest.mark.parametrize(
    ("parse", "given", "engine"),
    [
        (values.words, "redis-server --port 6515", ["redis-server", "--port", "6515"]),
        (values.words, "sh -c 'a b'", ["sh", "-c", "a b"]),
        (values.words, ["a b", 1], ["a b", "1"]),
        (pairs.mapping, {"A": 1, "B": None, "C": "yes"}, {"A": "1", "B": "", "C": "yes"}),
        (pairs.flags, {"A": True, "B": "no"}, {"A": "true", "B": "no"}),
        (
            pairs.environment,
            {"A": 1, "B": None, "C": "", "UMASK": "022", "MODE": 1},
            ["A=1", "B", "C=", "UMASK=022", "MODE=1"],
        ),
        (pairs.environment, ["A=1", "B", "C=", "D=x=y"], ["A=1", "B", "C=", "D=x=y"]),
        (values.user, 1000, "1000"),
        (values.user, "33:33", "33:33"),
        (values.size, 1.5, 1),
        (values.duration, 1.5, 1500000000),
        (pairs.mapping, ["A=1", "B", "C=x=y"], {"A": "1", "B": "", "C": "x=y"}),
        (values.size, "64m", 67108864),
        (values.size, "64MB", 67108864),
        (values.size, 67108864, 67108864),
        (values.size, "1.5g", 1610612736),
        (values.duration, "1m30s", 90 * 10**9),
        (values.duration, "500ms", 5 * 10**8),
        (values.seconds, 120, 120),
        (values.seconds, "2m", 120),
        (values.nano_cpus, "0.5", 500000000),
        (values.nano_cpus, "0", 0),
        (values.duration_text, 90 * 10**9, "90s"),
        (values.duration_text, 15 * 10**8, "1500000us"),
        (values.cpuset, "0,2-3", "0,2-3"),
        (values.cpu_shares, "512", 512),
        (values.working_dir, "/x/../srv/", "/srv"),
        (values.path, "//srv", "/srv"),
        (values.restart, False, {"Name": "no", "MaximumRetryCount": 0}),
        (values.restart, "on-failure:3", {"Name": "on-failure", "MaximumRetryCount": 3}),
        (values.ulimits, {"nofile": 1024}, [{"Name": "nofile", "Soft": 1024, "Hard": 1024}]),
        (values.extra_hosts, {"db": "10.0.0.5"}, ["db:10.0.0.5"]),
        (values.extra_hosts, ["b=::1", "a:host-gateway"], ["a:host-gateway", "b:::1"]),
        (values.mac, "02-42-AC-11-00-05", "02:42:ac:11:00:05"),
        (values.exposed, [6379, "7000-7001/udp"], ["6379/tcp", "7000/udp", "7001/udp"]),
        (values.ports, ["6379:6379"], {"6379/tcp": BINDING}),
        (values.ports, [{"target": 6379, "published": "6379"}], {"6379/tcp": BINDING}),
        (values.ports, ["127.0.0.1:53:5353/udp"], {"5353/udp": [{"HostIp": "127.0.0.1", "HostPort": "53"}]}),
        (values.ports, ["[::1]:80:80"], {"80/tcp": [{"HostIp": "::1", "HostPort": "80"}]}),
        (values.ports, [6379], {"6379/tcp": [{"HostIp": "", "HostPort": ""}]}),
        (values.ports, ["8000-9000:80"], {"80/tcp": [{"HostIp": "", "HostPort": "8000-9000"}]}),
        (mounts.volumes, ["data:/data"], [("data", "/data", ())]),
        (mounts.volumes, ["/srv/:/x/:ro,z"], [("/srv", "/x", ("ro", "z"))]),
        (mounts.volumes, ["/data"], [("", "/data", ())]),
        (
            mounts.volumes,
            [{"type": "bind", "source": "/a", "target": "/b", "read_only": True}],
            [("/a", "/b", ("ro",))],
        ),
        (mounts.tmpfs, "/run:size=1m", {"/run": "size=1m"}),
        (mounts.tmpfs, ["/run/:mode=1777,noexec,size=50%"], {"/run": "mode=1777,noexec,size=50%"}),
        (values.ports, ["80:80/TCP"], {"80/tcp": [{"HostIp": "", "HostPort": "80"}]}),
        (values.exposed, ["80/UDP"], ["80/udp"]),
        (values.networks, {"a": {"aliases": ["x", "x"]}}, {"a": {"aliases": ["x"], **dict.fromkeys(ADDRESSES, "")}}),
        (values.healthcheck, {"test": "redis-cli ping"}, {"Test": ["CMD-SHELL", "redis-cli ping"]}),
        (values.healthcheck, {"disable": True}, {"Test": ["NONE"]}),
    ],
)
def test_forms_that_compose_knows(parse: Callable[[Any], Any], given: Any, engine: Any) -> None:
    assert parse(given) == engine


def test_two_ports_of_a_range_stay_apart() -> None:
    assert list(values.ports(["7000-7001:7000-7001"])) == ["7000/tcp", "7001/tcp"]


@pytest.mark.parametrize(
    ("parse", "given", "reason"),
    [
        (values.words, "sh -c 'a", "split"),
        (values.size, "64 bananas", "not a size"),
        (values.duration, "soon", "not a duration"),
        (values.duration, "1m and a bit", "not a duration"),
        (values.nano_cpus, "-1", "not a number of CPUs from 0.01 on"),
        (values.nano_cpus, "0.001", "from 0.01 on"),
        (values.nano_cpus, "inf", "from 0.01 on"),
        (values.nano_cpus, "nan", "from 0.01 on"),
        (values.size, "9" * 400, "more than the engine can count"),
        (values.duration, "9" * 400, "more than the engine can count"),
        (values.integer, 2**63, "is not between"),
        (values.words, ["a\0b"], "NUL"),
        (pairs.mapping, {"A": "b\0"}, "NUL"),
        (pairs.mapping, 5, "neither a mapping nor KEY=value"),
        (pairs.mapping, [5], "neither a mapping nor KEY=value"),
        *[(pairs.environment, {"A": given}, "A: .*Write it quoted") for given in (True, False, 1.1, 10**80)],
        *[(pairs.environment, {name: 18}, "makes of 022") for name in ("UMASK", "FILE_MODE", "umask")],
        (pairs.environment, {"": 1}, "is not a name"),
        (pairs.environment, {"A": ["x"]}, "A: must be text, not a list"),
        (pairs.mapping, {"A": 1.1}, "A: is a number with a point"),
        (values.user, 2013, "makes of 33:33"),
        (values.mac, 40950096793, "YAML makes of a MAC"),
        (values.ports, [1342], "makes of 22:22"),
        (values.ports, [481342], "makes of 8022:22"),
        (values.hostname, True, "Write it quoted"),
        (values.cpu_shares, 1, "not between 2 and 262144"),
        (values.cpu_shares, -1, "not between 2"),
        (values.cpuset, "abc", "not a list of CPUs"),
        (values.cpuset, "3-1", "not a list of CPUs"),
        (values.working_dir, "srv", "must be absolute"),
        (values.hostname, "a" * 64, "longer than the 63"),
        (values.security, ["bogus"], "not a security option"),
        (values.security, ["no-new-privileges:maybe"], "'maybe' is not a value"),
        (values.security, ["seccomp=/etc/profile.json"], "not a value for seccomp"),
        (values.sysctls, {"net.core.so maxconn": 1}, "not a name of a kernel parameter"),
        (values.ulimits, {"nofile": -2}, "below -1"),
        (values.ulimits, {"nofile": 2**63}, "is not between"),
        (values.restart, "maybe", "unless-stopped"),
        (values.restart, "always:3", "unless-stopped"),
        (values.ulimits, {"nofile": {"soft": 1}}, "needs soft and hard"),
        (values.extra_hosts, ["db"], "has no address"),
        (values.address, "10.0.0.300", "not an IP address"),
        (values.mac, "02:42", "not a MAC"),
        (values.mac, "03:42:ac:11:00:05", "multicast"),
        (values.ports, ["70000:80"], "between 1 and 65535"),
        (values.ports, ["80:0"], "between 1 and 65535"),
        (values.ports, ["8000-8001:80-82"], "2 host ports for 3"),
        (values.ports, ["80:80/icmp"], "not tcp, udp or sctp"),
        (values.ports, ["localhost:80:80"], "not an IP address"),
        (values.ports, ["http:80"], "not a number"),
        (values.ports, [{"target": 80, "publishd": 8080}], "'publishd' is unknown; known are"),
        (values.exposed, ["80/icmp"], "not tcp, udp or sctp"),
        (values.healthcheck, {"test": "true", "retries": -1}, "not between 0"),
        (values.healthcheck, {"test": "true", "interval": "500us"}, "less than the millisecond"),
        (mounts.volumes, ["data:data"], "must be absolute"),
        (mounts.volumes, ["./data:/data"], "must be absolute"),
        (mounts.volumes, ["a:/b:rx"], "unknown option 'rx'"),
        (mounts.volumes, ["aa:/b", "cc:/b/"], "mounted twice"),
        (mounts.volumes, ["aa:/b", "cc:/x/../b"], "mounted twice"),
        (mounts.volumes, ["aa:/"], "over the container's whole root"),
        (mounts.volumes, ["aa:/b:rshared"], "'rshared' is for a path on the host"),
        (mounts.volumes, ["/aa:/b:nocopy"], "'nocopy' is for a volume"),
        (mounts.volumes, ["aa:/b:ro,rw"], "exclude each other"),
        (mounts.volumes, [{"type": "volume", "target": "/b", "read_only": True}], "anonymous volume takes no option"),
        (mounts.volumes, [{"type": "bind", "source": "/a", "target": "/b", "bind": "x"}], "'x' is not a mapping"),
        (mounts.volumes, [{"source": "aa", "target": "/b", "bind": {"propagatin": 1}}], "'propagatin' is unknown"),
        (mounts.volumes, [{"source": "aa", "target": "/b", "readonly": True}], "'readonly' is unknown"),
        (mounts.tmpfs, "/", "over the container's whole root"),
        (mounts.tmpfs, ["/run:siz=1m"], "unknown option 'siz=1m'"),
        (mounts.tmpfs, ["/run:size=many"], "'many' is not a value for size"),
        (mounts.tmpfs, ["/run", "/run/"], "mounted twice"),
        (mounts.volumes, [{"type": "bind", "source": "name", "target": "/x"}], "absolute path as its source"),
        (mounts.tmpfs, "run", "must be absolute"),
        (values.healthcheck, {"test": ["redis-cli"]}, "begins with CMD"),
        (values.healthcheck, {"tests": "x"}, "'tests' is unknown"),
        (values.networks, {"a": {"ipv4_address": "fd00::1"}}, "not an IPv4 address"),
        (values.networks, {"a": {"alias": "x"}}, "known are"),
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
        mounts.configs(given)


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
        "volumes": mounts.volumes(["aa:/data", "bb:/ro:ro", "cc:/ro/rw"]),
        "tmpfs": mounts.tmpfs(["/run", "/data/run"]),
    }
    mounts.refuse_unreachable(["/data/x", "/ro/rw/x", "/etc/x", "/process/x"], options)
    with pytest.raises(ValueError, match=reason):
        mounts.refuse_unreachable([target], options)
