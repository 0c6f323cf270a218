# SPDX-License-Identifier: GPL-3.0-or-later
"""Which ports of the nodes a host does not reach, and why, all of them at once."""

from __future__ import annotations

import socket
import time

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._redis_cluster import probe


def test_r7_what_does_not_take_a_connection_is_named_with_its_port_within_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(probe, "WITHIN", 0.5)
    with socket.socket() as opened, socket.socket() as dropped, socket.socket() as closed:
        for one in (opened, dropped, closed):
            one.bind(("127.0.0.1", 0))
        opened.listen()
        dropped.listen(0)
        ports = [one.getsockname()[1] for one in (opened, dropped, closed)]
        waiting = []
        for _ in range(4):  # what comes once its queue is full is dropped, as by a firewall
            waiting.append(socket.socket())
            waiting[-1].setblocking(False)
            waiting[-1].connect_ex(("127.0.0.1", ports[1]))
        places = [{"name": f"r3/c{number}", "address": "127.0.0.1", "port": port} for number, port in enumerate(ports)]
        begun = time.monotonic()
        found = probe.unreached([*places, *places])
        took = time.monotonic() - begun
        for one in waiting:
            one.close()
    assert sorted({*found}) == [
        f"r3/c1 (127.0.0.1:{ports[1]}): no answer within 0.5 s",
        f"r3/c2 (127.0.0.1:{ports[2]}): Connection refused",
    ]
    assert took < 5
    assert probe.unreached([]) == []
