# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role docker_engine has to do on a host, and what is refused before anything is done."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.netmode.docker.plugins.module_utils._daemon import observe
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.modules import engine_info
from daemon_host import BRIDGE, DOWN, NONE, desired, host, plan


@pytest.mark.parametrize(
    "found",
    [
        host(),
        host({"bip": "172.17.0.1/16", "debug": True}),
        host(needed=["iptables"]),
        host(dockerd=None, validates=False, pid=None),  # it answers and is not in this host's view
        host(distribution="Fedora"),
        host(others=[]),
        host(reads="/srv/engine/daemon.json"),
        host({"bridge": "none"}, bridge=None),
        host(arguments=["-b", "none"], bridge=None),
        host({"bridge": "br0"}, bridge={**BRIDGE, "name": "br0"}),
        host(bridge={**BRIDGE, "gateway": None, "ipv4": ["10.0.0.1/24", "172.17.0.1/16"]}),
        host(arguments=["--bip=172.17.0.1/16"]),
    ],
)
def test_a_host_as_desired_has_nothing_to_do(found: dict[str, Any]) -> None:
    made = plan(found, install=False)
    assert (made["settled"], made["install"], made["changes"], made["action"]) == (True, [], [], "none")


@pytest.mark.parametrize(
    ("found", "variables", "done"),
    [
        (host(**NONE), {}, (["docker.io"], [], "start")),
        (host(**NONE), {"bip": "10.9.0.1/24"}, (["docker.io"], ["bip"], "start")),
        (host(**DOWN), {}, ([], [], "start")),
        (host(**DOWN), {"options": {"debug": True}}, ([], ["debug"], "start")),
        (host(**DOWN, pending="restart"), {}, ([], [], "start")),
        (host(), {"options": {"debug": True}}, ([], ["debug"], "reload")),
        (host(), {"bip": "10.9.0.1/24"}, ([], ["bip"], "restart")),
        (host(pending="reload"), {}, ([], [], "reload")),
        (host(pending="restart"), {"options": {"debug": True}}, ([], ["debug"], "restart")),
        (host(pending="reload"), {"bip": "10.9.0.1/24"}, ([], ["bip"], "restart")),
        (host({"debug": True}), {"options_absent": ["debug"]}, ([], ["debug"], "restart")),
        (host(needed=["iptables"]), {}, (["iptables"], [], "none")),
    ],
)
def test_what_the_role_has_to_do(found: dict[str, Any], variables: dict[str, Any], done: Any) -> None:
    made = plan(found, **variables)
    assert (made["install"], made["changes"], made["action"]) == done
    assert made["settled"] is False


ELSEWHERE = {"others": [{"pid": 512, "hosts": ["unix:///srv/engine/docker.sock"]}]}
PROGRAM_UNSEEN = host(dockerd=None, validates=False, pid=None)
REFUSED: list[tuple[dict[str, Any], dict[str, Any], list[str]]] = [
    (host(root=False), {}, ["requires root there. Set become: true"]),
    (host(distribution="Fedora", distribution_version="43"), {}, ["docker_engine_install: ", "Fedora 43"]),
    (host(**NONE), {"install": False}, ["docker_engine_install is false, but this host has no dockerd"]),
    (host(sdk=False), {"install": False}, ["docker_engine_install is false", "/usr/bin/python3 on this host does not"]),
    (host(**DOWN | ELSEWHERE), {}, ["process 512, at unix:///srv/engine/docker.sock", "Set netmode_docker_host"]),
    (
        host(reads="/srv/daemon.json"),
        {"mtu": 1400},
        ["docker_engine_config_file: /etc/docker/daemon.json is not", "--config-file=/srv/daemon.json"],
    ),
    (PROGRAM_UNSEEN, {"mtu": 1400}, ["its program is not found on this host", "(mtu)"]),
    (host(), {"options": {"mtu": 7}}, ["docker_engine_options.mtu: 7 "]),
    (host(), {"options": {"hosts": ["fd://"]}}, ["docker_engine_options.hosts: the engine is started with -H fd://"]),
    (host(), {"options": {"shutdown-timeout": float("nan")}}, ["docker_engine_options: "]),
    (host(config={"exists": True, "mode": "0644", "text": None}), {}, ["/etc/docker/daemon.json: ", "not UTF-8"]),
    (host(root=False), {"bip": "10.0.0.0/8"}, ["requires root", "docker_engine_bip: 10.0.0.0/8 is the network's own"]),
    (host({"bip": "10.9.0.1/24"}), {}, ["docker0 must have 10.9.0.1/24 (bip in /etc/docker/daemon.json)"]),
    (host({"bip": "10.9.0.1/24"}), {"bip": "10.9.0.1/24"}, ["and has 172.17.0.1/16. A restart of the engine"]),
    (host(arguments=["--bip", "10.9.0.1/24"]), {}, ["docker0 must have 10.9.0.1/24 (--bip)"]),
    (host(bridge={**BRIDGE, "ipv4": []}), {}, ["docker0 must have 172.17.0.1/16 (what the engine chose), and has no"]),
    (host(bridge=None), {}, ["docker0 must have an address"]),
    (host({"bridge": "br0"}), {}, ["br0 must have"]),
]


