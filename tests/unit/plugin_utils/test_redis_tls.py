# SPDX-License-Identifier: GPL-3.0-or-later
"""TLS of the role redis: what its variables become, and which certificates are refused before a host is touched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from certificates import CLIENT, SERVER, Authority, key_pem
from redis_role import conf, plan, problems

if TYPE_CHECKING:
    from pathlib import Path

FLEET, OTHER, OLD = Authority("fleet"), Authority("other"), Authority("old", days=(-20, -1))
BETWEEN = Authority("between", parent=FLEET)
RIGHT = FLEET.issue("cache", "127.0.0.1")


def given(pair: tuple[str, str] = RIGHT, ca: str = FLEET.pem, **more: Any) -> dict[str, Any]:
    return {"name": "cache", "tls": "given", "tls_cert": pair[0], "tls_key": pair[1], "tls_ca_cert": ca, **more}


REFUSED = [
    ("expired", given(FLEET.issue("cache", days=(-9, -2))), "tls_cert: it has expired on"),
    ("not valid yet", given(FLEET.issue("cache", days=(3, 9))), "tls_cert: it is valid from"),
    (
        "for another name",
        given(FLEET.issue("db", "*.example.org")),
        "tls_cert: it is for db, *.example.org, and for none of cache, web1",
    ),
    ("for no name", given(FLEET.issue(subject="cache")), "tls_cert: it is for nobody, since it has no subjectAltName"),
    (
        "not for a name that is asked for",
        given(tls_names=["cache", "redis.example.org"]),
        "and not for redis.example.org of tls_names",
    ),
    (
        "another certificate's key",
        given((RIGHT[0], FLEET.issue("cache")[1])),
        "tls_key: it is another certificate's key",
    ),
    (
        "without clientAuth",
        given(FLEET.issue("cache", uses=(SERVER,))),
        "tls_cert: it is not for clientAuth (extendedKeyUsage)",
    ),
    (
        "without serverAuth",
        given(FLEET.issue("cache", uses=(CLIENT,))),
        "tls_cert: it is not for serverAuth (extendedKeyUsage)",
    ),
    ("another CA's", given(OTHER.issue("cache")), "tls_cert: it was signed by CN=other, which is not in tls_ca_cert"),
    (
        "one between that is missing",
        given(BETWEEN.issue("cache")),
        "it was signed by CN=between, which is not in tls_ca_cert",
    ),
    ("a CA that has expired", given(OLD.issue("cache"), OLD.pem), "tls_ca_cert: it has expired on"),
    (
        "a file that is not there",
        given(tls_cert="/nowhere/tls.crt"),
        "tls_cert: /nowhere/tls.crt: on the controller: No such file",
    ),
    ("a directory", given(tls_ca_cert="/etc"), "tls_ca_cert: /etc: on the controller: Is a directory"),
    ("no certificate", given((RIGHT[1], RIGHT[1])), "tls_cert: holds no certificate in PEM"),
    ("a certificate for a key", given((RIGHT[0], RIGHT[0])), "tls_key: holds no private key in PEM"),
    (
        "half a key",
        given((RIGHT[0], RIGHT[1][:90] + "\n-----END PRIVATE KEY-----\n")),
        "tls_key: holds no private key in PEM",
    ),
    (
        "an encrypted key",
        given((RIGHT[0], key_pem(FLEET.key, b"secret"))),
        "tls_key: is encrypted. Give it without a passphrase",
    ),
    ("no key", given((RIGHT[0], "")), "tls_key: tls is given: say which"),
    ("no CA", given(ca=""), "tls_ca_cert: tls is given: say which"),
    ("a certificate without TLS", given(tls="off"), "tls_cert: without effect: tls is off"),
    ("a port without TLS", {"name": "cache", "tls_port": 6380}, "tls_port: tls is off, so nothing would listen there"),
    ("one port for both", given(tls_port=6379), "tls_port: 6379 is its own port already"),
    ("a directive of the role", given(settings={"TLS-Port": 7}), "settings.TLS-Port: set tls_port instead"),
    ("a word for a choice", {"name": "cache", "tls": "on"}, "tls: 'on' must be one of"),
    ("a port out of range", given(tls_port=70000), "from 0 to 65535"),
]


@pytest.mark.parametrize(("entry", "why"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_a_wrong_certificate_is_refused_on_the_controller(entry: dict[str, Any], why: str) -> None:
    (told,) = problems(entry)
    assert told.startswith("web1: instance cache: ")
    assert why in told
    assert "PRIVATE KEY" not in told.replace("(-----BEGIN PRIVATE KEY-----)", "")


@pytest.mark.parametrize(
    "entry",
    [
        given(),
        given(FLEET.issue("cache", uses=None)),
        given(FLEET.issue("WEB1")),
        given(FLEET.issue("*.example.org"), tls_names=["redis.example.org"]),
        given(FLEET.issue("10.0.0.7"), ports=["10.0.0.7:6379:6379"], password="x"),
        given(FLEET.issue("172.30.0.9"), networks={"backend": {"ipv4_address": "172.30.0.9"}}, password="x"),
        given((BETWEEN.issue("cache")[0], ""), tls="given") | {"tls_key": ""},
        given(RIGHT, OTHER.pem + FLEET.pem),
        given(RIGHT, RIGHT[0]),
    ],
    ids=[
        "plain",
        "any use",
        "inventory name",
        "wildcard",
        "published address",
        "static address",
        "chain",
        "bundle",
        "itself",
    ],
)
def test_a_right_certificate_is_taken(entry: dict[str, Any]) -> None:
    if not entry["tls_key"]:
        pair = BETWEEN.issue("cache")
        entry = {**entry, "tls_cert": pair[0] + BETWEEN.pem, "tls_key": pair[1]}
    assert plan(entry)["problems"] == []


@pytest.mark.parametrize(
    ("names", "wanted", "asked"),
    [
        (["cache"], [], "cache"),
        (["localhost", "WEB1"], [], "web1"),
        (["*.example.org"], ["*.example.org"], "any.example.org"),
        (["*.example.org", "cache"], ["redis.example.org"], "redis.example.org"),
    ],
)
def test_it_is_asked_by_a_name_that_its_certificate_is_for(names: list[str], wanted: list[str], asked: str) -> None:
    (one,) = plan(given(FLEET.issue(*names), tls_names=wanted))["proof"]["instances"]
    assert one["certificate"]["name"] == asked


def test_files_on_the_controller_are_as_good_as_text(tmp_path: Path) -> None:
    paths = {}
    for name, text in zip(("tls_cert", "tls_key", "tls_ca_cert"), (*RIGHT, FLEET.pem)):
        (tmp_path / name).write_text(text)
        paths[name] = str(tmp_path / name)
    assert plan(given(**paths))["files"][0]["tls"] == plan(given())["files"][0]["tls"]


# --- what comes of it -------------------------------------------------------------------------------------------------

AT = "/usr/local/etc/redis"


def test_with_tls_the_port_is_the_one_for_tls_and_there_is_no_plain_one() -> None:
    lines = conf(given(port=7001, tls_auth_clients=True))
    expected = ["port 0", "tls-port 7001", f"tls-cert-file {AT}/tls.pem", f"tls-key-file {AT}/tls.pem"]
    expected += [f"tls-ca-cert-file {AT}/ca.pem", "tls-auth-clients yes", "tls-replication yes", "tls-cluster yes"]
    assert lines[lines.index("port 0") :][: len(expected)] == expected


def test_a_port_for_tls_beside_the_plain_one() -> None:
    lines = conf(given(tls_port=6380))
    assert [line for line in lines if "port 6" in line] == ["port 6379", "tls-port 6380"]
    assert not [line for line in lines if "replication" in line or "cluster" in line]


def test_mode_none_without_interfaces_has_no_port_to_speak_tls_at() -> None:
    found = plan(given(network_mode="none"))
    assert not [line for line in found["files"][0]["lines"] if line.startswith("tls")]
    assert "tls" not in found["files"][0]


def test_r15_the_key_is_in_the_files_alone() -> None:
    found = plan(given())
    files = found["files"][0]["tls"]
    assert RIGHT[1] in files["pem"]
    assert files["ca"] == FLEET.pem
    body = RIGHT[1].splitlines()[1]
    for part in ("containers", "proof", "teardown", "endpoints", "images"):
        assert body not in str(found[part]), part
    (proven,) = found["proof"]["instances"]
    assert proven["certificate"]["name"] == "cache"
    assert proven["certificate"]["ca"] == FLEET.pem


# --- for which names a certificate is made ----------------------------------------------------------------------------

EVERY = ["cache", "web1", "db.example.org", "localhost", "127.0.0.1", "::1"]
DONOR = {"name": "web", "ports": ["192.0.2.9:6379:6379"], "networks": {"backend": {"ipv4_address": "172.30.0.8"}}}
NAMED = [
    ("bridge", {}, {}, []),
    (
        "bridge, published",
        {"ports": ["192.0.2.7:6379:6379", "6380:6379", "[2001:DB8::7]:6379:6379"]},
        {},
        ["192.0.2.7", "2001:db8::7"],
    ),
    (
        "bridge, published in the long form",
        {"ports": [{"target": 6379, "published": 6379, "host_ip": "192.0.2.7"}]},
        {},
        ["192.0.2.7"],
    ),
    (
        "bridge, a static address",
        {"networks": {"backend": {"ipv4_address": "172.30.0.9"}, "other": None}},
        {},
        ["172.30.0.9"],
    ),
    ("bridge, names of networks", {"networks": ["backend"]}, {}, []),
    ("host", {"network_mode": "host", "bind": ["192.0.2.7", "-::1"]}, {}, ["192.0.2.7"]),
    ("host, everywhere", {"network_mode": "host", "bind": ["*", "-::*"]}, {}, []),
    (
        "none, with an interface",
        {"network_mode": "none", "interfaces": [{"name": "eth0", "bridge": "docker0", "addresses": ["172.17.0.9/16"]}]},
        {},
        ["172.17.0.9"],
    ),
    ("container", {"network_mode": "container", "donor": "web"}, {"companions": [DONOR]}, ["172.30.0.8", "192.0.2.9"]),
    ("container of a container that is not known", {"network_mode": "container", "donor": "else"}, {}, []),
    (
        "more names",
        {"tls_names": ["redis.example.org", "*.example.net", "2001:DB8:0::1"]},
        {},
        ["redis.example.org", "*.example.net", "2001:db8::1"],
    ),
]


@pytest.mark.parametrize(("entry", "host", "more"), [row[1:] for row in NAMED], ids=[row[0] for row in NAMED])
def test_a_certificate_is_for_every_name_by_which_it_is_reached(
    tmp_path: Path, entry: dict[str, Any], host: dict[str, Any], more: list[str]
) -> None:
    variables = {"address": "db.example.org", "password": "x", "tls_ca_dir": str(tmp_path / "ca"), **host}
    found = plan({"name": "cache", "tls": "own", **entry}, **variables)
    assert found["problems"] == []
    (due,) = found["certificates"]
    assert sorted(due["names"]) == sorted([*EVERY, *more])


@pytest.mark.parametrize(
    "name", ["", "a b", "http://x", "x:6379", "*", "*.", "a,b", "é.example.org", "-x", "x" * 300 + "\n"]
)
def test_what_is_no_name_of_a_certificate_is_refused(name: str) -> None:
    told = problems({"name": "cache", "tls": "own", "tls_names": [name]})
    assert any("tls_names" in line for line in told)
