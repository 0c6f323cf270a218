# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role redis refuses by its variables alone, and with which words."""

from __future__ import annotations

from typing import Any

import pytest
from certificates import Authority, rsa_pair
from redis_role import ETH0, conf, isolated, plan, problems

REFUSED = [
    # what, instances, options of the host, what the message says
    *[
        (
            f"interfaces in mode {mode}",
            [{"name": "aa", "interfaces": [ETH0], **entry}],
            {},
            f"its interfaces are {whose}",
        )
        for mode, whose, entry in (
            ("bridge", "Docker's. Leave interfaces out, or set network_mode to none", {}),
            ("container", "the donor's", {"network_mode": "container", "donor": "web", "password": "x"}),
            ("host", "the host's", {"network_mode": "host"}),
        )
    ],
    (
        "text for a list of interfaces",
        [{"name": "aa", "network_mode": "none", "interfaces": "eth0"}],
        {},
        "interfaces[0]: 'eth0' must be a dictionary. Write it as - name: eth0",
    ),
    ("text for an interface", isolated("eth0"), {}, "instance aa: interfaces[0]: 'eth0' must be a dictionary"),
    ("an interface without a name", isolated({"bridge": "docker0"}), {}, "an entry has no name"),
    (
        "an interface with a container",
        isolated({**ETH0, "container": "aa"}),
        {},
        "eth0: container: it is the instance's",
    ),
    ("an interface with a state", isolated({**ETH0, "state": "absent"}), {}, "is removed. Leave state out"),
    ("an unknown option of an interface", isolated({**ETH0, "adresses": []}), {}, "Did you mean addresses?"),
    ("a kind of interface that there is not", isolated({**ETH0, "kind": ["vlan"]}), {}, "none of veth, macvlan"),
    (
        "a number for a MAC address",
        isolated({**ETH0, "mac": 8}),
        {},
        "eth0: mac: 8 must be text, not a number. Write it quoted",
    ),
    ("a word for an MTU", isolated({**ETH0, "mtu": "jumbo"}), {}, "eth0: mtu: 'jumbo' is not a number"),
    ("text for addresses", isolated({**ETH0, "addresses": "10.0.0.1/8"}), {}, "Write it like ['172.17.200.5/16']"),
    ("a number for an address", isolated({**ETH0, "addresses": [10]}), {}, "[10] is not a list of addresses"),
    ("a route without a network", isolated({**ETH0, "routes": [{"via": "172.17.0.1"}]}), {}, "is not a list of routes"),
    ("what the module refuses", isolated({**ETH0, "mtu": 40}), {}, "interfaces: eth0: mtu: 40 is not from 68"),
    (
        "a kind without its parent",
        isolated({"name": "eth0", "kind": "macvlan"}, password="x"),
        {},
        "parent: kind macvlan",
    ),
    ("an interface twice", isolated(ETH0, {**ETH0, "addresses": []}), {}, "eth0: it is in the list twice"),
    (
        "one address on one bridge twice",
        [*isolated(ETH0), {**isolated(ETH0)[0], "name": "bb"}],
        {},
        "instance bb: interfaces: eth0: addresses: 172.17.200.5 is in use by interface aa:eth0",
    ),
    (
        "bind to an interface to come",
        isolated(ETH0, bind=["172.17.200.5"]),
        {},
        "bind: Redis cannot bind to 172.17.200.5",
    ),
    (
        "the port of a donor with interfaces",
        [*isolated(ETH0), {"name": "bb", "network_mode": "container", "donor": "aa"}],
        {},
        "taken in the namespace of aa by instance aa",
    ),
    ("a name for an instance", ["rb"], {}, "redis_instances[0]: 'rb' must be a dictionary. Write it as - name: rb."),
    ("a list for an instance", [{"name": "aa"}, []], {}, "redis_instances[1]: must be a dictionary, not a list."),
    ("no name", [{"port": 1}], {}, "number 1: name: an instance needs a name"),
    ("bad name", [{"name": "a b"}], {}, "name: 'a b' is not a container name: two or more of letters, digits"),
    ("name too short", [{"name": "a"}], {}, "name: 'a' is not a container name: two or more of letters, digits"),
    ("one name twice", [{"name": "aa"}, {"name": "aa", "port": 7}], {}, "two instances of this host have it"),
    ("unknown setting", [{"name": "aa", "maxmemry": "1gb"}], {}, "Did you mean maxmemory?"),
    ("a variable's full name", [{"name": "aa", "redis_port": 7}], {}, "Did you mean port?"),
    ("unknown mode", [{"name": "aa", "network_mode": "macvlan"}], {}, "must be one of bridge, container, host, none"),
    ("port out of range", [{"name": "aa", "port": 70000}], {}, "from 1 to 65535"),
    (
        "published port",
        [{"name": "aa", "ports": ["127.0.0.1:99999:6379"]}],
        {},
        "ports: host port 99999 is not between 1 and 65535",
    ),
    (
        "port published",
        [{"name": "aa", "ports": ["127.0.0.1:7:0"]}],
        {},
        "ports: container port 0 is not between 1 and 65535",
    ),
    ("port no number", [{"name": "aa", "port": "http"}], {}, "must be a whole number"),
    ("port true", [{"name": "aa", "port": True}], {}, "must be a whole number"),
    ("size", [{"name": "aa", "maxmemory": "lots"}], {}, "Write it like 512mb"),
    ("policy", [{"name": "aa", "maxmemory_policy": "lru"}], {}, "allkeys-lru"),
    ("fsync", [{"name": "aa", "appendfsync": "daily"}], {}, "everysec"),
    ("save point", [{"name": "aa", "save": ["often"]}], {}, "Write it like '3600 1'"),
    ("bind to a name", [{"name": "aa", "bind": ["eth0"]}], {}, "is not an address"),
    ("user by name", [{"name": "aa", "user": "redis"}], {}, "such as '999:999'"),
    ("root", [{"name": "aa", "user": "0:0"}], {}, "0 is root"),
    ("no permissions", [{"name": "aa", "socket_mode": "999"}], {}, "is not octal"),
    ("permissions of more", [{"name": "aa", "socket_mode": "1777"}], {}, "not three octal digits"),
    ("grace period", [{"name": "aa", "stop_grace_period": "soon"}], {}, "Write it like 120s"),
    ("grace period below Redis' own", [{"name": "aa", "stop_grace_period": "9s"}], {}, "Give at least 10s"),
    ("no grace period", [{"name": "aa", "stop_grace_period": "0m0s"}], {}, "killed then. Give at least 10s"),
    ("container without donor", [{"name": "aa", "network_mode": "container"}], {}, "Say which with donor"),
    ("its own donor", [{"name": "aa", "network_mode": "container", "donor": "aa"}], {}, "its own namespace"),
    ("donor in bridge mode", [{"name": "aa", "donor": "web"}], {}, "mode bridge has no donor"),
    (
        "ports in container mode",
        [{"name": "aa", "network_mode": "container", "donor": "web", "ports": ["6379:6379"]}],
        {},
        "publish it on the donor",
    ),
    ("ports in host mode", [{"name": "aa", "network_mode": "host", "ports": ["1:1"]}], {}, "leave ports out"),
    ("ports in none mode", [{"name": "aa", "network_mode": "none", "ports": ["1:1"]}], {}, "use the unix socket"),
    ("networks in host mode", [{"name": "aa", "network_mode": "host", "networks": ["n"]}], {}, "attaches no networks"),
    ("bind in none mode", [{"name": "aa", "network_mode": "none", "bind": ["::1"]}], {}, "no address to bind to"),
    ("managed directive", [{"name": "aa", "settings": {"Port": 1}}], {}, "set port instead"),
    ("password as a directive", [{"name": "aa", "settings": {"requirepass": "x"}}], {}, "set password instead"),
    ("a second line", [{"name": "aa", "settings": {"hz": "1\nport 1"}}], {}, "a value is one line"),
    ("a second line by a password", [{"name": "aa", "password": "x\nport 1"}], {}, "line break"),
    ("a directive with a space", [{"name": "aa", "settings": {"hz 1": 1}}], {}, "not a directive of redis.conf"),
    ("archive without a file", [{"name": "aa", "image_source": "archive"}], {}, "which file on the controller"),
    ("no packages", [{"name": "aa", "image_source": "packages", "image_packages": []}], {}, "say which"),
    ("half of the credentials", [{"name": "aa", "registry_password": "x"}], {}, "without a user"),
    (
        "one port of the host twice",
        [{"name": "aa", "network_mode": "host"}, {"name": "bb", "network_mode": "host"}],
        {},
        "6379 is taken on the host by instance aa",
    ),
    (
        "one port of a donor's namespace twice",
        [
            {"name": "aa", "network_mode": "container", "donor": "web"},
            {"name": "bb", "network_mode": "container", "donor": "web"},
        ],
        {"companions": [{"name": "web"}]},
        "taken in the namespace of web by instance aa",
    ),
    (
        "the port of the donor, itself a Redis",
        [{"name": "aa"}, {"name": "bb", "network_mode": "container", "donor": "aa"}],
        {},
        "taken in the namespace of aa by instance aa",
    ),
    (
        "one published port twice",
        [{"name": "aa", "ports": ["127.0.0.1:7:6379"]}, {"name": "bb", "ports": ["127.0.0.1:7:6379"]}],
        {},
        "port 7 of the host is taken by aa",
    ),
    (
        "a published port that an instance in host mode has",
        [{"name": "aa", "network_mode": "host"}, {"name": "bb", "ports": ["127.0.0.1:6379:6379"]}],
        {},
        "port 6379 of the host is taken by aa",
    ),
    *[
        (
            f"{name!r} as a directive",
            [{"name": "aa", "settings": {name: "x"}}],
            {},
            "that is not a directive of redis.conf",
        )
        for name in (None, True, 7, 1.5, "", "a b", "x\ny")
    ],
    *[
        (f"user {user}", [{"name": "aa", "user": user}], {}, "the highest number that an engine takes is 2147483647")
        for user in ("2147483648:1", "999:2147483648", "4294967295:4294967295", "9999999999:1")
    ],
    (
        "label netmode.docker.role",
        [{"name": "aa", "labels": {"netmode.docker.role": "x"}}],
        {},
        "labels: netmode.docker.role: the role sets it by itself",
    ),
    (
        "recreated always and never restarted",
        [{"name": "aa", "recreate": "always", "restart_allowed": False}],
        {},
        "instance aa: recreate: always recreates it at every run, and redis_restart_allowed: false allows none",
    ),
    *[
        (f"{option} {path!r}", [{"name": "aa"}], {option: path}, f"redis_{option}: {path!r} is not an absolute path")
        for option in ("config_dir", "socket_dir")
        for path in ("", "/", "//", "srv", "./srv", "~/srv", "/srv/../etc", "/srv/..", "/srv:ro")
    ],
    *[
        (f"places {options}", [{"name": "aa"}], options, "Give each a directory of its own")
        for options in (
            {"volume": "/etc/netmode/redis/aa"},
            {"volume": "/etc/netmode/redis/aa/data/"},
            {"volume": "/etc/netmode"},
            {"volume": "//var/lib/netmode/./redis//aa"},
            {"volume": "/srv/aa", "socket_dir": "/srv/"},
            {"socket_dir": "/srv", "config_dir": "/srv/"},
            {"socket_dir": "/srv/aa", "config_dir": "/srv"},
            {"socket_dir": "/srv", "config_dir": "/srv/aa/conf"},
        )
    ],
    (
        "data among the sockets of another",
        [{"name": "aa", "volume": "/srv/bb"}, {"name": "bb", "port": 7}],
        {"socket_dir": "/srv"},
        "the directory of the socket of bb",
    ),
    ("no published port", [{"name": "aa", "ports": ["redis"]}], {}, "is not a number or a range"),
    ("a companion of the same name", [{"name": "aa"}], {"companions": [{"name": "aa"}]}, "Rename one"),
    ("a companion without a name", [{"name": "aa"}], {"companions": [{"image": "x"}]}, "redis_companions"),
    (
        "two recipes of one image",
        [
            {"name": "aa", "image_source": "packages"},
            {"name": "bb", "port": 7, "image_source": "packages", "image_suite": "trixie"},
        ],
        {},
        "same image with another image_suite",
    ),
]


