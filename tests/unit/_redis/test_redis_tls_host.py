# SPDX-License-Identifier: GPL-3.0-or-later
"""TLS of a Redis on its host: its files, its ports, what is claimed and warned of."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._redis import files, tls_files
from ansible_collections.netmode.docker.plugins.module_utils._redis.claims import claims
from ansible_collections.netmode.docker.plugins.module_utils._redis.listeners import listeners
from ansible_collections.netmode.docker.plugins.module_utils._redis.tls import fingerprint, ports_of
from ansible_collections.netmode.docker.plugins.module_utils._redis.tls_warnings import hole_in, warnings
from ansible_collections.netmode.docker.plugins.module_utils._redis.ways import Instance, endpoints
from certificates import Authority
from proof import UNIT, answers_of, settings, wanted

FLEET = Authority("fleet")
ONE, TWO = ("".join(FLEET.issue("cache")) for _ in range(2))


# --- ports ------------------------------------------------------------------------------------------------------------

PORTS = [
    ({}, (6379, 0), [("port", 6379)]),
    ({"tls": "own"}, (0, 6379), [("port", 6379)]),
    ({"tls": "own", "tls_port": 7443}, (6379, 7443), [("port", 6379), ("tls_port", 7443)]),
    ({"tls": "own", "network_mode": "none"}, (0, 0), []),
    (
        {"tls": "given", "settings": {"cluster-enabled": True}},
        (0, 6379),
        [("port", 6379), ("settings.cluster-enabled", 16379)],
    ),
    (
        {"tls": "own", "tls_port": 7443, "settings": {"cluster-enabled": True, "tls-cluster": True}},
        (6379, 7443),
        [("port", 6379), ("tls_port", 7443), ("settings.cluster-enabled", 17443)],
    ),
    ({"settings": {"tls-port": 7443}}, (6379, 0), [("port", 6379), ("settings.tls-port", 7443)]),
]


@pytest.mark.parametrize(("changed", "ports", "told"), PORTS)
def test_where_it_listens(changed: dict[str, Any], ports: tuple[int, int], told: list[tuple[str, int]]) -> None:
    assert ports_of(settings(**changed)) == ports
    assert [tuple(one) for one in listeners(settings(**changed))] == told


# --- files ------------------------------------------------------------------------------------------------------------


def instance(directory: Path, pem: str = ONE, **more: Any) -> dict[str, Any]:
    return {
        "name": "cache", "state": "present", "directory": str(directory / "cache"), "socket_directory": None,
        "socket_mode": "770", "uid": os.geteuid(), "gid": os.getegid(), "lines": ["port 0"], "secrets": [],
        "operator": False,
        "tls": {"pem": pem, "ca": FLEET.pem} if pem else None, **more,
    }  # fmt: skip


def bring(one: dict[str, Any], directory: Path) -> list[files.Step]:
    access = files.access_of([one])
    steps = files.plan([one], files.observe([one], access))
    for step in steps:
        files.apply(step, access)
    return steps


def test_key_and_certificate_are_one_file_for_its_user_alone_and_go_with_tls(tmp_path: Path) -> None:
    (step,) = bring(instance(tmp_path), tmp_path)
    assert bring(instance(tmp_path), tmp_path) == []
    found = {path.name: path for path in (tmp_path / "cache").iterdir()}
    assert set(found) == {"redis.conf", "tls.pem", "ca.pem"}
    assert {f"{path.stat().st_mode & 0o777:o}" for path in found.values()} == {"600"}
    assert found["tls.pem"].read_text().endswith(ONE)

    (step,) = bring(instance(tmp_path, TWO), tmp_path)
    shown = files.difference(step)
    assert shown["before"].endswith(f"(certificate {fingerprint(ONE)})\n")
    assert shown["after"].endswith(f"(certificate {fingerprint(TWO)})\n")
    assert "PRIVATE" not in str(shown)

    bring(instance(tmp_path, ""), tmp_path)
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["redis.conf"]


@pytest.mark.parametrize("name", ["tls.pem", "ca.pem"])
@pytest.mark.parametrize(
    "damage",
    [lambda path: path.unlink(), lambda path: path.chmod(0o644), lambda path: path.write_text(path.read_text() + "\n")],
    ids=["gone", "readable to others", "changed"],
)
def test_what_is_not_as_it_was_written_is_written_again(tmp_path: Path, name: str, damage: Any) -> None:
    bring(instance(tmp_path), tmp_path)
    damage(tmp_path / "cache" / name)
    assert len(bring(instance(tmp_path), tmp_path)) == 1
    assert bring(instance(tmp_path), tmp_path) == []


def test_a_file_that_was_not_written_here_is_neither_overwritten_nor_removed(tmp_path: Path) -> None:
    bring(instance(tmp_path, ""), tmp_path)
    own = tmp_path / "cache" / "tls.pem"
    own.write_text(TWO)
    with pytest.raises(NetmodeError, match=r"instance cache: .*/tls.pem is there, and was not written here"):
        bring(instance(tmp_path), tmp_path)
    bring(instance(tmp_path, ""), tmp_path)
    assert own.read_text() == TWO
    assert files.gone(instance(tmp_path)).left == (f"{tmp_path}/cache: it holds tls.pem",)


def test_all_of_it_goes_with_the_instance(tmp_path: Path) -> None:
    bring(instance(tmp_path), tmp_path)
    (tmp_path / "cache" / ".tls.pem.0123456789abcdef").write_text("unfinished")
    bring(instance(tmp_path, state="absent"), tmp_path)
    assert not (tmp_path / "cache").exists()
    assert tls_files.wanted(instance(tmp_path, state="absent")) == {}


# --- what a proof warns of --------------------------------------------------------------------------------------------

HOLES = [
    ({"redis_version": "7.4.10"}, "Redis 7.4.10 has a hole"),
    ({"redis_version": "7.4.11"}, ""),
    ({"redis_version": "7.0.15"}, "Redis 7.0.15 has a hole"),
    ({"redis_version": "8.0.6"}, "Redis 8.0.6 has a hole"),
    ({"redis_version": "8.10.0"}, "Redis 8.10.0 has a hole"),
    ({"redis_version": "8.10.1"}, ""),
    ({"redis_version": "8.12.0"}, ""),
    ({"redis_version": "7.2.4", "valkey_version": "8.1.1", "server_name": "valkey"}, ""),
    ({"redis_version": "7.2.4", "valkey_version": "9.0.4", "server_name": "valkey"}, "Valkey 9.0.4 has a hole"),
    ({"redis_version": "7.2.4", "valkey_version": "9.1.2", "server_name": "valkey"}, ""),
    ({"redis_version": "255.255.255"}, ""),
    ({"redis_version": "unstable"}, ""),
    ({}, ""),
]


@pytest.mark.parametrize(("server", "told"), HOLES)
def test_a_server_with_a_known_hole_in_tls_is_named(server: dict[str, str], told: str) -> None:
    assert hole_in(server).startswith(told)
    assert bool(hole_in(server)) is bool(told)


def test_only_what_speaks_tls_is_warned_of_and_a_certificate_that_ends_soon() -> None:
    given = [
        {"name": "plain"},
        {"name": "over-tls", "tls": "own", "port": 7000},
        {"name": "off", "tls": "own", "port": 7001, "state": "stopped"},
    ]
    ends = (datetime.now(timezone.utc) + timedelta(days=12, hours=1)).isoformat()
    certificate = {"sha256": "ab", "ca": "", "name": "x", "file": "", "not_after": ends}
    instances = [replace(one, certificate=certificate) for one in wanted(given)]
    servers = {one.name: {"redis_version": "7.0.15"} for one in instances}
    told = list(warnings(instances, servers, 30))
    assert [line.partition(": ")[0] for line in told] == ["instance over-tls", "instance over-tls"]
    assert told[1].endswith("in 12 days. Give another, or run the role.")
    assert len(list(warnings(instances, servers, 12))) == 1


# --- what is claimed --------------------------------------------------------------------------------------------------

CACHE = {"name": "redis-bridge", "network_mode": "bridge", "ports": ["127.0.0.1:6379:6379"], "tls": "own"}
GIVEN = {
    "sha256": fingerprint(ONE), "ca": FLEET.pem, "name": "127.0.0.1", "not_after": "2027-11-26T15:00:00+00:00",
    "file": "/etc/netmode/redis/redis-bridge/tls.pem",
}  # fmt: skip


def cache(**changed: Any) -> Instance:
    (one,) = wanted([{**CACHE, **changed}])
    return replace(one, certificate=GIVEN)


def facts() -> dict[str, Any]:
    return dict(json.loads((UNIT / "golden" / "facts.json").read_text())["article"])


def test_it_is_asked_over_tls_with_the_fleet_s_ca_where_it_speaks_it() -> None:
    asked = endpoints(facts(), [cache(tls_auth_clients="yes")])
    over = [one for one in asked if "host" in one]
    assert len(over) == 2
    for one in over:
        assert {key: one[key] for key in ("tls", "ca_certs", "server_name", "client_cert_file")} == {
            "tls": True, "ca_certs": FLEET.pem, "server_name": "127.0.0.1", "client_cert_file": GIVEN["file"],
        }  # fmt: skip
    assert [one for one in asked if "socket" in one and "tls" in one] == []


def test_beside_the_plain_port_each_is_asked_as_it_speaks() -> None:
    asked = endpoints(facts(), [cache(tls_port=7443)])
    assert [(one["port"], one.get("tls", False)) for one in asked if "host" in one] == [
        (6379, False), (7443, True), (6379, False),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("shown", "ok", "observed"),
    [(ONE, True, fingerprint(ONE)[:16]), (TWO, False, fingerprint(TWO)[:16]), ("", False, "none")],
)
def test_the_certificate_that_it_shows_is_claimed(shown: str, ok: bool, observed: str) -> None:
    one = cache()
    answers = answers_of(endpoints(facts(), [one]), [one])
    for answer in answers.values():
        answer["certificate"] = {"sha256": fingerprint(shown)} if shown else None
    (claim,) = [item for item in claims("web1", facts(), answers, [one]) if "certificate" in item["claim"]]
    assert (claim["claim"], claim["ok"], claim["observed"]) == (
        "it shows the certificate that it was given, valid until 2027-11-26", ok, observed,
    )  # fmt: skip
