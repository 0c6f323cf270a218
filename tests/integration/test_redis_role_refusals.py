# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role redis refuses, and that nothing is changed then; what it says of a Redis that does not start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from certificates import Authority
from lab import wait_until
from redis_lab import socket_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lab import Host, Play

pytestmark = pytest.mark.usefixtures("no_files_left")


def test_r14_an_open_redis_without_a_password_and_bad_settings_are_one_message_before_any_change(
    refuse: Callable[..., list[str]],
) -> None:
    entries = [{"name": "aa", "network_mode": "host", "ports": ["1:1"]}, {"name": "bb", "maxmemory": "lots"}]
    open_one, bad = refuse([{"redis_ports": ["6379:6379"]}, {"redis_instances": entries}])
    assert "redis_allow_unauthenticated: true" in open_one
    assert "n0: instance redis: password" in open_one
    assert "n1: instance aa: ports: mode host publishes no ports" in bad
    assert "n1: instance bb: maxmemory" in bad


WEB = {"name": "web", "command": ["busybox", "sleep", "9999"]}
LAN = {"name": "lan", "driver": "macvlan", "driver_opts": {"parent": "eth0"}}
CARD = {"name": "eth0", "kind": "macvlan", "parent": "lo", "addresses": ["192.0.2.9/24"]}
SAID: list[tuple[str, dict[str, Any]]] = [
    # O22
    ("the port 6380 of settings.tls-port is published", {"redis_ports": ["6380:6380"], "redis_settings": {"tls-port": 6380}}),
    ("settings.cluster-enabled", {"redis_ports": ["16379:16379"], "redis_settings": {"cluster-enabled": "yes"}}),
    (
        "settings.user: app needs none",
        {"redis_ports": ["6379:6379"], "redis_password": "x", "redis_settings": {"user": "app on nopass +@all"}},
    ),
    ("settings.aclfile", {"redis_ports": ["6379:6379"], "redis_password": "x", "redis_settings": {"aclfile": "/data/x"}}),
    (
        "its port is published",
        {"redis_network_mode": "container", "redis_donor": "web", "redis_companions": [{**WEB, "ports": ["7000:6379"]}]},
    ),
    ("the network lan (macvlan)", {"redis_networks": ["lan"], "redis_network_definitions": [LAN]}),
    ("of redis lets in others than this host", {"redis_network_mode": "none", "redis_interfaces": [CARD]}),
    # O23
    ("port 7 of the host is taken by aa", {"redis_instances": [
        {"name": "aa", "ports": ["127.0.0.1:7:6379"]},
        {"name": "bb", "ports": [{"target": 6379, "published": "7", "host_ip": "127.0.0.1"}]},
    ]}),
    ("port 8 of the host is taken by aa", {"redis_password": "x", "redis_instances": [
        {"name": "aa", "ports": ["7-8:6379-6380"]}, {"name": "bb", "ports": ["0.0.0.0:8:6379/tcp"]},
    ]}),
    ("port 7000 of the host is taken by redis", {
        "redis_password": "x", "redis_ports": ["7000:6379"], "redis_companions": [{**WEB, "ports": [{"target": 80, "published": 7000}]}],
    }),
    # O19
    ("6379 of the container is published, and Redis listens at 6380", {"redis_port": 6380, "redis_ports": ["127.0.0.1:7:6379"]}),
    ("7000 of the container is published, and Redis listens at 6379", {"redis_ports": [7000]}),
    ("Write 'default off ~* &* +@all'", {"redis_settings": {"user": "default off"}}),
    ("redis_password is not among the passwords", {"redis_password": "x", "redis_settings": {"user": "default on >y +@all"}}),
    ("settings.tls-port: 6379 is its own port", {"redis_settings": {"tls-port": 6379}}),
]  # fmt: skip


def test_o19_o22_o23_what_the_variables_of_a_host_say_is_one_message_before_any_change(
    refuse: Callable[..., list[str]],
) -> None:
    told = refuse([variables for _, variables in SAID])
    assert [said in message for (said, _), message in zip(SAID, told)] == [True] * len(SAID), told


SHARER = {"redis_network_mode": "container", "redis_allow_unauthenticated": True}
HOSTS_OWN = {"vm.overcommit_memory": "1"}
BACKEND = {"name": "backend", "ipam": {"config": [{"subnet": "172.31.7.0/24"}]}}
ON_BACKEND = {"backend": {"ipv4_address": "172.31.7.9"}}
NOT_OURS = {"redis_ports": ["127.0.0.1:7446:6379"], "redis_allowed_sources": ["10.0.0.0/8"], "redis_password": "x"}
CA = Authority()
CERTIFICATE, KEY = CA.issue("redis")
TLS = {"redis_tls": "given", "redis_tls_cert": CERTIFICATE, "redis_tls_key": KEY, "redis_tls_ca_cert": CA.pem}


def user(rules: str) -> dict[str, Any]:
    return {"redis_users": [{"name": "app", "passwords": ["s3cret-word"], "rules": rules}]}