@pytest.mark.parametrize(("instances", "options", "said"), [case[1:] for case in REFUSED], ids=[c[0] for c in REFUSED])
def test_refused_with_the_host_the_instance_the_reason_and_nothing_done(
    instances: list[Any], options: dict[str, Any], said: str
) -> None:
    told = problems(*instances, **options)
    assert len(told) == 1, told
    assert told[0].startswith("web1: ")
    assert said in told[0]


def test_what_else_is_wrong_is_told_of_one_without_a_proper_name_too() -> None:
    assert len(problems({"name": "a", "maxmemry": "1gb"})) == 2


# --- variables of the host --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options", [{"volume": "/etc/netmode/redis/aab"}, {"volume": "/srv/redis", "config_dir": "/srv/redis-conf"}]
)
def test_directories_beside_each_other_are_right(options: dict[str, Any]) -> None:
    assert plan({"name": "aa"}, **options)["problems"] == []


@pytest.mark.parametrize("period", ["10s", "2m", "1h", "1m30s"])
def test_a_grace_period_is_long_enough_from_ten_seconds_on(period: str) -> None:
    assert plan({"name": "cache", "stop_grace_period": period})["problems"] == []


def test_what_an_entry_leaves_null_is_the_hosts() -> None:
    lines = conf({"name": "cache", "save": None, "bind": None, "maxmemory": None}, save=["60 1"], maxmemory="1gb")
    assert {"save 60 1", "bind * -::*", "maxmemory 1gb"} <= set(lines)


