# SPDX-License-Identifier: GPL-3.0-or-later
"""Every module as Ansible sends it: packed, over ssh, to a host that has nothing of the collection. Whatever a module
imports has to be in what is sent; the processes of the other tests have imported all of it already.
"""

from __future__ import annotations

from typing import Any

import pytest
from hosts import HOSTS, changed, done, run_play
from tree import CHECKOUT

pytestmark = pytest.mark.usefixtures("fleet")  # whose engines run
PLAN: dict[str, Any] = {
    "files": {"instances": []}, "images": {"images": []}, "networks": {"networks": []},
    "containers": {"containers": []}, "interfaces": {"interfaces": []},
    "sources": {"instances": []},
}  # fmt: skip
NOTHING: dict[str, dict[str, Any]] = {
    "containers": {"containers": []},
    "engine_info": {},
    "host_tuning": {},
    "images": {"images": []},
    "interfaces": {"interfaces": []},
    "keeper": {"path": "/usr/local/sbin/none-such"},
    "network_facts": {},
    "networks": {"networks": []},
    "redis_backup": {"plan": PLAN},
    "redis_cluster": {"plan": PLAN, "nodes": []},
    "redis_config": {"instances": []},
    "redis_deploy": {"plan": PLAN},
    "redis_ping": {"endpoints": []},
    "redis_promote": {"plan": PLAN},
    "redis_preview": {"keeper": {"program": ""}, "plan": PLAN},
    "redis_restore": {"plan": PLAN},
    "redis_sentinel": {"plan": PLAN, "instances": []},
    "redis_sources": {"instances": []},
    "redis_verify": {
        "plan": {
            "problems": [], "host": "h", "address": "", "witnesses": 0, "socket_dir": "/run/netmode", "instances": [],
            "tls_renew_before": 30,
        },
    },
    "volumes": {"volumes": []},
}  # fmt: skip
"""Options with which a module runs to its end and changes nothing, in check mode at least."""
NONE = "told is failed and 'has no instance that is to run' not in told.msg"
"""The end of those that are for instances, where there is none."""


@pytest.mark.parametrize("each_on", [1, pytest.param(len(HOSTS), marks=pytest.mark.thorough)])
def test_every_module_has_all_that_it_imports(each_on: int) -> None:
    """On so many of the hosts: what is sent is the same for all."""
    modules = {file.stem for file in (CHECKOUT / "plugins" / "modules").glob("[!_]*.py")}
    assert modules - {"redis_certificates"} == set(NOTHING)  # which is the controller's
    wanted = {
        host: [module for at, module in enumerate(NOTHING) if (at - first) % len(HOSTS) < each_on]
        for first, host in enumerate(HOSTS)
    }
    plays: list[dict[str, Any]] = [
        {
            "hosts": host, "become": True, "gather_facts": False,
            "tasks": [
                {f"netmode.docker.{module}": NOTHING[module], "register": "told", "failed_when": NONE} for module in own
            ],
        }
        for host, own in wanted.items()
    ]  # fmt: skip
    played = done(run_play(plays, "--check", packed=True))
    ran = {(task["host"], task["action"]) for task in played.tasks}
    assert ran == {(host, f"netmode.docker.{module}") for host, own in wanted.items() for module in own}
    assert {task for _, task in changed(played)} <= {"netmode.docker.keeper"}