LATE: list[tuple[str, dict[str, Any]]] = [
    # the engine and the kernel
    ("there is no container 'nobody'", {**SHARER, "redis_donor": "nobody"}),
    ("belongs to the whole host", {"redis_network_mode": "none", "redis_sysctls": HOSTS_OWN}),
    ("there is no network 'nowhere'", {"redis_networks": ["nowhere"]}),
    ("squatter", {"redis_ports": ["127.0.0.1:7444:6379"], "redis_password": "x"}),
    ("neighbours of this host reach it", {"redis_ports": ["127.0.0.1:7445:6379"]}),
    ("squatter", {"redis_network_mode": "host", "redis_port": 7444}),
    ("recreate: never", {"redis_recreate": "never", "redis_labels": {"another": "container"}}),
    ("user: 1000:1000 may not write", {"redis_user": "1000:1000"}),
    (
        "belongs to the whole host",
        {"redis_network_definitions": [BACKEND], "redis_networks": ON_BACKEND, "redis_sysctls": HOSTS_OWN},
    ),
    (
        "there is no container 'nobody'",
        {
            "redis_image": "netmode-test/of-packages:1",
            "redis_image_source": "packages",
            **SHARER,
            "redis_donor": "nobody",
        },
    ),
    ("rlimit", {"redis_ulimits": {"nofile": 2**40}}),
    ("no group 'nobody-here'", {"redis_socket_group": "nobody-here"}),
    ("/srv/none is not there", {"redis_volume": "/srv/none"}),
    ("lan-of-others", {**NOT_OURS, "redis_networks": ["lan-of-others"]}),
    ("127.0.0.1:1", {"redis_image": "127.0.0.1:1/redis:7"}),
    # the server itself
    (">>> 'no-such-directive 1'", {"redis_settings": {"no-such-directive": 1}}),
    ("argument must be a memory value", {"redis_settings": {"client-query-buffer-limit": "lots"}}),
    ("/none.so", {"redis_settings": {"loadmodule": "/none.so"}}),
    ("dbfilename can't be a path", {"redis_settings": {"dbfilename": "a/b.rdb"}}),
    ("answers PING", {"redis_settings": {"rename-command": "PING hidden"}}),
    ("server_command", {"redis_server_command": "none-server"}),
    ("cli_command: ", {"redis_cli_command": "none-cli"}),
    ("ACL rule '+no-such-command' for the user named 'app'", user("+no-such-command")),
    ("ACL rule '+@no-such-category' for the user named 'app'", user("~app:* +@no-such-category")),
    (">>> 'user app (hidden)'", user("%Q~app:* +get")),
    (">>> 'user app (hidden)'", user("(~app:* +get")),
    (">>> 'user app (hidden)'", {"redis_settings": {"user": ["app on >s3cret-word +get", "app on >s3cret-word"]}}),
    ("configure TLS", {**TLS, "redis_settings": {"tls-ciphers": "NO-SUCH-CIPHER"}}),
    ("tls-protocols", {**TLS, "redis_settings": {"tls-protocols": "TLSv9"}}),
]


@pytest.mark.parametrize("table", [LATE[::3], pytest.param(LATE, marks=pytest.mark.thorough)], ids=["some", "every"])
def test_what_only_the_engine_the_kernel_and_the_server_know_is_refused_before_any_change(
    host: Host,
    deploy: Callable[..., Play],
    refuse: Callable[..., list[str]],
    image: str,
    table: list[tuple[str, dict[str, Any]]],
) -> None:
    refuse([{**SHARER, "redis_donor": "nobody"}])  # a first run
    deploy(redis_maxmemory="64mb")
    listening = ("busybox", "httpd", "-f", "-p", "7444")
    host.docker("run", "-d", "--name", "squatter", "--network", "host", image, *listening)
    host.sh("ip link add card type veth peer name far; docker network create -d macvlan -o parent=card lan-of-others")
    wait_until(lambda: host.sh("ss -Hlnt sport = 7444"), "the squatter listens")
    told = refuse([variables for _, variables in table], redis_maxmemory="65mb")
    wrong = {said: message for (said, _), message in zip(table, told) if said not in message}
    assert not wrong, wrong
    assert not [message for message in told if "s3cret-word" in message or KEY.splitlines()[1] in message]


def test_a_network_that_is_yet_to_be_made_is_no_reason_to_refuse(host: Host, deploy: Callable[..., Play]) -> None:
    entry = {"redis_networks": ON_BACKEND, "redis_network_definitions": [BACKEND]}
    assert deploy(options=("--check",), **entry).changed > 0
    deploy(**entry)
    assert host.sh("redis-cli -h 172.31.7.9 ping") == "PONG"
    assert deploy(**entry).changed == 0
    deploy(**{**entry, "redis_network_definitions": [{**BACKEND, "mtu": 1400}]})
    assert host.sh("redis-cli -h 172.31.7.9 ping") == "PONG"


@pytest.fixture
def engine_without_logs(machine: Host) -> Iterator[None]:
    with machine.engine_with("--log-driver", "none"):
        yield


@pytest.mark.usefixtures("engine_without_logs")
def test_an_engine_that_keeps_no_logs_takes_a_configuration_and_says_why_one_is_refused(
    deploy: Callable[..., Play], refuse: Callable[..., list[str]]
) -> None:
    deploy()
    assert deploy(redis_maxmemory="64mb").changed
    (told,) = refuse([{"redis_settings": {"no-such-directive": 1}}])
    assert ">>> 'no-such-directive 1'" in told


def test_a_redis_that_does_not_start_fails_the_play_and_its_log_says_why(
    deploy: Callable[..., Play], host: Host
) -> None:
    """What the trial cannot see: the data."""
    deploy(redis_save=["3600 1"], redis_appendonly=False)
    host.docker("stop", "redis")
    data = host.docker("volume", "inspect", "-f", "{{.Mountpoint}}", "redis-data")
    host.sh(f"echo nonsense >{data}/dump.rdb")
    failed = deploy(rc=2, redis_save=["3600 1"], redis_appendonly=False, redis_start_timeout=3)
    message = failed.failed[0]["result"]["msg"]
    assert message.startswith(f"redis ({socket_of('redis')}): expected pong, observed "), message
    assert "Wrong signature" in message
    assert "Fix the reported line and run this again" in message
