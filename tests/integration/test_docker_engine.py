# SPDX-License-Identifier: GPL-3.0-or-later
"""The role docker_engine on machines of its own: without Docker, with an engine that runs, with broken wishes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from lab import IMAGE, Host, Play, wait_until
from played import aliases

CONFIG = "/etc/docker/daemon.json"
ROLE = """
- name: Docker hosts
  hosts: all
  gather_facts: false
  roles:
    - netmode.docker.docker_engine
"""


def pid_of_engine(host: Host) -> str:
    return host.sh("pgrep -x dockerd")


def running(host: Host) -> set[str]:
    return set(host.docker("ps", "--format", "{{.Names}}").split())


def bridge_addresses(host: Host) -> list[str]:
    link = json.loads(host.sh("ip -j -4 addr show docker0"))[0]
    return [f"{address['local']}/{address['prefixlen']}" for address in link["addr_info"]]


def config(host: Host) -> Any:
    return json.loads(host.sh(f"cat {CONFIG}"))


def done(play: Play) -> Play:
    assert play.rc == 0, play.stdout + play.stderr
    return play


def refused(play: Play) -> str:
    """What the role says in the end, perhaps after a task that failed and was followed by others."""
    assert play.rc == 2, play.stdout + play.stderr
    assert "Traceback" not in play.stdout + play.stderr
    return " ".join(str(play.failed[-1]["result"]["msg"]).split())


@pytest.fixture(scope="module")
def with_engine(module_machine: Callable[..., Host]) -> Host:
    return module_machine(engine=True)


@pytest.fixture
def busy(with_engine: Host) -> Host:
    """An engine that someone started manually, with a configuration, and containers with and without restart policy."""
    host = with_engine
    host.docker("rm", "-f", "-v", *host.docker("ps", "-aq").split(), check=False)
    host.kill_engine("TERM")
    host.write(CONFIG, '{"labels": ["rack=7"], "max-concurrent-downloads": 2}\n')
    host.start_engine("--log-level=warn")
    host.docker("run", "-d", "--name", "web", "--restart", "always", IMAGE)
    sharer = ("--restart", "unless-stopped", "--network", "container:web", "--init", IMAGE, "busybox", "sleep", "1d")
    host.docker("run", "-d", "--name", "sharer", *sharer)
    host.docker("run", "-d", "--name", "once", IMAGE)
    return host


def test_a_restart_keeps_what_was_there_and_brings_containers_back(busy: Host) -> None:
    wishes: dict[str, Any] = {"docker_engine_bip": "10.30.0.1/24", "docker_engine_mtu": 1400}
    before = pid_of_engine(busy)
    assert done(busy.play(ROLE, options=("--check",), **wishes)).changed > 0
    assert (pid_of_engine(busy), bridge_addresses(busy)) == (before, ["172.17.0.1/16"])
    play = done(busy.play(ROLE, **wishes))
    assert pid_of_engine(busy) != before
    assert "--log-level=warn" in busy.sh("tr '\\0' ' ' </proc/$(pgrep -x dockerd)/cmdline")
    assert config(busy) == {"labels": ["rack=7"], "max-concurrent-downloads": 2, "bip": "10.30.0.1/24", "mtu": 1400}
    assert bridge_addresses(busy) == ["10.30.0.1/24"]
    assert running(busy) == {"web", "sharer"}
    assert "once" in play.task("Name the containers that have no restart policy and stay down")["msg"]
    assert busy.docker("exec", "sharer", "ip", "-4", "-o", "addr", "show", "eth0").split()[3].startswith("10.30.0.")
    assert done(busy.play(ROLE, **wishes)).changed == 0
    assert running(busy) == {"web", "sharer"}


def test_what_the_engine_takes_while_it_runs_restarts_nothing(busy: Host) -> None:
    wishes: dict[str, Any] = {
        "docker_engine_registry_mirrors": ["https://mirror.example"],
        "docker_engine_live_restore": True,
        "docker_engine_options": {"debug": True},
    }
    before = pid_of_engine(busy)
    done(busy.play(ROLE, **wishes))
    info = busy.api("/info")
    assert info["RegistryConfig"]["Mirrors"] == ["https://mirror.example/"]
    assert (info["LiveRestoreEnabled"], info["Debug"], info["Labels"]) == (True, True, ["rack=7"])
    assert (pid_of_engine(busy), running(busy)) == (before, {"web", "sharer", "once"})
    assert done(busy.play(ROLE, **wishes)).changed == 0
    # With live-restore, even a restart leaves every container running.
    done(busy.play(ROLE, docker_engine_log_driver="local"))
    assert pid_of_engine(busy) != before
    assert running(busy) == {"web", "sharer", "once"}


def test_a_run_that_was_interrupted_before_the_restart_is_finished_by_the_next(busy: Host) -> None:
    busy.write(CONFIG, '{"bip": "10.40.0.1/24"}\n')
    checksum = busy.sh(f"sha256sum {CONFIG}").split()[0]
    busy.write("/run/netmode-docker-engine", f"restart {checksum}\n")
    assert done(busy.play(ROLE)).changed > 0
    assert bridge_addresses(busy) == ["10.40.0.1/24"]
    assert done(busy.play(ROLE)).changed == 0


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"docker_engine_bip": "172.17.0.0/16"}, "docker_engine_bip: 172.17.0.0/16 is the network's own address"),
    ({"docker_engine_mtu": "wide"}, "'docker_engine_mtu' is of type"),
    ({"docker_engine_options": {"log-level": "debug"}}, "both as a flag and in the configuration file: log-level"),
    ({"docker_engine_log_opts": {"max-file": "none"}}, "docker_engine_log_opts.max-file"),
]


def test_a_wish_that_cannot_be_right_and_no_wish_change_nothing(busy: Host) -> None:
    before = pid_of_engine(busy), busy.sh(f"cat {CONFIG}"), running(busy)
    told = busy.play(ROLE, aliases([wishes for wishes, _ in REFUSED])).refusals()
    assert (pid_of_engine(busy), busy.sh(f"cat {CONFIG}"), running(busy)) == before
    for number, (_, said) in enumerate(REFUSED):
        assert said in told[f"n{number}"]
    # The same machine, untouched: nothing is asked of it.
    assert done(busy.play(ROLE)).changed == 0
    assert (pid_of_engine(busy), busy.sh(f"cat {CONFIG}"), running(busy)) == before


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("storage-driver", "no-such-driver"),
        pytest.param("no-such-key", 1, marks=pytest.mark.thorough),  # 20.10 validates no file before it starts with it
    ],
)
def test_a_configuration_that_the_engine_does_not_start_with_is_rolled_back(
    busy: Host, option: str, value: Any
) -> None:
    before = config(busy)
    message = refused(busy.play(ROLE, docker_engine_options={option: value}))
    assert f"is as before again (refused: {option}), and the engine runs with it" in message
    assert (option if value == 1 else value) in message.partition("The end of its log:")[2]
    assert (config(busy), running(busy)) == (before, {"web", "sharer"})
    assert done(busy.play(ROLE)).changed == 0


def test_a_configuration_that_the_engine_refuses_to_reload_is_rolled_back_and_nothing_restarted(busy: Host) -> None:
    before = pid_of_engine(busy), config(busy), running(busy)
    message = refused(
        busy.play(ROLE, docker_engine_options={"max-concurrent-downloads": "many"}, docker_engine_timeout=5)
    )
    assert "is as before again (refused: max-concurrent-downloads), and the engine runs with it" in message
    assert (pid_of_engine(busy), config(busy), running(busy)) == before
    assert done(busy.play(ROLE)).changed == 0


def test_an_engine_that_appears_late_and_answers_later_is_waited_for(fresh_machine: Callable[..., Host]) -> None:
    host = fresh_machine(engine=False)
    # It stands still before it has its socket, longer than one that is not seen is waited for.
    hangs = "until pkill -STOP -x dockerd; do :; done; sleep 7; pkill -CONT -x dockerd"
    engine = f"(sleep 2; dockerd & {hangs}) </dev/null >/tmp/dockerd.log 2>&1 &"
    host.sh(engine)
    assert host.run_module("engine_info", {"wait": 60})["answers"]


def test_a_system_that_the_role_does_not_know_is_refused_by_name(fresh_machine: Callable[..., Host]) -> None:
    host = fresh_machine(bare=True)
    host.sh("rm /etc/os-release; printf 'ID=fedora\\nVERSION_ID=43\\n' >/etc/os-release")
    assert "this host runs Fedora 43" in refused(host.play(ROLE))
    assert "has no dockerd" in refused(host.play(ROLE, docker_engine_install=False))


@pytest.mark.thorough
def test_another_init_system_starts_and_restarts_the_engine(fresh_machine: Callable[..., Host]) -> None:
    host = fresh_machine(engine=False)
    host.sh("sed -i 's/ulimit/: ulimit/' /etc/init.d/docker")  # the machine may not raise limits
    wishes = {"docker_engine_init": "service"}
    done(host.play(ROLE, **wishes))
    first = pid_of_engine(host)
    assert host.sh("cat /run/docker-ssd.pid") == first
    done(host.play(ROLE, docker_engine_bip="10.50.0.1/24", **wishes))
    assert pid_of_engine(host) not in ("", first)
    assert bridge_addresses(host) == ["10.50.0.1/24"]
    assert done(host.play(ROLE, docker_engine_bip="10.50.0.1/24", **wishes)).changed == 0


# --- O12: the engine that answers is the engine -----------------------------------------------------------------------


@pytest.fixture
def unpacked(fresh_machine: Callable[..., Host]) -> Host:
    """An engine from an archive: in a directory of its own, unknown to the package manager."""
    host = fresh_machine(engine=False)
    host.sh("mkdir -p /opt/docker && mv /usr/sbin/dockerd /opt/docker/dockerd")
    return host


def start(host: Host, *options: str) -> None:
    host.sh(f"setsid /opt/docker/dockerd {' '.join(options)} </dev/null >>/tmp/dockerd.log 2>&1 &")


def engines(host: Host) -> list[str]:
    """The programs of the engines that run."""
    return host.sh("for pid in $(pgrep -x dockerd); do readlink /proc/$pid/exe; done", check=False).splitlines()


@pytest.mark.thorough
def test_o12_an_engine_outside_usr_is_the_engine_started_configured_and_restarted(unpacked: Host) -> None:
    done(unpacked.play(ROLE))  # it is down: that one is started, and none installed
    assert engines(unpacked) == ["/opt/docker/dockerd"]
    assert unpacked.sh("ls /usr/sbin/dockerd", check=False) == ""
    assert done(unpacked.play(ROLE)).changed == 0
    done(unpacked.play(ROLE, docker_engine_bip="10.60.0.1/24"))
    assert (engines(unpacked), bridge_addresses(unpacked)) == (["/opt/docker/dockerd"], ["10.60.0.1/24"])
    found = unpacked.run_module("engine_info")
    assert (found["dockerd"], found["needed"], found["answers"]) == ("/opt/docker/dockerd", [], True)


@pytest.mark.thorough
def test_o12_an_engine_that_listens_or_reads_elsewhere_gets_none_beside_it(unpacked: Host) -> None:
    sockets = "-H unix:///srv/engine/docker.sock"
    unpacked.write("/srv/engine/daemon.json", "{}")
    start(unpacked, sockets, "--config-file=/srv/engine/daemon.json")
    wait_until(lambda: unpacked.run("test", "-S", "/srv/engine/docker.sock", check=False).returncode == 0, "it listens")
    elsewhere = {"netmode_docker_host": "unix:///srv/engine/docker.sock"}
    told = refused(unpacked.play(ROLE))
    assert "an engine of this host listens elsewhere" in told
    assert "unix:///srv/engine/docker.sock" in told
    assert "netmode_docker_host" in told
    told = refused(unpacked.play(ROLE, docker_engine_mtu=1400, **elsewhere))
    assert "is started with --config-file=/srv/engine/daemon.json. Set docker_engine_config_file" in told
    assert unpacked.sh("cat /etc/docker/daemon.json /srv/engine/daemon.json", check=False) == "{}"
    assert done(unpacked.play(ROLE, **elsewhere)).changed == 0
    done(
        unpacked.play(
            ROLE, docker_engine_bip="10.61.0.1/24", docker_engine_config_file="/srv/engine/daemon.json", **elsewhere
        )
    )
    assert (engines(unpacked), bridge_addresses(unpacked)) == (["/opt/docker/dockerd"], ["10.61.0.1/24"])
    others = ROLE.replace("netmode.docker.docker_engine", "netmode.docker.redis\n    - netmode.docker.topology")
    asked = {"redis_password": "s3cret", "redis_image_source": "packages"}
    assert "at unix:///var/run/docker.sock" in refused(unpacked.play(others, None, ("--check",), **asked))
    assert "10.61.0.1/24" in done(unpacked.play(others, None, ("--check",), **asked, **elsewhere)).stdout


@pytest.mark.thorough
def test_o12_an_engine_in_a_namespace_of_its_own_is_not_the_host_s(fresh_machine: Callable[..., Host]) -> None:
    """As a rootless one is: it is neither waited for, restarted nor taken for the host's."""
    host = fresh_machine(engine=False)
    own = "--data-root /var/lib/docker/own --exec-root /run/own --pidfile /run/own.pid -H unix:///run/own.sock"
    host.sh(
        "ip netns add own && ip -n own link set lo up && { nsenter --net=/run/netns/own setsid dockerd --bridge none"
        f" --iptables=false {own} </dev/null >/tmp/own.log 2>&1 & }}"
    )
    wait_until(lambda: host.run("test", "-S", "/run/own.sock", check=False).returncode == 0, "it listens")
    before = pid_of_engine(host)
    assert (host.run_module("engine_info")["pid"], host.run_module("engine_info")["others"]) == (None, [])
    done(host.play(ROLE))
    done(host.play(ROLE, docker_engine_bip="10.62.0.1/24"))
    assert before in pid_of_engine(host).split()
    assert len(engines(host)) == 2
    assert bridge_addresses(host) == ["10.62.0.1/24"]