@pytest.mark.parametrize(("found", "variables", "told"), REFUSED, ids=[told[-1] for _, _, told in REFUSED])
def test_what_cannot_be_right_is_refused_in_the_words_of_the_variables(
    found: dict[str, Any], variables: dict[str, Any], told: list[str]
) -> None:
    with pytest.raises(NetmodeError) as error:
        plan(found, **variables)
    assert all(part in str(error.value) for part in told), str(error.value)


@pytest.mark.parametrize(
    "found", [host({"bip": "10.9.0.1/24"}, pending="restart"), host({"bip": "10.9.0.1/24"}, **DOWN)]
)
def test_the_bridge_is_verified_once_the_engine_has_nothing_to_do(found: dict[str, Any]) -> None:
    assert not plan(found)["settled"]


@pytest.mark.parametrize(
    ("init", "found", "expected"),
    [
        ("auto", host(), ("systemd", ["-H", "fd://"])),
        ("auto", host(**DOWN), ("systemd", ["-H", "fd://"])),
        ("none", host(**DOWN), ("none", [])),  # no other passes it a socket
        ("service", host(), ("service", ["-H", "fd://"])),
    ],
)
def test_what_starts_the_engine_and_with_which_arguments(init: str, found: dict[str, Any], expected: Any) -> None:
    made = plan(found, init=init)
    assert (made["init"], made["arguments"]) == expected


def test_the_engine_validates_with_its_own_flags_where_it_can() -> None:
    words = ["--label=a b", "--log-opt=tag=%n"]
    assert plan(host(arguments=words))["validate"] == (
        "/usr/sbin/dockerd '--label=a b' --log-opt=tag=%%n --validate --config-file=%s"
    )
    assert plan(host(validates=False))["validate"] is None


def test_a_file_with_a_password_is_for_root_alone() -> None:
    secret = {"log-driver": "splunk", "log-opts": {"splunk-token": "0815"}}
    assert (plan(host(secret))["sensitive"], plan(host(secret))["mode"]) == (True, "0600")
    assert [plan(found)["mode"] for found in (host({"debug": True}), host())] == ["0640", "0644"]
    made = plan(host(), options={"proxies": {"http-proxy": "http://user:word@proxy.example"}})
    assert (made["sensitive"], made["mode"]) == (True, "0600")


@pytest.mark.parametrize("content", [b'{"labels": ["\xff"]}', b"\xfe\xff"])
def test_a_file_that_is_not_text_is_concealed(content: bytes, tmp_path: Any) -> None:
    path = tmp_path / "daemon.json"
    path.write_bytes(content)
    found = observe.config(str(path), content)
    assert (found["text"], found["secret"]) == (None, True)


@pytest.mark.parametrize("reveal", [False, True])
def test_passwords_are_in_no_result_and_no_log_unless_revealed(
    reveal: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = host({"log-driver": "splunk", "log-opts": {"splunk-token": "s3cret-old"}})
    found["config"]["secret"] = True
    logged: list[str] = []
    monkeypatch.setattr(engine_info, "observe", lambda *_, **__: found)
    monkeypatch.setattr(engine_info.AnsibleModule, "log", lambda _self, msg, **_: logged.append(msg))
    proxies = {"http-proxy": "http://user:s3cret-new@proxy.example"}
    given = desired(init="systemd", log_driver="splunk", options={"proxies": proxies})
    with patch_module_args({"desired": given, "reveal": reveal}), pytest.raises(SystemExit):
        engine_info.main()
    out = capsys.readouterr().out
    result = json.loads(out)
    assert ("s3cret" in out) is reveal
    assert logged
    assert "s3cret" not in str(logged)
    assert "s3cret" not in str(result["invocation"])
    # The rest is as it is: systemd is a value of a variable, too.
    assert (result["init"], result["plan"]["init"], result["plan"]["changes"]) == ("systemd", "systemd", ["proxies"])


def test_variables_that_cannot_be_read_are_refused_by_the_host(capsys: pytest.CaptureFixture[str]) -> None:
    given = {**desired(), "problems": ["web1: docker_engine_mtu: 'wide' must be a whole number."]}
    with patch_module_args({"desired": given}), pytest.raises(SystemExit):
        engine_info.main()
    assert json.loads(capsys.readouterr().out)["msg"] == given["problems"][0]
