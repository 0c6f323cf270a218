# SPDX-License-Identifier: GPL-3.0-or-later
"""O12: whether an engine is this host's, by where it listens and by what it says of itself."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest
from ansible.module_utils.common.parameters import AnsibleFallbackNotFound
from ansible_collections.netmode.docker.plugins.module_utils._engine import elsewhere, this_host
from ansible_collections.netmode.docker.plugins.module_utils._engine.client import ENGINE_ARGUMENTS, Engine
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from hypothesis import given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("docker_host", "where"),
    [
        ("unix:///var/run/docker.sock", ("/var/run/docker.sock", "", 0)),
        ("unix:///srv/my engine/d.sock", ("/srv/my engine/d.sock", "", 0)),
        ("tcp://127.0.0.1:2375", ("", "127.0.0.1", 2375)),
        ("tcp://127.8.8.8", ("", "127.8.8.8", 2375)),
        ("tcp://[::1]:4243", ("", "::1", 4243)),
        ("tcp://0.0.0.0:2375", ("", "0.0.0.0", 2375)),
        ("tcp://localhost:2375", ("", "localhost", 2375)),
        ("http://localhost:2375", ("", "localhost", 2375)),
    ],
)
def test_o12_places_that_are_this_host_s(docker_host: str, where: tuple[str, str, int]) -> None:
    assert this_host.locate(docker_host) == where


@pytest.mark.parametrize(
    ("docker_host", "words"),
    [
        ("tcp://192.0.2.7:2375", ["192.0.2.7 is not an address of this one", "a host of the inventory"]),
        ("tcp://[2001:db8::7]:2375", ["2001:db8::7 is not an address of this one"]),
        ("http://192.0.2.7", ["192.0.2.7"]),
        ("ssh://root@web2", ["ssh", "a host of the inventory"]),
        ("tcp://no-such-host.invalid:2375", ["no-such-host.invalid has no address"]),
        ("https://localhost:2376", ["TLS", "unix socket"]),
        ("fd://", ["what an engine is started with"]),
        ("npipe:////./pipe/docker_engine", ["Windows"]),
        ("unix://var/run/docker.sock", ["Write unix:///var/run/docker.sock."]),
        ("unix:docker.sock", ["neither unix:///path"]),
        ("unix://", ["neither unix:///path"]),
        ("/var/run/docker.sock", ["neither unix:///path"]),
        ("", ["neither unix:///path"]),
        ("tcp://localhost:0", ["neither unix:///path"]),
    ],
)
def test_o12_what_is_not_this_host_s_is_refused_with_the_way_out(docker_host: str, words: list[str]) -> None:
    with pytest.raises(NetmodeError) as told:
        this_host.locate(docker_host)
    assert str(told.value).startswith(f"docker_host: {docker_host!r}")
    for word in words:
        assert word in str(told.value)


def test_o12_an_address_of_a_name_that_is_another_host_s_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(0, 0, 0, "", (address, 0)) for address in ("127.0.0.1", "192.0.2.7")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: found)
    with pytest.raises(NetmodeError, match=r"web \(192\.0\.2\.7\) is not an address of this one"):
        this_host.locate("tcp://web:2375")


@settings(max_examples=500, deadline=None)
@given(st.text() | st.from_regex(r"(unix|tcp|http|ssh|fd)://[^\s]*", fullmatch=True))
def test_o12_any_text_is_a_place_of_this_host_or_refused(docker_host: str) -> None:
    def no_names(name: str, *_args: Any, **_more: Any) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", no_names)
        try:
            told = f"docker_host: {this_host.locate(docker_host).path}"
        except NetmodeError as error:
            told = str(error)
        assert told.startswith("docker_host: ")


def test_o12_the_environment_counts_where_nothing_is_given_and_is_named_where_it_is_wrong(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fallback, names = ENGINE_ARGUMENTS["docker_host"]["fallback"]
    monkeypatch.setenv("DOCKER_HOST", "ssh://web2")
    assert fallback(*names) == "ssh://web2"
    with pytest.raises(NetmodeError, match="so says DOCKER_HOST in the environment"):
        Engine("ssh://web2", 60)
    for nothing in ("", None):
        monkeypatch.delenv("DOCKER_HOST")
        if nothing is not None:
            monkeypatch.setenv("DOCKER_HOST", nothing)
        with pytest.raises(AnsibleFallbackNotFound):
            fallback(*names)
        monkeypatch.setenv("DOCKER_HOST", "x")


# --- what it says of itself -------------------------------------------------------------------------------------------

INFO = {"Name": "web1", "KernelVersion": "6.1.0", "ID": "AAAA:1"}
HERE = elsewhere.Here("web1", "6.1.0", frozenset({"lo", "docker0", "br-0123456789ab"}), "", "")
OWN = "0::/system.slice/docker-c0ffee.scope\n"


@pytest.mark.parametrize(
    ("info", "told", "here", "word"),
    [
        pytest.param({}, {}, {}, "", id="a first run: no container, no network"),
        pytest.param({"Name": "web2"}, {}, {}, "it runs on web2, and this is web1", id="another name"),
        pytest.param({"KernelVersion": "6.12"}, {}, {}, "its kernel is 6.12", id="another kernel"),
        pytest.param({}, {"bridges": ("docker0", "br-ffffffffffff")}, {}, "br-ffffffffffff", id="another's bridge"),
        pytest.param({}, {"bridges": ("docker0", "br-0123456789ab")}, {}, "", id="a bridge of this host"),
        pytest.param({}, {"bridges": ("docker1",)}, {}, "docker1", id="not even the default bridge"),
        pytest.param({}, {"bridges": ("docker0",)}, {}, "", id="the default bridge is every host's"),
        pytest.param({}, {"bridges": ("docker0",)}, {"engine": "BBBB:2"}, "is another, of one", id="a twin"),
        pytest.param({}, {"container": "c0ffee", "pid": 7}, {"group": OWN}, "", id="its container is here"),
        pytest.param({}, {"container": "c0ffee", "pid": 7}, {"group": "0::/\n"}, "no process 7", id="not a container"),
        pytest.param({}, {"container": "c0ffee", "pid": 7}, {}, "no process 7", id="no such process"),
        pytest.param(
            {"Name": "old"}, {}, {"engine": "AAAA:1"}, "", id="the engine of the usual socket, by another way"
        ),
        pytest.param({"ID": ""}, {}, {"engine": ""}, "", id="an engine without an id"),
    ],
)
def test_o12_an_engine_is_known_by_what_this_host_shows_too(
    info: dict[str, Any], told: dict[str, Any], here: dict[str, Any], word: str
) -> None:
    plain = elsewhere.Told({**INFO, **info}, (), "", 0)
    why = elsewhere.why_elsewhere(plain._replace(**told), HERE._replace(**here))
    assert (word in why) if word else (why == "")


def test_o12_a_socket_that_another_program_serves_is_not_certain(tmp_path: Path) -> None:
    path = str(tmp_path / "engine.sock")
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind(path)
        server.listen()
        client.connect(path)
        assert not this_host.is_certain(client, path)
