# SPDX-License-Identifier: GPL-3.0-or-later
"""TLS of the role redis on real servers, asked by redis-cli as well as by the collection's own client."""

from __future__ import annotations

import json
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.netmode.docker.plugins.filter.redis_plan import redis_plan
from certificates import Authority
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from redis_lab import inspect
from shaped import DONORS, PASSWORD, Client, ask, deploy, instance
from shapes import SHAPES
from verify_lab import settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lab import Host, Play

pytestmark = [pytest.mark.engines, pytest.mark.spread, pytest.mark.usefixtures("shape_images", "no_files_left")]
FLEET = Authority("fleet")
SERVERS = [SHAPES[name] for name in ("redis", "redis-8", "valkey-9")]


def given(*names: str, authority: Authority = FLEET, **how: Any) -> dict[str, Any]:
    certificate, key = authority.issue(*names, **how)
    return {"tls": "given", "tls_cert": certificate, "tls_key": key, "tls_ca_cert": authority.pem}


def address(host: Host, name: str) -> str:
    networks = inspect(host, name)["NetworkSettings"]["Networks"]
    return str(next(iter(networks.values()))["IPAddress"])


def over_tls(host: Host, at: str, port: int, ca: str, *options: str) -> str:
    """What redis-cli says, an implementation of its own. At a plain port its handshake would wait for ever."""
    tls = ("--tls", "--cacert", host.write("/run/netmode-test-ca.pem", ca)) if ca else ()
    words = ("timeout", "3", "redis-cli", *tls, "-h", at, "-p", str(port), *options, "ping")
    done = host.run(*words, env={"REDISCLI_AUTH": PASSWORD}, check=False)
    return str(done.stdout + done.stderr).strip()


def test_a_given_certificate_in_bridge_mode(
    host: Host, play: Callable[..., Play], run_module: Callable[..., dict[str, Any]]
) -> None:
    own = given("cache", "127.0.0.1")
    one = {**instance(0, "bridge", SHAPES["redis"], **own), "name": "cache"}
    predicted = deploy(play, [one], "--check", "--diff")
    assert predicted.changed > 0
    told = deploy(play, [one], "-vvv", "--diff").stdout
    assert deploy(play, [one]).changed == 0
    assert not [line for line in own["tls_key"].splitlines()[1:-1] if line in told], "the key is in the output"

    at = address(host, "cache")
    options = {"host": at, "tls": True, "ca_certs": FLEET.pem, "password": PASSWORD}
    endpoints = [
        {"name": "right", **options, "server_name": "cache", "expect": "pong"},
        {"name": "by another name", **options},
        {"name": "another CA", **options, "ca_certs": Authority("other").pem, "server_name": "cache"},
        {"name": "plain", "host": at},
    ]
    asked = run_module("redis_ping", {"endpoints": endpoints})["endpoints"]
    assert {name: answer["error"] for name, answer in asked.items()} == {
        "right": None,
        "by another name": f"certificate refused: IP address mismatch, certificate is not valid for '{at}'.",
        "another CA": "certificate refused: self-signed certificate in certificate chain",
        "plain": "closed",
    }
    assert over_tls(host, at, 6379, FLEET.pem) == "PONG"
    assert over_tls(host, at, 6379, "") != "PONG"
    files = host.sh("stat -c '%n %a %u:%g' /etc/netmode/redis/cache/*.pem").splitlines()
    assert files == [f"/etc/netmode/redis/cache/{name}.pem 600 999:999" for name in ("ca", "tls")]


# --- a CA of the fleet ------------------------------------------------------------------------------------------------

CA = "/run/netmode-test-ca"
LAN = {"name": "eth0", "bridge": "docker0", "addresses": ["172.17.200.5/16"]}
OWN = [
    instance(0, "bridge", SERVERS[0], tls="own", tls_port=7443),
    instance(1, "container", SERVERS[1], tls="own"),
    instance(2, "host", SERVERS[2], tls="own", tls_auth_clients="yes"),
    instance(3, "none", SERVERS[0], tls="own", interfaces=[LAN]),
]
NAMES = [one["name"] for one in OWN]


def own(play: Callable[..., Play], *options: str) -> Play:
    return deploy(play, OWN, "-e", f"redis_tls_ca_dir={CA}", *options)


def reached_at(host: Host) -> dict[str, tuple[str, int]]:
    """Where this host gets to each of them."""
    return {
        NAMES[0]: (address(host, NAMES[0]), 7443),
        NAMES[1]: (address(host, OWN[1]["donor"]), 7001),
        NAMES[2]: ("127.0.0.1", 7002),
        NAMES[3]: ("172.17.200.5", 6379),
    }


