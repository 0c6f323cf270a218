# SPDX-License-Identifier: GPL-3.0-or-later
"""One site.yml over hosts of three Docker generations: predicted, done, proven across hosts, and then left alone."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

import pytest
from hosts import HOSTS, Play, address_of, changed, done, on, run_play, settled

pytestmark = pytest.mark.usefixtures("fleet")

NO_ENGINE = "No Docker Engine answers on this host yet."
REACHED = "Show from where each Redis is reached"


def container_steps(play: Play) -> dict[tuple[str, str], list[str]]:
    """(host, container) -> what was or would be done; that an image is pulled before is told by another task."""
    return {
        (task["host"], name): [action for action in one["actions"] if action != "pull"]
        for task in play.tasks
        if task["action"] == "netmode.docker.redis_deploy"
        for name, one in (task["result"].get("containers") or {}).items()
    }


def test_check_mode_predicts_the_first_run(fleet: tuple[Play, Play]) -> None:
    predicted, first = (container_steps(play) for play in fleet)
    assert {host for host, _ in changed(fleet[0])} == {host for host, _ in changed(fleet[1])}
    assert {key: steps for key, steps in first.items() if key in predicted} == predicted
    unpredicted = {host for host, _ in set(first) - set(predicted)}
    said = {task["host"] for task in fleet[0].tasks if NO_ENGINE in str(task["result"].get("msg"))}
    assert unpredicted == said <= {"forky"}


def test_a_second_run_changes_nothing_and_check_mode_says_so() -> None:
    settled(run_play("site.yml", "--check", "--diff"))
    settled(run_play("site.yml"))


def test_three_generations() -> None:
    versions = [on(host).docker("version", "-f", "{{.Server.Version}}").split(".")[0] for host in HOSTS]
    assert versions == ["20", "26", "28"]
    init = [on(host).sh("cat /proc/1/comm") for host in HOSTS]
    assert init[:2] == ["systemd", "systemd"]
    assert init[2] != "systemd"
    assert [on(host).sh("ip -4 -o addr show docker0").split()[3] for host in HOSTS] == ["172.17.0.1/16"] * 3


def test_images_come_by_tag_by_digest_and_where_no_registry_is_reached_from_an_archive() -> None:
    repository = "172.31.0.5:5000/redis"
    used = [on(host).docker("inspect", "-f", "{{.Config.Image}}", name) for host, name in
            (("bookworm", "cache"), ("trixie", "side"), ("forky", "redis"))]  # fmt: skip
    assert used[0] == f"{repository}:lab"
    assert re.fullmatch(rf"{repository}@sha256:[0-9a-f]{{64}}", used[1])
    assert used[2] == "redis:lab"
    reached = [on(host).run("curl", "-sm", "3", "http://172.31.0.5:5000/v2/", check=False).returncode for host in HOSTS]
    assert reached[:2] == [0, 0]
    assert reached[2] != 0
    ids = {on(host).docker("image", "inspect", "-f", "{{.Id}}", image) for host, image in zip(HOSTS, used)}
    assert len(ids) == 1


# --- across hosts ---------------------------------------------------------------------------------------------------


def reaches(host: str, address: str, port: int) -> bool:
    """By bash and the kernel alone: whether a Redis at this address answers this host."""
    asked = f"exec 3<>/dev/tcp/{address}/{port} && echo PING >&3 && head -n1 <&3"  # what is dropped never answers
    said = on(host).run("timeout", "5", "bash", "-c", asked, check=False).stdout
    return said.startswith(("+PONG", "-NOAUTH"))


@pytest.mark.parametrize("witness", HOSTS)
def test_what_is_published_is_reached_from_everywhere_and_what_is_not_from_nowhere(witness: str) -> None:
    assert reaches(witness, address_of("bookworm"), 6379)  # bridge, published
    assert reaches(witness, address_of("trixie"), 6379)  # container, published by the donor
    assert reaches(witness, address_of("forky"), 6515)  # host
    assert not reaches(witness, address_of("trixie"), 6400)  # bridge, published on the loopback
    local = on("trixie").docker("inspect", "-f", "{{.NetworkSettings.Networks.bridge.IPAddress}}", "local")
    assert reaches(witness, local, 6379) == (witness == "trixie")  # docker0 ends at its host
    assert reaches(witness, "172.17.200.5", 6379) == (witness == "bookworm")  # none, with an interface on docker0


def matrix(play: Play) -> list[str]:
    """The rows of the matrix that the play showed, and its sum."""
    shown: Any = play.task(REACHED)["msg"]
    return shown.split("\n")[1:] if isinstance(shown, str) else shown[1:]


def test_the_matrix_has_every_cell_expected_and_observed_and_no_log_shows_a_password() -> None:
    play = done(run_play("verify.yml", "-vvv"))
    assert "lab-password" not in play.stdout
    *rows, total = matrix(play)
    local = on("trixie").docker("inspect", "-f", "{{.NetworkSettings.Networks.bridge.IPAddress}}", "local")
    expected = {
        ("bookworm", "cache", f"{address_of('bookworm')}:6379"): ["yes", "yes", "yes"],
        ("bookworm", "sealed", f"{address_of('bookworm')}:6379"): ["no", "no", "no"],
        ("bookworm", "vault", "172.17.200.5:6379"): ["yes", "no", "no"],
        ("bookworm", "vault", f"{address_of('bookworm')}:6379"): ["no", "no", "no"],
        ("trixie", "side", f"{address_of('trixie')}:6379"): ["yes", "yes", "yes"],
        ("trixie", "local", f"{local}:6379"): ["no", "yes", "no"],
        ("trixie", "local", f"{address_of('trixie')}:6400"): ["no", "no", "no"],
        ("forky", "redis", f"{address_of('forky')}:6515"): ["yes", "yes", "yes"],
        ("forky", "redis", f"{address_of('forky')}:6516"): ["yes", "yes", "yes"],  # over TLS
    }
    found = {tuple(row.split()[:3]): re.findall(r"\b(yes|no): ", row) for row in rows}
    assert {key: found.get(key) for key in expected} == expected
    assert len(found) == 11
    assert total.startswith("33 cells, all as expected")


def test_the_page_has_every_container_veth_and_address_that_docker_and_the_kernel_tell(tmp_path: Path) -> None:
    file = tmp_path / "topology.html"
    play = done(run_play("topology.yml", topology_page=str(file), target="all"))
    assert {name.rpartition(" : ")[2] for _, name in changed(play)} == {"Write the page"}
    answers, *sections = file.read_text(encoding="utf-8").split("<section class=machine ")
    assert set(HOSTS) <= {section.partition('"')[2].partition('"')[0] for section in sections}
    assert "Who reaches whom" in answers
    found: list[list[str]] = []
    for host in HOSTS:
        (section,) = (one for one in sections if one.startswith(f'id="{host}"'))
        shown = set(html.unescape(re.sub(r"<[^>]*>", "\n", section)).split("\n"))
        names = on(host).docker("ps", "-a", "--format", "{{.Names}}").split()
        veths = re.findall(r"^\d+: ([^@:]+)", on(host).sh("ip -o link show type veth"), re.MULTILINE)
        bridges = re.findall(r"^\d+: ([^@:]+)", on(host).sh("ip -o link show type bridge"), re.MULTILINE)
        template = "{{range .NetworkSettings.Networks}}{{.IPAddress}}/{{.IPPrefixLen}} {{.MacAddress}} {{end}}"
        known = on(host).docker("inspect", "-f", template, *names).split()
        addresses = [word for word in known if re.fullmatch(r"[\d.]+/[1-9]\d*|[0-9a-f:]{17}", word)]
        assert not {*names, *veths, *bridges, *addresses} - shown, host
        found += [names, veths, bridges, addresses]
    assert [len(names) for names in found[::4]][2:] == [1]  # forky has one container, in host mode
    assert all(found[:8])


def test_a_cell_that_is_not_as_expected_fails_the_host_that_is_not_reached() -> None:
    drop = f"DOCKER-USER -s {address_of('trixie')} -p tcp --dport 6379 -j DROP"
    on("bookworm").sh(f"iptables -I {drop}")
    try:
        play = run_play("verify.yml")
    finally:
        on("bookworm").sh(f"iptables -D {drop}")
    assert play.rc == 2
    wrong = [row for row in matrix(play) if "FAIL" in row]
    assert len(wrong) == 1
    assert re.search(r"bookworm +cache .*yes: NOAUTH +yes: timeout  FAIL +yes: NOAUTH", wrong[0])
    (failed,) = play.failed
    assert failed["host"] == "bookworm"
    assert str(failed["result"]["msg"]).startswith("trixie: not as the network modes of bookworm say.")
