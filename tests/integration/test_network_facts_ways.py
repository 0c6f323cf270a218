# SPDX-License-Identifier: GPL-3.0-or-later
"""However the namespaces have to be reached, ``network_facts`` says the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.netmode.docker.plugins.module_utils import _namespaces, _netlink, _snapshot
from ansible_collections.netmode.docker.plugins.module_utils._engine import Engine
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._network_facts import compose
from lab import wait_until
from landscape import build

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lab import Host

SOCKET = "unix:///var/run/docker.sock"


def facts() -> dict[str, Any]:
    seen = _snapshot.observe(Engine(SOCKET, 60))
    assert not seen["limited"]
    found: dict[str, Any] = compose(seen)
    return found


@pytest.fixture(scope="module")
def usual(machine: Host) -> Iterator[dict[str, Any]]:
    """The facts of a machine with one of everything, read the usual way: from outside, by nsid."""
    before = machine.things()
    build()
    yield facts()
    machine.remove_new(before)


def test_a_kernel_that_cannot_be_asked_by_nsid(usual: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each namespace is entered, and its own socket asked."""
    true_init = _netlink.Netlink.__init__

    def init(self: _netlink.Netlink) -> None:
        true_init(self)
        self.reads_by_nsid = False

    monkeypatch.setattr(_netlink.Netlink, "__init__", init)
    assert facts() == usual


def test_an_engine_that_keeps_its_namespace_files_elsewhere(
    usual: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where they are is learned from the first container that is inspected."""
    monkeypatch.setattr(_namespaces.Kernel.__init__, "__defaults__", ("/nonexistent",))
    assert facts() == usual


def test_files_left_by_an_engine_that_was_killed(
    usual: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "0123456789ab").touch()
    monkeypatch.setattr(_namespaces.Kernel.__init__, "__defaults__", (str(tmp_path),))
    assert facts() == usual


def test_the_callers_own_namespace_is_kept(usual: dict[str, Any]) -> None:
    own = _namespaces.Path(_namespaces.OWN_NAMESPACE).stat().st_ino
    entered = {c["netns"] for c in usual["containers"].values() if c["mode"] == "none"}
    assert own not in entered
    facts()
    assert _namespaces.Path(_namespaces.OWN_NAMESPACE).stat().st_ino == own


def test_an_engine_in_a_network_namespace_of_its_own_is_refused(host: Host) -> None:
    """As a rootless engine is: a daemon behind a socket, not in the namespace of who asks."""
    host.sh("ip netns add engine-room")
    server = (
        "import socket,sys\n"
        "from http.server import BaseHTTPRequestHandler as B, HTTPServer as S\n"
        "class H(B):\n"
        "    def do_GET(self):\n"
        "        self.send_response_only(200)\n"
        "        self.send_header('Api-Version', '1.41'); self.send_header('Server', 'Docker/20.10.24')\n"
        "        self.send_header('Content-Length', '2'); self.end_headers(); self.wfile.write(b'[]')\n"
        "    def address_string(self): return ''\n"
        "    def log_message(self, *a): pass\n"
        "class U(S):\n"
        "    address_family = socket.AF_UNIX\n"
        "    def server_bind(self): self.socket.bind(self.server_address)\n"
        "U('/tmp/engine-room.sock', H).serve_forever()\n"
    )
    host.write("/tmp/engine-room.py", server)
    enter = "ip netns exec engine-room python3 /tmp/engine-room.py"
    host.sh(f"rm -f /tmp/engine-room.sock; {enter} </dev/null >/dev/null 2>&1 & echo $! >/tmp/engine-room.pid")
    try:
        wait_until(lambda: host.sh("test -S /tmp/engine-room.sock && echo up", check=False), "the socket is there")
        with pytest.raises(NetmodeError, match="network namespace of its own"):
            _snapshot.observe(Engine("unix:///tmp/engine-room.sock", 10))
    finally:
        host.sh("kill $(cat /tmp/engine-room.pid); ip netns del engine-room; rm -f /tmp/engine-room.*")