def shown(host: Host) -> dict[str, str]:
    """The certificate that each shows, as Python's own client sees it."""
    return {name: ssl.get_server_certificate(where) for name, where in reached_at(host).items()}


def made(host: Host) -> dict[str, str]:
    files = {name: Path(CA, "nodes", f"{name}@localhost.pem").read_text() for name in NAMES}
    return {name: text.partition("-----BEGIN PRIVATE KEY-----")[0] for name, text in files.items()}


def keys() -> list[str]:
    """Every line of every key on the controller."""
    texts = [path.read_text() for path in (*Path(CA).glob("*.key"), *Path(CA, "nodes").glob("*.pem"))]
    bodies = [text.partition("-----BEGIN PRIVATE KEY-----\n")[2].partition("-----END")[0] for text in texts]
    return [line for body in bodies for line in body.splitlines()]


def ending(name: str, days: int) -> None:
    """In the place of what was made one that ends in so many days, for the same names."""
    file = Path(CA, "nodes", f"{name}@localhost.pem")
    leaf = x509.load_pem_x509_certificate(file.read_bytes())
    authority = Authority("again")
    authority.certificate = x509.load_pem_x509_certificate(Path(CA, "ca-1.crt").read_bytes())
    authority.name = authority.certificate.subject
    key: Any = load_pem_private_key(Path(CA, "ca-1.key").read_bytes(), None)
    authority.key = key
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    found = [str(name) for kind in (x509.DNSName, x509.IPAddress) for name in names.get_values_for_type(kind)]  # type: ignore[arg-type]
    file.write_text("".join(authority.issue(*found, days=(-1, days))))


def proof(host: Host) -> dict[str, Any]:
    variables = {**settings(), "instances": OWN, "companions": DONORS, "password": PASSWORD, "tls_ca_dir": CA}
    told: dict[str, Any] = host.run_module("redis_verify", {"plan": redis_plan(variables, "localhost")["proof"]})
    return told


@pytest.fixture
def no_ca(host: Host) -> Iterator[None]:
    host.sh(f"rm -rf {CA}")
    yield
    host.sh(f"rm -rf {CA}")


def changed(played: Play) -> list[str]:
    return [task["task"].rpartition(" : ")[2] for task in played.tasks if task["status"] == "changed"]


MAKES = "Make certificates on the controller, where there is none or it ends soon"
WRITES = "Try Redis with what is new, write redis.conf of every instance, and set what runs to what it says"


@pytest.mark.usefixtures("no_ca")
def test_made_in_every_mode_and_renewed_without_a_restart(host: Host, play: Callable[..., Play]) -> None:
    assert own(play, "--check").changed > 0
    assert not Path(CA).exists()
    assert changed(own(play))[0] == MAKES
    assert own(play).changed == 0
    assert shown(host) == made(host)
    proven = proof(host)
    assert proven["failed_claims"] == 0, proven["lines"]
    assert sum(claim["claim"].startswith("it shows the certificate") for claim in proven["claims"]) == len(NAMES)
    assert "CVE-2026-81934" in str(proven["warnings"])

    started = {name: inspect(host, name)["State"]["StartedAt"] for name in NAMES}
    clients = {name: Client(name) for name in NAMES}
    first = made(host)
    for name in NAMES:
        ending(name, 20)
    assert changed(own(play, "--check")) == [MAKES, WRITES]
    renewed = own(play, "-vvv", "--diff")
    assert changed(renewed) == [MAKES, WRITES]
    assert sorted(renewed.task(WRITES)["set_live"]) == sorted(NAMES)
    assert not [line for line in keys() if line in renewed.stdout], "a key is in the output"
    assert own(play).changed == 0
    assert shown(host) == made(host) != first
    assert {name: inspect(host, name)["State"]["StartedAt"] for name in NAMES} == started
    assert {name: client.says("PING") for name, client in clients.items()} == dict.fromkeys(NAMES, "+PONG")


def let_in(host: Host, name: str, *options: str) -> str:
    at, port = reached_at(host)[name]
    return over_tls(host, at, port, Path("/etc/netmode/redis", name, "ca.pem").read_text(), *options)


def client_of(number: int) -> tuple[str, ...]:
    """The words of redis-cli for a client with a certificate of one of the CAs, made without the role."""
    authority = Authority("again")
    authority.certificate = x509.load_pem_x509_certificate(Path(CA, f"ca-{number}.crt").read_bytes())
    key: Any = load_pem_private_key(Path(CA, f"ca-{number}.key").read_bytes(), None)
    authority.name, authority.key = authority.certificate.subject, key
    at = Path(CA, f"client-{number}.pem")
    at.write_text("".join(authority.issue("client")))
    return ("--cert", str(at), "--key", str(at))


