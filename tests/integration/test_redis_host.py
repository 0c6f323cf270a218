# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role changes of a host beside its containers: the rules that keep ports to their sources, and its tunables.

A machine has a network namespace of its own, and so its own ``net.core.somaxconn``; ``vm.overcommit_memory`` and huge pages
are those of the machine outside, and are read-only here. Those are tested over a tree of files (tests/unit/_tuning).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from lab import wait_until
from neighbour_lab import ALSO_THEIRS, OURS, THEIRS, WITHIN, asked
from redis_lab import ROLE, ROLE_VARIABLES, TEARDOWN
from shapes import OFFICIAL, REDIS_SHAPES, Shape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lab import Host, Play

pytestmark = [pytest.mark.engines, pytest.mark.spread, pytest.mark.usefixtures("no_files_left")]
VARIABLES = {**ROLE_VARIABLES, "redis_image": OFFICIAL}
SOMAXCONN = "/proc/sys/net/core/somaxconn"
FILE = "/etc/sysctl.d/90-netmode-redis.conf"
TUNE = "netmode.docker.redis : Tune the kernel of the host as Redis asks (redis_host_tuning)"


@pytest.fixture
def deploy(play: Callable[..., Play], shape_images: None) -> Callable[..., Play]:
    def run(options: tuple[str, ...] = (), **variables: Any) -> Play:
        played = play(ROLE, options=options, **{**VARIABLES, **variables})
        assert played.rc == 0, played.stdout + played.stderr
        return played

    return run


@pytest.fixture
def lower(host: Host) -> Iterator[Host]:
    """A host that allows a shorter queue than Redis asks for."""
    before = host.sh(f"cat {SOMAXCONN}; echo 128 >{SOMAXCONN}")
    yield host
    host.sh(f"echo {before} >{SOMAXCONN}; rm -f {FILE}")


def tuned(**settings: Any) -> dict[str, Any]:
    return {"redis_host_tuning": True, "redis_instances": [{"name": "cache", **settings}]}


def test_the_hosts_own_is_set_for_a_redis_in_its_namespace_kept_and_taken_back(
    lower: Host, deploy: Callable[..., Any], play: Callable[..., Any]
) -> None:
    variables = tuned(network_mode="host", port=6515)
    predicted = deploy(options=("--check", "--diff"), **variables)
    assert lower.sh(f"cat {SOMAXCONN}") == "128"
    assert predicted.task(TUNE)["tunables"]["net.core.somaxconn"] == {
        "before": "128", "after": "511", "why": "tcp-backlog of a Redis in the host's namespace is more",
    }  # fmt: skip
    deploy(**variables)
    assert lower.sh(f"cat {SOMAXCONN}") == "511"
    assert "# net.core.somaxconn was 128\nnet.core.somaxconn = 511" in lower.sh(f"cat {FILE}")
    assert deploy(**variables).changed == 0
    assert "somaxconn is set to the lower value" not in lower.docker("logs", "cache")
    lower.sh(f"echo 128 >{SOMAXCONN}; sysctl -qp {FILE}")  # as the host does at its start
    assert lower.sh(f"cat {SOMAXCONN}") == "511"
    gone = play(TEARDOWN, **{**VARIABLES, **variables}, redis_teardown_data=True)
    assert gone.rc == 0, gone.stdout
    assert lower.sh(f"cat {SOMAXCONN}; ls {FILE} 2>&1", check=False).splitlines()[0] == "128"
    assert lower.run("test", "-e", FILE, check=False).returncode == 1


def test_off_by_one_variable_and_where_it_has_no_effect_nothing_is_set(lower: Host, deploy: Callable[..., Any]) -> None:
    deploy(**{**tuned(network_mode="host", port=6515), "redis_host_tuning": False})
    assert lower.sh(f"cat {SOMAXCONN}") == "128"
    told = deploy(**tuned())
    assert lower.sh(f"cat {SOMAXCONN}") == "128", "in a namespace of its own that of the host has no effect"
    assert lower.run("test", "-e", FILE, check=False).returncode == 1
    assert "somaxconn is set to the lower value" not in lower.docker("logs", "cache")
    if lower.sh("cat /proc/sys/vm/overcommit_memory") != "1":
        assert "/proc/sys/vm/overcommit_memory cannot be written here. Redis asks for 1" in " ".join(
            told.stderr.split()
        )
    assert deploy(**tuned()).changed == 0


@pytest.mark.thorough
def test_a_namespace_of_its_own_is_given_what_its_redis_asks_for(host: Host, deploy: Callable[..., Any]) -> None:
    variables = tuned(settings={"tcp-backlog": 8192})
    assert deploy(options=("--check",), **variables).changed
    deploy(**variables)
    pid = host.docker("inspect", "-f", "{{.State.Pid}}", "cache")
    assert host.sh(f"nsenter -n -t {pid} cat {SOMAXCONN}") == "8192"
    assert "somaxconn is set to the lower value" not in host.docker("logs", "cache")
    assert deploy(**variables).changed == 0


RULES = "iptables -t raw -S; ip6tables -t raw -S"
SOURCED: dict[str, Any] = {
    "redis_instances": [{"name": "near", "ports": ["7000:6379"], "allowed_sources": [THEIRS]}],
    "redis_allow_unauthenticated": True,
}


def test_the_role_predicts_sets_and_takes_back(
    neighbour: Host, host: Host, deploy: Callable[..., Any], play: Callable[..., Any]
) -> None:
    before = neighbour.sh(RULES)
    assert deploy(options=("--check",), **SOURCED).changed
    assert neighbour.sh(RULES) == before
    deploy(**SOURCED)
    for source, found in ((THEIRS, [OURS]), (ALSO_THEIRS, [])):
        assert asked(neighbour, [[OURS, 7000]], *WITHIN, source=source) == found
    again = deploy(**SOURCED)
    assert again.changed == 0, again.stdout
    neighbour.sh("iptables -t raw -D NETMODE-REDIS 1")
    fixed = deploy(**SOURCED)
    assert [task["task"].partition(" : ")[2] for task in fixed.tasks if task["result"].get("changed")] == [
        "Keep published ports to the sources that are allowed"
    ]
    gone = play(TEARDOWN, **{**VARIABLES, **SOURCED}, redis_teardown_data=True)
    assert gone.rc == 0, gone.stdout
    assert neighbour.sh(RULES) == before


PAGES = "/sys/kernel/mm/transparent_hugepage/enabled"


@pytest.mark.parametrize("shape", REDIS_SHAPES, ids=lambda shape: shape.name)
@pytest.mark.thorough
def test_a_redis_goes_without_huge_pages_by_itself_unless_it_is_told_not_to(
    host: Host, shape_images: None, shape: Shape
) -> None:
    """So they are no concern of the host's but with ``disable-thp no``: a file that says "always" stands for such a host."""
    host.write("/var/tmp/pages", "[always] madvise never\n")
    told = {}
    for disabled in ("yes", "no"):
        run = ("run", "-d", "--name", "cache", "-v", f"/var/tmp/pages:{PAGES}:ro", shape.image)
        host.docker(*run, shape.server, "--disable-thp", disabled)
        wait_until(lambda: "eady to accept" in host.docker("logs", "cache"), "it has started")
        pid = host.docker("inspect", "-f", "{{.State.Pid}}", "cache")
        enabled = host.sh(f"grep THP_enabled /proc/{pid}/status")
        told[disabled] = ("Transparent Huge Pages" in host.docker("logs", "cache"), enabled.split()[1])
        host.docker("rm", "-f", "cache")
    assert told == {"yes": (False, "0"), "no": (True, "1")}
