# SPDX-License-Identifier: GPL-3.0-or-later
"""How long clients wait while a Redis of a million keys is backed up, recreated and upgraded, and that nothing is lost.
Started by ``run``, within a throwaway machine.

One client writes all the while, each number once the one before was acknowledged: the longest time between two
acknowledgements is what counts. Afterwards the server has every number, as many keys as before, and the same DEBUG
DIGEST, its checksum over all keys and values.
"""

from __future__ import annotations

import argparse
import os
import socket
import sys
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import shapes
from backup_lab import PASSWORD, ask, done, instance
from bench import all_hold
from certificates import rsa_pair
from lab import Host, wait_until
from redis_lab import AGAIN, socket_of
from writer import Writer, command

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "cache"
BATCH = 10_000
LOG = "bench:log"
PAUSE = 0.001
"""Seconds between two writes of the client."""
WRITES = 200
"""How many are acknowledged before what is measured begins, and after it."""
SETTINGS = {"enable-debug-command": "local"}
"""For DEBUG DIGEST alone: the keys are written by SET."""
LONGEST = {"backup": 1.0, "encrypted backup": 1.0, "recreate": 15.0, "upgrade": 15.0}
"""Seconds that a client may wait, as docs/operations.md says."""


class Told(NamedTuple):
    """One operation."""

    seconds: float
    gap: float
    acknowledged: int
    lost: int
    same: bool
    """As many keys as before, and the same values."""


def entry(shape: str, **more: Any) -> list[dict[str, Any]]:
    return [instance(NAME, shape, settings=SETTINGS, **more)]


def batches(number: int) -> Iterator[bytes]:
    for start in range(0, number, BATCH):
        keys = range(start, min(start + BATCH, number))
        yield b"".join(command("SET", f"key:{key}", f"value {key} ".ljust(32, ".")) for key in keys)


def fill(number: int) -> None:
    """As many keys by SET, sent without a wait for each answer."""
    with socket.socket(socket.AF_UNIX) as own:
        own.connect(socket_of(NAME))
        answers = own.makefile("rb")
        own.sendall(command("AUTH", PASSWORD))
        assert answers.readline() == b"+OK\r\n"
        for sent, batch in enumerate(batches(number)):
            own.sendall(batch)
            right = {answers.readline() for _ in range(min(BATCH, number - sent * BATCH))}
            assert right == {b"+OK\r\n"}, right


def fingerprint(host: Host) -> tuple[str, str]:
    """(keys, checksum), without what the client has written."""
    return ask(host, NAME, "dbsize"), ask(host, NAME, "debug", "digest")


def _wait_for_more(writer: Writer) -> None:
    had = writer.acknowledged
    wait_until(lambda: writer.acknowledged > had + WRITES, f"{WRITES} more writes are acknowledged")


def measured(host: Host, what: str, instances: list[dict[str, Any]], **more: Any) -> Told:
    """``what``: the role, or the name of a playbook."""
    before = fingerprint(host)
    writer = Writer(LOG, lambda: socket_of(NAME), PASSWORD, PAUSE)
    writer.start()
    _wait_for_more(writer)
    begun = time.monotonic()
    done(host, what, instances, timeout=900, **more)
    seconds = time.monotonic() - begun
    _wait_for_more(writer)
    writer.end()
    entries = ask(host, NAME, "lrange", LOG, "0", "-1").split()
    there = {int(entry) for entry in entries}
    lost = sum(1 for number in range(1, writer.acknowledged + 1) if number not in there)
    ask(host, NAME, "del", LOG)
    return Told(seconds, max(writer.gaps), writer.acknowledged, lost, fingerprint(host) == before)


def report(told: dict[str, Told], number: int, title: str) -> bool:
    heading = f"{title}, {number:,} keys"
    print(f"\n{heading:<44}{'longest gap':>12}{'whole run':>11}{'written':>9}{'lost':>6}")
    for name, one in told.items():
        print(f"{name:<44}{one.gap:>10.2f} s{one.seconds:>9.1f} s{one.acknowledged:>9}{one.lost:>6}")
    print()
    held = all_hold(*((f"{name}: longest gap, s", one.gap, "<=", LONGEST[name]) for name, one in told.items()))
    wrong = [name for name, one in told.items() if one.lost or not one.same]
    print(f"{'FAILS' if wrong else 'holds'}  all acknowledged writes, keys and values are there {' '.join(wrong)}")
    return held and not wrong


def measure(host: Host, number: int, *, appendonly: bool) -> dict[str, Told]:
    """Each operation, on Redis 7.0 and the last one to 8.0."""
    old = entry("redis", appendonly=appendonly)
    done(host, "role", old)
    begun = time.monotonic()
    fill(number)
    print(f"bench: {number} keys written in {time.monotonic() - begun:.0f} s", file=sys.stderr)
    certificate, _ = rsa_pair("backups")
    told = {
        "backup": measured(host, "backup", old),
        "encrypted backup": measured(host, "backup", old, redis_backup_encrypt_for=certificate),
        "recreate": measured(host, "role", entry("redis", appendonly=appendonly, labels=AGAIN)),
        "upgrade": measured(host, "role", entry("redis-8", appendonly=appendonly, labels=AGAIN)),
    }
    version = ask(host, NAME, "info", "server")
    assert "redis_version:8." in version, version
    host.docker("rm", "-fv", NAME)
    host.sh(f"docker volume rm {NAME}-data; rm -rf /etc/netmode /var/lib/netmode /var/backups/netmode")
    return told


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--keys", type=int, default=1_000_000)
    given = parser.parse_args()
    host = Host()
    host.prepare()
    host.start_engine()
    shapes.load(host, "redis", "redis-8")
    held = True
    for appendonly in (True, False):
        told = measure(host, given.keys, appendonly=appendonly)
        held &= report(told, given.keys, f"appendonly {'yes' if appendonly else 'no'}")
    print(f"\n{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}, Docker {host.api('/version')['Version']}")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
