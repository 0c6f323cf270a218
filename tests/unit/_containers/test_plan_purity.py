# SPDX-License-Identifier: GPL-3.0-or-later
"""O9: a plan is a pure function, so check mode and the run have the same one; and once it is taken, nothing is left."""

from __future__ import annotations

from typing import Any

from ansible_collections.netmode.docker.plugins.module_utils._containers import options, outcome
from ansible_collections.netmode.docker.plugins.module_utils._containers.options import OPTIONS
from ansible_collections.netmode.docker.plugins.module_utils._containers.plan import plan
from hypothesis import given, settings
from hypothesis import strategies as st
from test_plan_containers import entry, host, read, running

VALUES: dict[str, list[Any]] = {
    "command": ["redis-server --port 1", ["redis-server"]], "entrypoint": ["/bin/one", ["/bin/two", "x"]],
    "environment": [{"A": 1}, ["A=2", "B=x=y"]], "labels": [{"tier": "a"}, ["tier=b"]], "user": ["1000", "7:7"],
    "working_dir": ["/srv", "/x/../srv"], "volumes": [["data:/data"], ["/srv:/host:ro", "/anon"]],
    "tmpfs": ["/mnt", ["/mnt:size=1m"]], "ports": [["18210:80"], ["127.0.0.1:1-3:1-3", 90]],
    "expose": [[7], ["7-9/udp"]],
    "restart": ["always", "on-failure:3", "no"], "sysctls": [{"net.core.somaxconn": 5}], "ulimits": [{"nofile": 5}],
    "cap_add": [["NET_ADMIN"], ["CAP_SYS_NICE"]], "cap_drop": [["ALL"]], "privileged": [True, False],
    "read_only": [True],
    "security_opt": [["no-new-privileges"], ["systempaths=unconfined"]], "device_cgroup_rules": [["c 1:3 rwm"]],
    "init": [True, False], "mem_limit": ["64m", 2**27], "cpus": ["0.5", 1], "cpu_shares": [512], "cpuset": ["0"],
    "pids_limit": [50, -1], "shm_size": ["32m", 0], "group_add": [["100"]], "stop_grace_period": ["1m", 5],
    "stop_signal": ["SIGINT"], "healthcheck": [{"test": "true"}, {"disable": True}], "dns": ["10.9.9.9"],
    "dns_search": [["example.com"]], "dns_opt": [["ndots:2"]], "extra_hosts": [["db:10.0.0.5"]],
}  # fmt: skip
some = st.fixed_dictionaries({}, optional={name: st.sampled_from(values) for name, values in VALUES.items()})
states = st.sampled_from(["running", "exited", "paused", "created"])


@settings(max_examples=500, deadline=None)
@given(some, some, states, st.sampled_from(["started", "stopped", "absent"]), st.sampled_from(["auto", "always"]))
def test_o9_one_plan_for_check_mode_and_the_run_and_none_afterwards(
    now: dict[str, Any], then: dict[str, Any], state: str, wanted: str, recreate: str
) -> None:
    current = host(running("web", **now, state=state))
    asked = read(entry("web", **{**then, "state": wanted, "recreate": recreate}))
    before = repr(current)
    made = plan(current, asked)
    assert repr(current) == before, "a plan changes nothing of what was seen"
    assert (plan(current, asked), outcome.diff(plan(current, asked))) == (made, outcome.diff(made))
    if wanted == "started":
        settled = host(running("web", **then))
        again = read(entry("web", **then))
        assert plan(settled, again).steps == []
        actions = {step.action for step in made.steps}
        assert actions <= {"recreate", "update", "start", "unpause"}
        assert len(actions & {"recreate", "update"}) <= 1


def test_what_is_not_tried_by_a_start_is_among_the_options() -> None:
    beside = {"configs", "mac_address", "network_mode", "recreate"}
    assert options.UNTRIED - beside <= {option.name for option in OPTIONS}
    assert {*VALUES} <= {option.name for option in OPTIONS}