def test_everything_that_is_wrong_is_told_at_once() -> None:
    assert len(problems({"name": "aa", "port": 0, "maxmemory": "x"}, {"name": "bb", "donor": "web"})) == 3


EC, EC_KEY = Authority().issue("a")
CERTIFICATE, KEY = rsa_pair("backups")
CHAIN, PATH = CERTIFICATE + EC, "is not an absolute path"
BACKUPS: list[tuple[dict[str, Any], str]] = [
    *[
        ({"backup_dir": given}, f"redis_backup_dir: {given!r} {PATH}")
        for given in ("", "b", "/", "/a:b", "/a/../b", "/a\nb")
    ],
    ({"backup_dir": ["/a"]}, "redis_backup_dir: ['/a'] must be text, not a list"),
    *[({"backup_keep": given}, "redis_backup_keep: ") for given in (0, -1, "all", 1.5, True)],
    *[({"backup_timeout": given}, "redis_backup_timeout: ") for given in (0, 86401, "1h", [])],
    ({"backup_instances": ["redis", "cach"]}, "redis_backup_instances: cach is not an instance of this host"),
    ({"backup_instances": {"redis": 1}}, "redis_backup_instances: must be a list, not a dictionary"),
    ({"backup_instances": ["../redis"]}, "redis_backup_instances: ../redis is not an instance"),
    ({"backup_fetch_to": "backups"}, f"redis_backup_fetch_to: 'backups' {PATH}"),
    ({"backup_fetch_to": "/a\nb"}, f"redis_backup_fetch_to: '/a\\nb' {PATH}"),
    ({"backup_fetch_to": "/etc/passwd"}, "redis_backup_fetch_to: /etc/passwd: on the controller: is a file"),
    ({"backup_fetch_to": "~nobody-of-that-name/x"}, "redis_backup_fetch_to: ~nobody-of-that-name/x: on the controller"),
    ({"backup_fetch_to": "/" + "x" * 5000}, "is a path that cannot be looked at"),
    (
        {"backup_encrypt_for": "/none/backup.crt"},
        "redis_backup_encrypt_for: /none/backup.crt: on the controller",
    ),
    ({"backup_encrypt_for": "/dev/zero"}, "redis_backup_encrypt_for: /dev/zero: on the controller: is not a file"),
    ({"backup_encrypt_for": "/etc/passwd"}, "redis_backup_encrypt_for: holds no certificate in PEM"),
    ({"backup_encrypt_for": "-----BEGIN CERTIFICATE-----\nx"}, "redis_backup_encrypt_for: holds no certificate in PEM"),
    ({"backup_encrypt_for": CERTIFICATE + KEY}, "redis_backup_encrypt_for: holds a private key, which no host"),
    ({"backup_encrypt_for": CHAIN}, "redis_backup_encrypt_for: holds 2 certificates"),
    ({"backup_encrypt_for": EC}, "redis_backup_encrypt_for: its key is not an RSA key"),
    ({"backup_encrypt_for": rsa_pair("x", bits=1024)[0]}, "redis_backup_encrypt_for: its key has 1024 bits"),
    ({"backup_encrypt_for": rsa_pair("x", (-9, -1))[0]}, "redis_backup_encrypt_for: it has expired on"),
    ({"backup_encrypt_for": rsa_pair("x", (1, 9))[0]}, "redis_backup_encrypt_for: it is valid from"),
    ({"restore_key": "/none/backup.key"}, "redis_restore_key: /none/backup.key: on the controller: No such"),
    ({"restore_key": CERTIFICATE}, "redis_restore_key: holds no private key in PEM"),
    ({"restore_key": EC_KEY}, "redis_restore_key: its key is not an RSA key"),
    ({"restore_key": 7}, "redis_restore_key: the value is not text"),
    (
        {"restore_instance": "cach"},
        "redis_restore_instance: cach is not an instance of this host",
    ),
    ({"restore_instance": "../../etc"}, "redis_restore_instance: ../../etc is not an instance of this host"),
    ({"restore_overwrite": "maybe"}, "redis_restore_overwrite: 'maybe' must be true or false"),
    ({"restore_backup": "latest", "restore_src": "/a.rdb"}, "redis_restore_src: redis_restore_backup names another"),
    ({"restore_src": "/none.rdb"}, "redis_restore_src: '/none.rdb': on the controller: there is nothing"),
    ({"restore_src": "/etc"}, "redis_restore_src: '/etc': on the controller: it is a directory"),
    (
        {"restore_src": "/dev/zero"},
        "redis_restore_src: '/dev/zero': on the controller: it is a thing",
    ),
    ({"restore_src": "/etc/passwd"}, "redis_restore_src: /etc/passwd: on the controller: it is not a dump of Redis"),
]
"""What is wrong in the variables of backup and restore."""


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"start_timeout": 0}, "redis_start_timeout: 0 must be a whole number from 1 to 86400"),
        ({"start_timeout": -3}, "redis_start_timeout: -3 must be a whole number from 1 to 86400"),
        ({"start_timeout": 86401}, "redis_start_timeout: 86401 must be a whole number from 1 to 86400"),
        ({"reach_witnesses": -3}, "redis_reach_witnesses: -3 must be a whole number, 0 or more"),
        ({"port": 65536}, "redis_port: 65536 must be a whole number from 1 to 65535"),
        ({"address": "10.0.0.5:6379"}, "redis_address: '10.0.0.5:6379' is neither"),
        ({"address": "[fd00::5]"}, "redis_address: '[fd00::5]' is neither"),
        ({"address": "my host"}, "redis_address: 'my host' is neither"),
        ({"address": ""}, "redis_address: '' is neither"),
        ({"image": "Redis:7"}, "instance redis: image: 'Redis:7' does not name an image"),
        ({"image": "redis :7"}, "instance redis: image: 'redis :7' does not name an image"),
        ({"image": "redis:7 "}, "instance redis: image: 'redis:7 ' does not name an image"),
        ({"settings": {"tls-port": 70000}}, "settings.tls-port: '70000' is not a port"),
        ({"settings": {"tls-port": -1}}, "settings.tls-port: '-1' is not a port"),
        ({"settings": {"TLS-Port": "6380 6381"}}, "settings.TLS-Port: '6380 6381' is not a port"),
        ({"settings": {"cluster-announce-bus-port": "bus"}}, "settings.cluster-announce-bus-port: 'bus' is not a port"),
        ({"settings": {"replica-announce-port": 1.5}}, "settings.replica-announce-port:"),
        ({"companions": [{"name": "web", "ports": ["70000:80"]}]}, "redis_companions: web: ports:"),
        ({"companions": [{"name": "web", "prots": []}]}, "redis_companions: web: has no option 'prots'"),
        ({"companions": [{"name": "web", "network_mode": "host", "networks": ["a"]}]}, "web: networks"),
        ({"companions": [{"name": "we b"}]}, "redis_companions: we b: name:"),
        ({"companions": [{"name": "web", "image": "No Image"}]}, "redis_companions: web: image: 'No Image'"),
        ({"definitions": [{"name": "host"}]}, "redis_network_definitions: network host: name: host is predefined"),
        ({"definitions": [{"name": "a", "mtu": "wide"}]}, "redis_network_definitions: mtu: 'wide' must be"),
        ({"definitions": [{"name": "a"}, {"name": "a"}]}, "network a: it is in the list twice"),
        ({"definitions": [{"name": "a", "ipam": {"config": [{"subnet": "10.0.0.1/8"}]}}]}, "network a: ipam.config"),
        *BACKUPS,
    ],
)  # fmt: skip
def test_what_a_module_would_refuse_late_is_refused_before_a_host_is_touched(given: dict[str, Any], said: str) -> None:
    told = problems({"name": "redis"}, **given)
    assert len(told) == 1, told
    assert told[0].startswith("web1: "), told
    assert said in told[0], told
