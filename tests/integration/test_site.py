# SPDX-License-Identifier: GPL-3.0-or-later
"""What a newcomer does, from an empty server: git clone, make site, make site again, make teardown."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from lab import Host
from tree import CHECKOUT

CLONE = "/root/checkout"
ANSIBLE = f"{CLONE}/.venv/bin/ansible-playbook"
INVENTORY = f"{CLONE}/playbooks/inventory/quickstart.yml"
PROMPT = "cd {}; export ANSIBLE_NOCOLOR=1; {} 2>&1"


@dataclass
class Newcomer:
    """A bare server with a clone of the checkout, and what the first ``make site`` said there."""

    host: Host
    first: str

    def types(self, command: str, where: str = CLONE) -> str:
        return self.host.sh(PROMPT.format(where, command), timeout=600)


@pytest.fixture(scope="module")
def newcomer(module_machine: Callable[..., Host]) -> Newcomer:
    host = module_machine(bare=True)
    host.sh("rm /usr/sbin/policy-rc.d")  # nothing but the role keeps the packages from starting what cannot start here
    host.sh(f"git config --global --add safe.directory '*' && git clone -q {CHECKOUT} {CLONE}")
    return Newcomer(host, host.sh(PROMPT.format(CLONE, "make site"), timeout=600))


def nothing_changed(said: str) -> bool:
    recaps = re.findall(r"changed=(\d+) +unreachable=(\d+) +failed=(\d+)", said)
    return bool(recaps) and all(recap == ("0", "0", "0") for recap in recaps)


def test_make_site_proves_every_mode(newcomer: Newcomer) -> None:
    assert re.search(r"\d+ claims, all hold", newcomer.first), newcomer.first
    assert newcomer.host.sh("ls /usr/sbin/policy-rc.d", check=False) == ""
    for claim in (
        "redis-bridge +one veth of docker0 is the peer of its eth0",
        "redis-bridge +its gateway is docker0's address",
        "redis-container +its network mode names httpd's id",
        "redis-container +an answer over httpd's address",
        "redis-host +it is not among the ports of docker0",
        "redis-host +an answer over the host's port",
        "redis-none +it has nothing but lo",
        "redis-none +PONG over the unix socket",
    ):
        assert re.search("ok +" + claim, newcomer.first), f"{claim}\n{newcomer.first}"


def test_make_site_shows_the_topology(newcomer: Newcomer) -> None:
    tree = newcomer.first[newcomer.first.rindex("── docker0") :]
    assert re.search(r"docker0 +172\.17\.0\.1/16", tree)
    assert re.search(r"veth\w+ ── httpd:eth0 .*\n.*redis-container +port 6379 +shares httpd's namespace", tree), tree
    assert re.search(r"veth\w+ ── redis-bridge:eth0 .*127\.0\.0\.1:6379→6379", tree), tree
    assert re.search(r"redis-host +port 6515", tree), tree
    assert re.search(r"redis-none +only lo", tree), tree


def test_readme_shows_what_make_site_prints(newcomer: Newcomer) -> None:
    readme = (CHECKOUT / "README.md").read_text()
    printed = {line.strip() for line in alike(newcomer.first).splitlines()}
    shown = [
        line
        for line in alike(readme).splitlines()
        if re.match(r"ok   redis|.*(── (docker0|host|isolated)|── redis-)", line)
    ]
    assert len(shown) == 15
    assert [line for line in shown if line.strip() not in printed] == []
    assert re.findall(r"eight of (\d+)", readme) == re.findall(r"(\d+) claims, all hold", newcomer.first)


def alike(text: str) -> str:
    """The text without what differs from run to run: the names of veths, and which container has which address."""
    return re.sub(r"veth\w{7}|172\.17\.0\.[23]\b|02:42:ac:11:00:0[23]", "…", text)


def test_docker_and_the_kernel_agree_with_what_was_shown(newcomer: Newcomer) -> None:
    modes = {
        name: newcomer.host.docker("inspect", "-f", "{{.HostConfig.NetworkMode}}", f"redis-{name}")
        for name in ("bridge", "container", "host", "none")
    }
    donor = newcomer.host.docker("inspect", "-f", "{{.Id}}", "httpd")
    assert modes.pop("bridge") in ("bridge", "default")
    assert modes == {"container": f"container:{donor}", "host": "host", "none": "none"}
    ports = {link["ifname"] for link in json.loads(newcomer.host.sh("ip -j link show master docker0"))}
    assert len(ports) == 2
    assert ports == set(re.findall(r"(veth\w+) ──", newcomer.first))
    for port in (6515, 6379):
        assert newcomer.types(asking(port, "PING")).startswith("-NOAUTH")
        password = "AUTH $(cat ~/.netmode-quickstart-password)"
        assert newcomer.types(asking(port, password)).startswith("+OK"), "the password of README's example"


def asking(port: int, said: str) -> str:
    return f'exec 3<>/dev/tcp/127.0.0.1/{port}; echo "{said}" >&3; head -n1 <&3'


def test_a_second_make_site_changes_nothing_and_builds_nothing(newcomer: Newcomer) -> None:
    said = newcomer.types("make site")
    assert nothing_changed(said), said
    assert "installing" not in said
    tasks = [name.rpartition(" : ")[2] for name in re.findall(r"^TASK \[(.*?)\]", said, re.MULTILINE)]
    assert tasks[0] == "Look at what would change, and refuse what cannot be"
    assert [name.partition(" ")[0] for name in tasks] == ["Look", "Show", "Show"], "one look at the host"


def test_make_verify_and_make_facts_read_only(newcomer: Newcomer) -> None:
    before = newcomer.host.state()
    said = newcomer.types("make verify"), newcomer.types("make facts")
    assert "claims, all hold" in said[0]
    assert "── docker0" in said[1]
    assert nothing_changed(said[0]), said[0]
    assert nothing_changed(said[1]), said[1]
    assert newcomer.host.state() == before


def test_check_mode_predicts_no_change_also_from_the_playbooks_own_directory(newcomer: Newcomer) -> None:
    said = newcomer.types(f"{ANSIBLE} site.yml --check --diff", where=f"{CLONE}/playbooks")
    assert nothing_changed(said), said


def test_the_playbook_runs_by_its_name_from_the_installed_archive(newcomer: Newcomer) -> None:
    newcomer.types("make build")
    newcomer.types("rm -rf .venv/collection .venv/lib/*/site-packages/ansible_collections/netmode")
    newcomer.types(
        ".venv/bin/ansible-galaxy collection install --offline build/netmode-docker-*.tar.gz -p /opt/collections"
    )
    run = f"ANSIBLE_COLLECTIONS_PATH=/opt/collections {ANSIBLE} -i {INVENTORY}"
    said = newcomer.types(f"{run} netmode.docker.site", where="/")
    assert nothing_changed(said), said
    assert "claims, all hold" in said


def test_make_teardown_leaves_no_container_and_keeps_the_data(newcomer: Newcomer) -> None:
    volumes = newcomer.host.docker("volume", "ls", "-q").split()
    assert volumes
    newcomer.types("make teardown")
    assert newcomer.host.docker("ps", "-aq") == ""
    assert newcomer.host.docker("volume", "ls", "-q").split() == volumes
    assert nothing_changed(newcomer.types("make teardown"))
