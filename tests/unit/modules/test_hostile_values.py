# SPDX-License-Identifier: GPL-3.0-or-later
"""Ten thousand inputs over the argument specs of every module and role: a result or a refusal, and never a traceback.

Each is made from its number, so that one that fails can be made again.
"""

from __future__ import annotations

import importlib
import json
import random
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleError
from ansible.module_utils.testing import patch_module_args
from ansible_collections.netmode.docker.plugins.filter.batches import batches
from ansible_collections.netmode.docker.plugins.filter.fleet_tables import fleet_tables
from ansible_collections.netmode.docker.plugins.filter.redis_ports import redis_ports
from ansible_collections.netmode.docker.plugins.module_utils._containers import spec as containers_spec
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._images import look
from ansible_collections.netmode.docker.plugins.module_utils._interfaces import spec as interfaces_spec
from ansible_collections.netmode.docker.plugins.module_utils._networks import spec as networks_spec
from ansible_collections.netmode.docker.plugins.plugin_utils._redis_plan import make_plan
from ansible_collections.netmode.docker.plugins.plugin_utils._variables import options_of, read_variables
from daemon_host import host as daemon_host
from daemon_host import plan as daemon_plan
from hostile import ALL, values

MODULES = Path(__file__).resolve().parents[3] / "plugins" / "modules"
NOWHERE = "unix:///nowhere/docker.sock"
PURE = {
    "containers": lambda given: containers_spec.read(given["containers"], "28.5.2"),
    "networks": lambda given: networks_spec.parse_list(given["networks"]),
    "interfaces": lambda given: interfaces_spec.parse_list(given["interfaces"]),
    "images": lambda given: look.validate(given["images"]),
}
"""What a module does with its list before it asks the engine."""


# --- roles and playbooks ----------------------------------------------------------------------------------------------


def use_redis(given: dict[str, Any]) -> None:
    variables = read_variables("redis", given, [])
    told = make_plan(variables, "web1", pending={"networks": ["a"], "images": []})["problems"]
    assert all(isinstance(line, str) and line.startswith("web1: ") for line in told)
    redis_ports(given)
    fleet_tables({"web1": {}}, {"web1": given})


def use_docker_engine(given: dict[str, Any]) -> None:
    daemon_plan(daemon_host(), **{name.removeprefix("docker_engine_"): value for name, value in given.items()})


def use_playbooks(given: dict[str, Any]) -> None:
    batches(read_variables("playbooks", given, [])["site_serial"])


USES = {"redis": use_redis, "docker_engine": use_docker_engine, "playbooks": use_playbooks}


def held(owner: str, given: dict[str, Any]) -> None:
    problems: list[str] = []
    read_variables(owner, given, problems)
    begun = tuple(name + after for name in options_of(owner) for after in (": ", "["))
    assert all(problem.startswith(begun) for problem in problems), problems
    try:
        USES.get(owner, lambda _given: None)(given)
    except (AnsibleError, NetmodeError) as error:
        assert str(error)  # noqa: PT017 (a refusal is as right as a result)


@pytest.mark.parametrize(
    ("owner", "number"),
    [("redis", 1000), ("docker_engine", 600), ("keeper", 100), ("topology", 100), ("playbooks", 200)],
)
def test_o8_o20_variables_of_any_kind_give_a_plan_or_a_refusal(owner: str, number: int) -> None:
    for seed in range(number):
        given = values(options_of(owner), random.Random(seed))
        if owner == "redis" and seed % 3:
            settings = {name.removeprefix("redis_"): spec for name, spec in options_of("redis").items()}
            entries = [{"name": name, **values(settings, random.Random(-seed))} for name in ("one", "two")]
            given["redis_instances"] = entries
        held(owner, given)


@pytest.mark.parametrize("owner", ["redis", "docker_engine", "keeper", "topology", "playbooks"])
def test_o8_o20_every_variable_with_every_kind_of_value(owner: str) -> None:
    for name in options_of(owner):
        for given in ALL:
            problems: list[str] = []
            read_variables(owner, {name: given}, problems)
            assert len(problems) <= 1
            assert all(problem.startswith((f"{name}: ", f"{name}[")) for problem in problems)


