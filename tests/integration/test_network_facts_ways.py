# SPDX-License-Identifier: GPL-3.0-or-later
"""However the namespaces have to be reached, ``network_facts`` says the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine
from ansible_collections.netmode.docker.plugins.module_utils._facts import observe
from ansible_collections.netmode.docker.plugins.module_utils._facts.build import compose
from ansible_collections.netmode.docker.plugins.module_utils._kernel import namespaces, netlink
from landscape import build
from network_shape import read

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lab import Host

SOCKET = "unix:///var/run/docker.sock"


def facts() -> dict[str, Any]:
    seen = observe.observe(Engine(SOCKET, 60))
    assert not seen["limited"]
    found: dict[str, Any] = compose(seen)
    return found


@pytest.fixture(scope="module")
def usual(machine: Host) -> Iterator[dict[str, Any]]:
    """The facts of a machine with one of everything, read the usual way: from outside, by nsid."""
    before = machine.things()
    try:
        build()
        yield facts()
    finally:
        machine.remove_new(before)


def test_a_kernel_that_cannot_be_asked_by_nsid(usual: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each namespace is entered, and its own socket asked."""
    true_init = netlink.Netlink.__init__

    def init(self: netlink.Netlink, protocol: int = 0) -> None:
        true_init(self, protocol)
        self.reads_by_nsid = False

    monkeypatch.setattr(netlink.Netlink, "__init__", init)
    assert facts() == usual


def test_an_engine_that_keeps_its_namespace_files_elsewhere(
    usual: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where they are is learned from the first container that is inspected."""
    monkeypatch.setattr(namespaces.Kernel.__init__, "__defaults__", ("/nonexistent",))
    assert facts() == usual


def test_files_left_by_an_engine_that_was_killed(
    usual: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "0123456789ab").touch()
    monkeypatch.setattr(namespaces.Kernel.__init__, "__defaults__", (str(tmp_path),))
    assert facts() == usual


def test_the_callers_own_namespace_is_kept(usual: dict[str, Any]) -> None:
    own = namespaces.Path(namespaces.OWN_NAMESPACE).stat().st_ino
    entered = {c["netns"] for c in usual["containers"].values() if c["mode"] == "none"}
    assert own not in entered
    facts()
    assert namespaces.Path(namespaces.OWN_NAMESPACE).stat().st_ino == own


@pytest.mark.usefixtures("usual")
def test_the_docker_sdk_is_not_needed(machine: Host) -> None:
    assert read(machine, hide=("docker", "requests")) == read(machine)


def test_in_a_play_the_facts_are_under_one_key(machine: Host, usual: dict[str, Any]) -> None:
    played = machine.play(
        [
            {
                "hosts": "localhost",
                "gather_facts": False,
                "tasks": [
                    {"name": "read", "netmode.docker.network_facts": {}},
                    {
                        "name": "use",
                        "ansible.builtin.debug": {"msg": "{{ ansible_facts.docker_network.bridges.docker0.ports }}"},
                    },
                ],
            }
        ]
    )
    assert played.rc == 0, played.stdout
    assert played.changed == 0
    assert played.task("use")["msg"] == usual["bridges"]["docker0"]["ports"]