@pytest.mark.thorough
@pytest.mark.usefixtures("no_ca")
def test_a_ca_is_changed_while_clients_of_both_are_let_in(
    host: Host, play: Callable[..., Play], run_module: Callable[..., dict[str, Any]]
) -> None:
    """The host mode one needs a certificate of its clients, so it says which CAs it trusts."""
    judge = NAMES[2]
    own(play)
    started = {name: inspect(host, name)["State"]["StartedAt"] for name in NAMES}
    old, first = client_of(1), made(host)
    assert let_in(host, judge, *old) == "PONG"

    another = play([{"hosts": "localhost", "gather_facts": False, "tasks": [
        {"netmode.docker.redis_certificates": {"ca_dir": CA, "new_ca": True}},
    ]}])  # fmt: skip
    assert another.changed == 1
    new = client_of(2)
    assert let_in(host, judge, *new) != "PONG"
    for removed, answers in (("", ("PONG", "PONG")), ("ca-1.key", ("PONG", "PONG")), ("ca-1.crt", (None, "PONG"))):
        host.sh(f"rm -f {CA}/{removed}" if removed else "true")
        assert own(play).changed > 0, removed
        assert own(play).changed == 0, removed
        for words, answer in zip((old, new), answers):
            assert (let_in(host, judge, *words) == "PONG") is (answer == "PONG"), (removed, words)
        assert shown(host) == made(host), removed
        assert (made(host) == first) is (removed == ""), removed
    assert {name: inspect(host, name)["State"]["StartedAt"] for name in NAMES} == started


@pytest.mark.thorough
@pytest.mark.usefixtures("no_ca")
def test_what_a_killed_run_did_not_tell_redis_is_told_to_it(host: Host, play: Callable[..., Play]) -> None:
    """The files are right, and what runs shows what it was told before."""
    own(play)
    stale = Authority("stale").issue("cache")
    for name in NAMES:
        directory = f"/etc/netmode/redis/{name}"
        at = "/usr/local/etc/redis/tls.pem"
        host.sh(f"cp -a {directory}/tls.pem /run/right.pem")
        host.sh(f"cat >{directory}/tls.pem", stdin="".join(stale))
        assert ask(host, name, "config", "set", "tls-cert-file", at, "tls-key-file", at) == "OK"
        host.sh(f"cp -a /run/right.pem {directory}/tls.pem; rm /run/right.pem")
    assert set(shown(host).values()) == {stale[0]}
    assert {one["claim"][:24] for one in proof(host)["claims"] if not one["ok"]} >= {"it shows the certificate"}
    told = own(play)
    assert changed(told) == [WRITES]
    assert shown(host) == made(host)
    assert own(play).changed == 0
    # Which CAs it trusts no handshake tells, so what has not been noted is told again.
    for name in NAMES:
        noted = json.loads(host.sh(f"cat /etc/netmode/redis/{name}/.tried"))
        host.write(f"/etc/netmode/redis/{name}/.tried", json.dumps([*noted[:2], "of before"]))
    assert sorted(own(play).task(WRITES)["set_live"]) == sorted(NAMES)


@pytest.mark.thorough
@pytest.mark.usefixtures("no_ca")
def test_clients_change_over_while_both_are_there(host: Host, play: Callable[..., Play]) -> None:
    """off, beside the plain port, alone, and back: the data stays, and each step is proven and left alone after it."""
    name = "bridge-redis"
    steps: list[tuple[dict[str, Any], set[int], set[int]]] = [
        ({}, {6379}, set()),
        ({"tls": "own", "tls_port": 7443}, {6379}, {7443}),
        ({"tls": "own"}, set(), {6379}),
        ({"tls": False}, {6379}, set()),
    ]
    for number, (how, plain, tls) in enumerate(steps):
        one = instance(0, "bridge", SERVERS[0], **how)
        deploy(play, [one], "-e", f"redis_tls_ca_dir={CA}")
        assert deploy(play, [one], "-e", f"redis_tls_ca_dir={CA}").changed == 0
        if number == 0:
            assert ask(host, name, "set", "marker", "kept") == "OK"
        assert ask(host, name, "get", "marker") == "kept"
        at = address(host, name)
        ca = Path(CA, "ca-1.crt").read_text() if Path(CA, "ca-1.crt").exists() else FLEET.pem
        assert {port for port in (6379, 7443) if over_tls(host, at, port, "") == "PONG"} == plain
        assert {port for port in (6379, 7443) if over_tls(host, at, port, ca) == "PONG"} == tls
        files = host.sh(f"ls /etc/netmode/redis/{name}").split()
        assert (("tls.pem" in files), ("ca.pem" in files)) == (bool(tls), bool(tls))
