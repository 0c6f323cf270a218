# SPDX-License-Identifier: GPL-3.0-or-later
"""Values as they come, live: what Redis reads of redis.conf, what processes get, what a play does of an INI file."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._redis.conf import quoted
from containers_lab import IDLE, RICH, Lab, entry, make_images, reasons
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lab import CHECKOUT
from played import aliases
from redis_lab import ROLE, ROLE_VARIABLES, socket_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lab import Host, Play

Json = dict[str, Any]
LETTERS = "ab \\\"'#xn0\t\x07\x1b{}$%äß密🔑~"


def test_o8_redis_reads_back_every_value_as_it_was_given(host: Host, image: str) -> None:
    """redis-cli takes the lines of its standard input apart as the server does those of redis.conf (sdssplitargs)."""
    chance = random.Random(8)
    values = ["two words", "#", "'", '"', "\\", "\\x41", "a\"b'c\\d", "päss 密 🔑", "\t\x07", "trailing "]
    values += ["".join(chance.choices(LETTERS, k=chance.randint(1, 20))) for _ in range(500)]
    host.docker(
        "run", "-d", "--name", "nmt-values", "--network", "none", image, "redis-server", "--unixsocket", "/tmp/s"
    )
    lines = "".join(f"echo {quoted(value)}\n" for value in values)
    ask = ("docker", "exec", "-i", "nmt-values", "redis-cli", "-s", "/tmp/s")
    told = host.run(*ask, stdin="wait 0 0\n" + lines).stdout
    assert told.split("\n")[1:-1] == values


@pytest.mark.spread
@pytest.mark.engines
def test_o8_null_takes_a_variable_of_the_image_away(host: Host) -> None:
    make_images(host)
    lab = Lab(host)
    for environment in (
        {"FROM_IMAGE": None, "OWN": "x"},
        ["FROM_IMAGE", "OWN=x"],
        {"FROM_IMAGE": None, "NEVER_THERE": None},
    ):
        lab.converge(entry("one", image=RICH, command=IDLE, environment=environment))
        told = lab.docker("exec", "one", "busybox", "env").splitlines()
        assert "SHARED=image" in told
        assert not any(line.startswith(("FROM_IMAGE", "NEVER_THERE")) for line in told)
    assert "environment" in reasons(lab.converge(entry("one", image=RICH, command=IDLE)), "one")
    assert "FROM_IMAGE=kept" in lab.docker("exec", "one", "busybox", "env")


@pytest.mark.spread
@pytest.mark.engines
def test_o8_a_number_is_the_permissions_that_were_meant_or_refused(host: Host) -> None:
    make_images(host)
    lab = Lab(host)
    for mode, meant in ((0o640, "640"), ("0600", "600"), (640, "640"), (0o440, "440"), (0o777, ""), (750, "750")):
        given = entry("one", configs=[{"target": "/srv/secret", "content": "x", "mode": mode}])
        if meant:
            lab.converge(given)
            assert lab.docker("exec", "one", "busybox", "stat", "-c", "%a", "/srv/secret") == meant
        else:
            lab.refused(given, words=["one", "configs", "mode", "Write it quoted"])


@pytest.mark.spread
@pytest.mark.engines
def test_o8_what_yaml_made_of_other_words_is_refused_before_any_change(host: Host) -> None:
    make_images(host)
    lab = Lab(host)
    for option, value in (
        ("environment", {"DEBUG": True}),
        ("environment", {"VERSION": 1.1}),
        ("environment", {"UMASK": 18}),
        ("labels", {"traefik": True}),
        ("ports", [1342]),
        ("user", 2013),
        ("hostname", True),
        ("command", ["echo", 1.1]),
        ("image", 7.4),
    ):
        lab.refused(entry("one", **{option: value}), words=[option, "Write it quoted"])


def either(spellings: st.SearchStrategy[list[Any]]) -> st.SearchStrategy[tuple[Any, Any]]:
    """Two ways to write one value."""
    return spellings.flatmap(lambda several: st.tuples(st.sampled_from(several), st.sampled_from(several)))


def pairs(name: str, text: str) -> list[Any]:
    return [{name: int(text)}, {name: text}, [f"{name}={text}"]]


COUNTS = st.integers(100, 1000)
DURATIONS = st.integers(11, 7200).map(lambda n: [n, str(n), f"{n}.0", f"{n}s", f"{n // 60}m{n % 60}s", f"{n}000ms"])
SIZES = st.integers(6, 512).map(lambda n: [n * 2**20, str(n * 2**20), f"{n}m", f"{n}MB", f"{n * 1024}k"])
TRUTHS = st.sampled_from([[True, "true", "Yes", "on", 1, "1"], [False, "false", "no", "OFF", 0, "0"]])
MODES = [["0640", "640", 0o640, 640], ["0444", "444", 0o444, 444], ["0600", 0o600, 600], ["0755", "0o755", 0o755, 755]]
WRITTEN: dict[str, st.SearchStrategy[list[Any]]] = {
    "stop_grace_period": DURATIONS, "mem_limit": SIZES, "shm_size": SIZES, "init": TRUTHS, "read_only": TRUTHS,
    "privileged": TRUTHS, "cpus": st.sampled_from([[0.5, "0.5", "0.50"], [1, "1", 1.0, "1.0"], [1.25, "1.25"]]),
    "cpu_shares": COUNTS.map(lambda n: [n, str(n)]), "pids_limit": COUNTS.map(lambda n: [n, str(n)]),
    "group_add": COUNTS.map(lambda n: [[n], [str(n)]]), "user": st.integers(0, 59).map(lambda n: [n, str(n)]),
    "restart": st.sampled_from([["no", False], ["on-failure:3"], ["always"]]),
    "ports": COUNTS.map(lambda n: [[f"{18000 + n}:80"], [{"target": 80, "published": 18000 + n}],
                                   [{"target": "80", "published": str(18000 + n), "protocol": "tcp"}]]),
    "expose": COUNTS.map(lambda n: [[n], [str(n)], [f"{n}/tcp"]]),
    "environment": st.one_of(COUNTS.map(lambda n: pairs("A", str(n))), st.just([{"FROM_IMAGE": None}, ["FROM_IMAGE"]])),
    "labels": COUNTS.map(lambda n: pairs("tier", str(n))), "sysctls": COUNTS.map(lambda n: pairs("net.core.somaxconn", str(n))),
    "ulimits": COUNTS.map(lambda n: [{"nofile": n}, {"nofile": str(n)}, {"nofile": {"soft": n, "hard": str(n)}}]),
    "healthcheck": DURATIONS.map(lambda several: [{"test": "true", "interval": one, "retries": 3} for one in several]),
    "configs": st.sampled_from(MODES).map(lambda several: [[{"target": "/conf/x", "content": "x", "mode": one}] for one in several]),
}  # fmt: skip


@pytest.mark.engines
@pytest.mark.thorough
def test_o8_o20_however_an_option_is_written_the_container_is_the_same(host: Host) -> None:
    make_images(host)

    @settings(max_examples=60, deadline=None, derandomize=True, database=None, suppress_health_check=[*HealthCheck])
    @given(st.fixed_dictionaries({}, optional={option: either(several) for option, several in WRITTEN.items()}))
    def same(options: Json) -> None:
        first, other = (
            {
                "containers": [
                    entry("one", image=RICH, command=IDLE, state="stopped", volumes=["nmt-conf:/conf"], **written)
                ]
            }
            for written in ({option: both[way] for option, both in options.items()} for way in (0, 1))
        )
        made = host.run_module("containers", first)
        assert not made.get("failed"), made
        again = host.run_module("containers", other, check=True)
        assert again["changed"] is False, again

    same()


SAID = """
- hosts: all
  gather_facts: false
  roles: [netmode.docker.redis]
  vars:
    redis_socket_mode: 0770
    redis_appendonly: no
    redis_save: ''
    redis_maxmemory: 1_048_576
    redis_settings:
      notify-keyspace-events: ''
      masterauth: " with blanks \\\\ and \\"quotes\\" "
      dbfilename: null
      latency-tracking-info-percentiles: 50 99.5
      repl-diskless-sync: off
      client-output-buffer-limit: ["normal 0 0 0", "replica 256mb 64mb 60"]
