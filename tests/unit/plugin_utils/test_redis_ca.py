# SPDX-License-Identifier: GPL-3.0-or-later
"""The CA of a fleet: what it signs, when it is due, and that a new one is trusted before it signs."""

from __future__ import annotations

import ssl
import threading
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.netmode.docker.plugins.plugin_utils import _redis_ca, _x509
from ansible_collections.netmode.docker.plugins.plugin_utils._redis_material import Node, WrongCertificateError
from redis_role import plan, problems

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime.now(timezone.utc)
CACHE = Node("cache", "web1", ["cache", "web1", "192.0.2.7", "127.0.0.1"])
DAY = timedelta(days=1)


@pytest.fixture
def ca(tmp_path: Path) -> Path:
    return tmp_path / "ca"


def make(ca: Path, *nodes: Node, now: datetime = NOW, renew_before: int = 30, another: bool = False) -> list[str]:
    with _redis_ca.locked(ca):
        return _redis_ca.make(ca, nodes, renew_before, now, another=another, check=False)


def leaf(ca: Path, node: Node = CACHE) -> Any:
    return _x509.certificates("x", _redis_ca.path_of(ca, node).read_text())[0]


def signed_by(ca: Path, node: Node = CACHE, now: datetime = NOW) -> list[str]:
    return [one.name for one in _redis_ca.authorities(ca, now) if _x509.signed(leaf(ca, node), one.certificate)]


def trusted(ca: Path, now: datetime = NOW) -> list[str]:
    return [one.name for one in _redis_ca.authorities(ca, now)]


def handshake(ca: Path, node: Node, name: str) -> None:
    """Both sides verify each other, as strictly as any client does. ssl.SSLError: one of them refuses."""
    pem = str(_redis_ca.path_of(ca, node))
    bundle = "".join(_x509.text_of(one.certificate) for one in _redis_ca.authorities(ca, NOW))
    sides = []
    for purpose in (ssl.Purpose.SERVER_AUTH, ssl.Purpose.CLIENT_AUTH):
        context = ssl.create_default_context(purpose, cadata=bundle)
        context.verify_mode = ssl.CERT_REQUIRED
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        context.load_cert_chain(pem)
        sides.append(context)
    one, two = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        sides[0].wrap_bio(one, two, server_hostname=name),
        sides[1].wrap_bio(two, one, server_side=True),
    ]
    for _ in range(4):
        for end in ends:
            with suppress(ssl.SSLWantReadError):
                end.do_handshake()
    ends[1].write(b"PONG")
    assert ends[0].read() == b"PONG"


def test_what_it_makes_is_taken_by_both_sides_for_each_of_its_names(ca: Path) -> None:
    assert len(make(ca, CACHE)) == 2
    for name in CACHE.names:
        handshake(ca, CACHE, name)
    with pytest.raises(ssl.SSLError, match="mismatch"):
        handshake(ca, CACHE, "db")


def test_it_is_made_once_and_nobody_else_gets_at_a_key(ca: Path) -> None:
    make(ca, CACHE)
    before = {path: path.read_bytes() for path in ca.rglob("*") if path.is_file()}
    assert make(ca, CACHE) == []
    assert {path: path.read_bytes() for path in ca.rglob("*") if path.is_file()} == before
    modes = {path.name: f"{path.stat().st_mode & 0o777:o}" for path in (ca, *ca.rglob("*"))}
    assert modes == {
        "ca": "700", "nodes": "700", ".lock": "600", "ca-1.crt": "600", "ca-1.key": "600", "cache@web1.pem": "600",
    }  # fmt: skip


DUE = [
    ("before its end", NOW + 336 * DAY, CACHE, 30, "it ends on"),
    ("long before, where that is asked for", NOW + 2 * DAY, CACHE, 364, "it ends on"),
    ("for one more name", NOW, CACHE._replace(names=[*CACHE.names, "redis.example.org"]), 30, "it is not for redis"),
    ("for another address", NOW, CACHE._replace(names=["cache", "192.0.2.8"]), 30, "it is not for 192.0.2.8"),
]  # fmt: skip


@pytest.mark.parametrize(("now", "node", "days", "why"), [row[1:] for row in DUE], ids=[row[0] for row in DUE])
def test_it_is_made_again(ca: Path, now: datetime, node: Node, days: int, why: str) -> None:
    make(ca, CACHE)
    first = leaf(ca)
    (told,) = make(ca, node, now=now, renew_before=days)
    assert told.startswith(f"cache of web1: {why}")
    assert leaf(ca) != first
    assert make(ca, node, now=now, renew_before=days) == []


FAST = [timedelta(minutes=61), 3 * DAY, 364 * DAY, 720 * DAY, 4000 * DAY]