OF_BACKUPS = [name for name in options_of("redis") if name.startswith(("redis_backup_", "redis_restore_"))]


def test_each_variable_of_backup_and_restore_with_any_value_is_taken_or_one_line() -> None:
    """And pairs of them, since one may be right with some alone."""
    chance = random.Random(13)
    pairs = [{name: chance.choice(ALL) for name in chance.sample(OF_BACKUPS, 2)} for _ in range(500)]
    for given in [{name: value} for name in OF_BACKUPS for value in ALL] + pairs:
        problems: list[str] = []
        variables = read_variables("redis", {"redis_instances": [{"name": "one"}], **given}, problems, "web1: ")
        told = make_plan({**variables, "problems": problems}, "web1")["problems"]
        assert len(told) <= len(given)
        assert all(line.startswith(tuple(f"web1: {name}" for name in given)) for line in told), (given, told)


# --- modules ----------------------------------------------------------------------------------------------------------


class Parsed(Exception):  # noqa: N818 (no error: as far as a module goes without an engine)
    """Where a module would ask the engine or the host."""


def run(module: str, given: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """What a module says of its options in check mode, where no engine answers."""
    capsys.readouterr()
    main = importlib.import_module(f"ansible_collections.netmode.docker.plugins.modules.{module}").main
    with patch_module_args({"_ansible_check_mode": True, "_ansible_remote_tmp": "/tmp", **given}):
        try:
            main()
        except SystemExit:
            said: dict[str, Any] = json.loads(capsys.readouterr().out)
            assert "Traceback" not in said.get("msg", ""), said
            return said
        except Parsed as parsed:
            return {"params": parsed.args[0]}
    raise AssertionError("it ended without a result")


def on_hosts() -> list[Path]:
    """Those that are no action of the controller alone."""
    return [path for path in MODULES.glob("[a-z]*.py") if "\ndef main()" in path.read_text()]


def specs() -> dict[str, dict[str, Any]]:
    found = {}
    for path in on_hosts():
        module = importlib.import_module(f"ansible_collections.netmode.docker.plugins.modules.{path.stem}")

        def stop(argument_spec: dict[str, Any]) -> None:
            raise Parsed(argument_spec)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "checked", stop)
            with pytest.raises(Parsed) as parsed:
                module.main()
        found[path.stem] = parsed.value.args[0]
    return found


SPECS = specs()


def test_every_module_reads_its_options_in_the_one_way() -> None:
    assert set(SPECS) == {path.stem for path in on_hosts()}


@pytest.mark.parametrize("module", sorted(SPECS))
def test_o8_options_of_any_kind_give_a_result_or_a_refusal(
    module: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin = importlib.import_module(f"ansible_collections.netmode.docker.plugins.modules.{module}")
    made = plugin.AnsibleModule

    def only_read(**arguments: Any) -> None:
        raise Parsed(made(**arguments).params)

    monkeypatch.setattr(plugin, "AnsibleModule", only_read)
    for seed in range(500):
        said = run(module, values(SPECS[module], random.Random(seed)), capsys)
        assert said.get("msg") or "params" in said
        if "params" in said and module in PURE:
            try:
                PURE[module](said["params"])
            except NetmodeError as error:
                assert str(error)  # noqa: PT017 (a refusal is as right as a result)


@pytest.mark.parametrize("module", sorted(set(SPECS) - {"redis_ping", "engine_info", "keeper", "host_tuning"}))
def test_o8_what_is_read_right_goes_as_far_as_the_engine_and_changes_nothing(
    module: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """In check mode and without an engine: the whole module, but for those that need none."""
    for seed in range(50):
        said = run(module, {**values(SPECS[module], random.Random(seed)), "docker_host": NOWHERE, "timeout": 1}, capsys)
        assert said.get("failed") or said["changed"] is False or module == "redis_config"