"""
MEANT = {
    "notify-keyspace-events": "", "masterauth": ' with blanks \\ and "quotes" ', "dbfilename": "dump.rdb", "save": "",
    "latency-tracking-info-percentiles": "50 99.5", "repl-diskless-sync": "no", "appendonly": "no",
    "maxmemory": "1048576", "unixsocketperm": "770",
}  # fmt: skip


@pytest.mark.usefixtures("role_image", "no_files_left")
def test_o8_what_yaml_says_is_what_redis_runs_with(host: Host, play: Callable[..., Play]) -> None:
    """From the play to CONFIG GET, over redis.conf: octal numbers, empty and null values, quotes, words of YAML."""
    done = play(SAID, **ROLE_VARIABLES)
    assert done.rc == 0, done.stdout + done.stderr
    for directive, meant in MEANT.items():
        answer = host.run("redis-cli", "-s", socket_of("redis"), "--json", "config", "get", directive).stdout
        assert json.loads(answer) == {directive: meant}
    assert host.sh(f"stat -c %a {socket_of('redis')}") == "770"
    assert play(SAID, **ROLE_VARIABLES).changed == 0


INI = """
[all:vars]
ansible_connection=local
ansible_python_interpreter=/usr/bin/python3
redis_image=netmode-test/redis-role:1
[redis]
sealed redis_allow_unauthenticated=false redis_ports=6379:6379
allowed redis_allow_unauthenticated=yes redis_ports=6379:6379 redis_keeper=false
lists redis_ports=127.0.0.1:7001:7001,127.0.0.1:7002:7001 redis_port=7001 redis_password=x redis_save='' redis_appendonly=no
whole redis_instances='[{"name": "one", "appendonly": false, "maxmemory": "1mb"}]'
number redis_port=http redis_keeper=maybe
typo redis_pasword=secret
other redis_conf_dir=/etc/elsewhere
"""
TELL = [
    {"hosts": "redis", "gather_facts": False, "tasks": [
        {"import_role": {"name": "netmode.docker.redis", "tasks_from": "preflight.yml"}},
        {"name": "tell", "debug": {"msg": "{{ [__redis_variables.keeper, __redis_plan.files[0].lines] }}"}},
    ]},
]  # fmt: skip


def test_o20_o27_an_ini_file_says_what_it_says(
    play: Callable[..., Play], tmp_path: Path, host_state: Callable[[], Any]
) -> None:
    inventory = tmp_path / "hosts.ini"
    inventory.write_text(INI)
    before = host_state()
    done = play(TELL, inventory)
    assert host_state() == before
    refused = done.refusals()
    assert set(refused) == {"sealed", "number", "typo"}
    for words in (
        "sealed: instance redis: password: none is set, and its port is published",
        "number: redis_port: 'http' must be a whole number",
        "number: redis_keeper: 'maybe' must be true or false",
        "typo: redis_pasword: there is no such variable. Did you mean redis_password?",
    ):
        assert words in refused[words.partition(":")[0]]
    assert "other: redis_conf_dir is not a variable of the role redis" in done.stdout + done.stderr
    assert "appendonly no" in done.stdout
    assert 'save \\"\\"' in done.stdout or 'save ""' in done.stdout


TYPED: dict[str, Any] = {
    "port": 6380, "ports": ["127.0.0.1:7601:6380"], "appendonly": False, "save": [], "maxmemory": "64mb",
    "allow_unauthenticated": True, "keeper": False, "restart": "no", "socket_mode": "0770", "cpus": 1,
    "sysctls": {"net.core.somaxconn": 512}, "settings": {"lazyfree-lazy-expire": True, "hz": 20},
    "healthcheck_interval": "1h", "stop_grace_period": "2m", "image_source": "pull",
}  # fmt: skip
AS_TEXT = {
    **TYPED, "port": "6380", "ports": "127.0.0.1:7601:6380", "appendonly": "no", "save": "", "allow_unauthenticated": "yes",
    "keeper": "false", "cpus": "1.0", "sysctls": '{"net.core.somaxconn":"512"}', "stop_grace_period": "120s",
    "settings": '{"lazyfree-lazy-expire":true,"hz":20}',
}  # fmt: skip


def test_o20_one_meaning_from_ini_yaml_json_and_e_is_one_redis(
    play: Callable[..., Play], image: str, tmp_path: Path, no_files_left: None
) -> None:
    """The first makes it, and each other has nothing to do."""
    inventory, empty = tmp_path / "hosts.ini", tmp_path / "empty.ini"
    words = [f"redis_{name}={value}" if value else f"redis_{name}=''" for name, value in AS_TEXT.items()]
    quoted_words = [word if "{" not in word else word.replace("=", "='", 1) + "'" for word in words]
    local = f"n0 ansible_connection=local redis_image={image}"
    inventory.write_text(f"[redis]\n{local} {' '.join(quoted_words)}\n")
    empty.write_text(f"[redis]\n{local}\n")
    whole = {f"redis_{name}": value for name, value in TYPED.items()}
    yaml = {"redis": {"hosts": {"n0": {"ansible_connection": "local", "redis_image": image, **whole}}}}
    assert play(ROLE, inventory).changed > 0
    for done in (
        play(ROLE, yaml),
        play(ROLE, empty, **whole),
        play(ROLE, empty, tuple(option for word in quoted_words for option in ("-e", word))),
        play(ROLE, inventory, ("--check",)),
    ):
        assert (done.rc, done.changed) == (0, 0), done.stdout


def test_o20_an_open_redis_is_refused_wherever_the_false_stands(
    play: Callable[..., Play], host_state: Callable[[], Any]
) -> None:
    entry = {"name": "one", "ports": "6379:6379"}
    before = host_state()
    told = play(TELL, aliases([
        {"redis_allow_unauthenticated": "off", "redis_ports": "6379:6379"},
        {"redis_allow_unauthenticated": 0, "redis_ports": ["6379:6379"]},
        {"redis_instances": f"[{json.dumps({**entry, 'allow_unauthenticated': 'no'})}]"},
        {"redis_allow_unauthenticated": True, "redis_instances": [{**entry, "allow_unauthenticated": "False"}]},
    ])).refusals()  # fmt: skip
    by_e = play(TELL, None, ("-e", "redis_allow_unauthenticated=false redis_ports=6379:6379")).refusals()
    assert len(told) == 4
    for message in (*told.values(), *by_e.values()):
        assert "password: none is set, and its port is published on all addresses" in message
    assert host_state() == before


MISSPELT: list[tuple[dict[str, Any], str]] = [
    ({"redis_passwrod": "x"}, "redis_passwrod: there is no such variable. Did you mean redis_password?"),
    ({"redis_bindd": ["127.0.0.1"]}, "Did you mean redis_bind?"),
    ({"redis_netwrok_mode": "none"}, "Did you mean redis_network_mode?"),
    ({"redis_alow_unauthenticated": False}, "Did you mean redis_allow_unauthenticated?"),
    (
        {"redis_instances": [{"name": "one", "pasword": "x"}]},
        "pasword: there is no such setting. Did you mean password?",
    ),
]
PASSED_OVER = {
    "redis": {"redis_instnaces": "redis_instances", "redis_prot": "redis_port", "redis_conf_dir": "redis_config_dir"},
    "docker_engine": {"docker_engine_instal": "docker_engine_install"},
    "keeper": {"keeper_log_flie": "keeper_log_file"},
    "topology": {"topology_refesh": "topology_refresh"},
}
SOMEBODYS = {"redis_exporter_port": 9121, "redis_passwords": ["x"], "redis_version": 7, "redis_ports_of_old": [1]}


def test_o27_what_is_misspelt_is_refused_or_named_and_what_is_somebodys_own_is_neither(
    play: Callable[..., Play], host_state: Callable[[], Any]
) -> None:
    before = host_state()
    told = play(TELL, aliases([variables for variables, _ in MISSPELT])).refusals()
    assert [said in told.get(f"n{number}", "") for number, (_, said) in enumerate(MISSPELT)] == [True] * len(
        MISSPELT
    ), told
    by_e = play(TELL, None, ("-e", "redis_passwrod=x"))
    assert "Did you mean redis_password?" in "".join(by_e.refusals().values())
    both = {"redis_passwrod": "x", "redis_password": "y"}
    taken = play(TELL, aliases([both, SOMEBODYS]))
    assert taken.rc == 0, taken.stdout
    assert (taken.stdout + taken.stderr).count("Did you mean") == 1, "of the one beside the password, which is set"
    for role, names in PASSED_OVER.items():
        shown = TELL if role == "redis" else [{**ROLE[0], "roles": [{"role": f"netmode.docker.{role}"}]}]
        done = play(shown, None, ("--check",), **dict.fromkeys(names, "x"))
        said = " ".join((done.stdout + done.stderr).split())
        for name, meant in names.items():
            assert f"{name} is not a variable of the role {role}, which does not read it. Did you mean {meant}?" in said
    assert host_state() == before


def test_o20_site_goes_on_with_what_it_took_before_the_engine(
    play: Callable[..., Play], image: str, tmp_path: Path, host_state: Callable[[], Any]
) -> None:
    inventory = tmp_path / "hosts.ini"
    inventory.write_text(f"""
[redis]
n0 ansible_connection=local ansible_python_interpreter=/usr/bin/python3 redis_image={image} redis_keeper=false
[redis:vars]
redis_instances='[{{"name": "one", "bind": null}}]'
redis_network_definitions='[{{"name": "own"}}]'
""")
    before = host_state()
    done = play(CHECKOUT / "playbooks" / "site.yml", inventory, ("--check",), redis_port=None)
    assert done.rc == 0, done.stdout
    assert host_state() == before


@pytest.mark.parametrize(
    ("role", "variable"),
    [
        ("docker_engine", "docker_engine_log_driver"),
        ("docker_engine", "docker_engine_bip"),
        ("keeper", "keeper_log_file"),
        ("topology", "topology_file"),
    ],
)
def test_o20_a_role_refuses_a_variable_in_one_message_without_the_words_of_templating(
    play: Callable[..., Play], role: str, variable: str
) -> None:
    told = play(
        [{"hosts": "all", "gather_facts": False, "roles": [{"role": f"netmode.docker.{role}"}]}], **{variable: 1.5}
    ).refusals()
    assert len(told) == 1, told
    for host, message in told.items():
        assert message.startswith(f"{host}: {variable}: 1.5 is a number with a point, and text is needed"), message