@pytest.mark.parametrize("fast", FAST)
@pytest.mark.parametrize("ca_is_right", [False, True])
def test_what_was_made_while_the_clock_was_fast_is_made_again_once_and_taken(
    ca: Path, fast: timedelta, *, ca_is_right: bool
) -> None:
    if ca_is_right:
        make(ca)
    make(ca, CACHE, now=NOW + fast)
    first = leaf(ca)
    told = make(ca, CACHE)
    assert f"valid from {_x509.not_before(first):%Y-%m-%d %H:%M} UTC on only" in told[-1]
    assert leaf(ca) != first
    assert signed_by(ca) == ["ca-1" if ca_is_right else "ca-2"]
    handshake(ca, CACHE, "cache")
    assert make(ca, CACHE) == []
    assert make(ca, CACHE, now=NOW - timedelta(minutes=59)) == []


@pytest.mark.parametrize(
    "damage", ["", "not a certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_what_cannot_be_read_is_made_again(ca: Path, damage: str) -> None:
    make(ca, CACHE)
    _redis_ca.path_of(ca, CACHE).write_text(damage)
    assert len(make(ca, CACHE)) == 1
    assert make(ca, CACHE) == []


def test_a_new_ca_is_trusted_before_it_signs_and_the_old_one_until_it_is_removed(ca: Path) -> None:
    make(ca, CACHE)
    first = leaf(ca)
    assert make(ca, CACHE, another=True) == ["ca-2: made, which signs from then on that no older one can"]
    assert (trusted(ca), leaf(ca)) == (["ca-1", "ca-2"], first)
    (ca / "ca-1.key").unlink()
    (told,) = make(ca, CACHE)
    assert "ca-1 signs no more" in told
    assert (trusted(ca), signed_by(ca)) == (["ca-1", "ca-2"], ["ca-2"])
    (ca / "ca-1.crt").unlink()
    assert make(ca, CACHE) == []
    assert trusted(ca) == ["ca-2"]


def test_a_ca_is_followed_by_another_which_is_trusted_for_a_year_before_it_signs(ca: Path) -> None:
    """Every month for twelve years: whatever is shown is signed by one that was trusted for 11 months, or the first."""
    since: dict[str, datetime] = {}
    for month in range(144):
        now = NOW + month * 30 * DAY
        make(ca, CACHE, now=now)
        for name in trusted(ca, now):
            since.setdefault(name, now)
        (by,) = signed_by(ca, now=now)
        assert by == "ca-1" or now - since[by] >= 330 * DAY
        assert _x509.not_after(leaf(ca)) > now + 30 * DAY
        assert _x509.not_after(leaf(ca)) <= max(
            _x509.not_after(one.certificate) for one in _redis_ca.authorities(ca, now)
        )
    assert set(since) == {"ca-1", "ca-2"}


def test_many_hosts_at_once_make_one_ca(ca: Path) -> None:
    nodes = [Node("cache", f"web{number}", ["cache"]) for number in range(12)]
    threads = [threading.Thread(target=make, args=(ca, node)) for node in nodes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert trusted(ca) == ["ca-1"]
    assert all(signed_by(ca, node) == ["ca-1"] for node in nodes)


def test_no_two_have_one_file(ca: Path) -> None:
    hosts, instances = ("a", "a.b", "..", "a/b", "b@a", "é"), ("c", "b.c", "a.b.c")
    paths = {_redis_ca.path_of(ca, Node(instance, host, [])) for host in hosts for instance in instances}
    assert len(paths) == len(hosts) * len(instances)
    assert {path.parent for path in paths} == {ca / "nodes"}


@pytest.mark.parametrize("mode", [0o755, 0o710, 0o701])
def test_a_directory_that_others_get_into_is_refused(ca: Path, mode: int) -> None:
    ca.mkdir(mode=mode)
    ca.chmod(mode)
    with pytest.raises(WrongCertificateError, match="chmod 700"):
        make(ca, CACHE)
    (told,) = problems({"name": "cache", "tls": "own"}, tls_ca_dir=str(ca))
    assert told.startswith(f"web1: instance cache: tls_ca_dir: {ca}: on the controller: it holds the CA's key")


def test_a_plan_says_what_is_to_be_made_and_makes_nothing(ca: Path) -> None:
    entry = {"name": "cache", "tls": "own", "tls_names": ["redis.example.org"], "ports": ["192.0.2.7:6379:6379"]}
    (due,) = plan(entry, tls_ca_dir=str(ca), password="x")["certificates"]
    assert not ca.exists()
    names = ["redis.example.org", "cache", "web1", "localhost", "127.0.0.1", "::1", "192.0.2.7"]
    assert due == {"instance": "cache", "host": "web1", "names": names}
    make(ca, Node(**due))
    found = plan(entry, tls_ca_dir=str(ca), password="x")
    assert found["certificates"] == []
    assert found["files"][0]["tls"]["pem"] == (ca / "nodes" / "cache@web1.pem").read_text()
