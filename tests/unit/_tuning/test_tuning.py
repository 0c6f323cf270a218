# SPDX-License-Identifier: GPL-3.0-or-later
"""The tunables of a host for its Redis, over a tree of files that stands for /proc, /sys and /etc."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.netmode.docker.plugins.module_utils import _boot as boot
from ansible_collections.netmode.docker.plugins.module_utils._tuning import host as tunables
from ansible_collections.netmode.docker.plugins.module_utils._tuning import look, reconcile
from ansible_collections.netmode.docker.plugins.module_utils._tuning.host import OWN, PATHS
from ansible_collections.netmode.docker.plugins.module_utils._tuning.spec import HUGE_PAGES, OVERCOMMIT, SOMAXCONN

ASKED: dict[str, Any] = {"overcommit_memory": True, "huge_pages": True, "somaxconn": 511, "namespaces": []}
PAGES = {"always": "[always] madvise never", "madvise": "always [madvise] never", "never": "always madvise [never]"}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host of a kernel as it comes, without systemd; what it would run is noted."""
    (tmp_path / "etc").mkdir()
    set_up(tmp_path, {OVERCOMMIT: "0", SOMAXCONN: "128", HUGE_PAGES: PAGES["always"]})
    monkeypatch.setattr(boot, "_run", lambda *command: link(tmp_path, *command))
    monkeypatch.setattr(boot.shutil, "which", lambda command, **_: command)
    return tmp_path


def set_up(root: Path, values: dict[str, str], release: str = "6.1.0-18-amd64") -> None:
    for path, text in [*((PATHS[key], value) for key, value in values.items()), ("proc/sys/kernel/osrelease", release)]:
        write(root, path, text)


def write(root: Path, path: str, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(f"{text}\n")


def link(root: Path, *command: str) -> None:
    """What update-rc.d does."""
    assert command[0] == "update-rc.d"
    write(root, f"etc/rc2.d/S01{command[1]}", "")


def run(root: Path, *, check_mode: bool = False, **asked: Any) -> dict[str, Any]:
    return reconcile.run({**ASKED, **asked}, check_mode=check_mode, root=root)


@pytest.fixture(autouse=True)
def _kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of the kernel's says what is chosen among all: the brackets come back by themselves."""
    real = tunables._value

    def value(key: str, path: Path) -> str:
        if key == HUGE_PAGES and path.exists() and path.read_text().strip() in PAGES:
            path.write_text(PAGES[path.read_text().strip()])
        return real(key, path)

    monkeypatch.setattr(tunables, "_value", value)


def values(root: Path) -> dict[str, str]:
    return tunables.observe(root).values


def tree(root: Path) -> dict[str, str]:
    return {str(path.relative_to(root)): path.read_text().strip() for path in sorted(root.rglob("*")) if path.is_file()}


def test_check_mode_predicts_the_run_sets_and_a_second_run_changes_nothing(root: Path) -> None:
    before = tree(root)
    predicted = run(root, check_mode=True)
    assert tree(root) == before
    done = run(root)
    assert predicted == done
    assert {key: (one["before"], one["after"]) for key, one in done["tunables"].items()} == {
        OVERCOMMIT: ("0", "1"), SOMAXCONN: ("128", "511"), HUGE_PAGES: ("always", "madvise"),
    }  # fmt: skip
    assert values(root) == {OVERCOMMIT: "1", SOMAXCONN: "511", HUGE_PAGES: "madvise"}
    assert (done["changed"], done["warnings"]) == (True, [])
    again = run(root)
    assert (again["changed"], again["tunables"], again["warnings"]) == (False, {}, [])


def test_what_is_set_is_kept_for_the_next_start_with_what_it_was(root: Path) -> None:
    run(root)
    assert (root / OWN).read_text().splitlines()[1:] == [
        f"# {SOMAXCONN} was 128", f"{SOMAXCONN} = 511", f"# {OVERCOMMIT} was 0", f"{OVERCOMMIT} = 1",
    ]  # fmt: skip
    program = root / "etc/init.d/netmode-host-tuning"
    assert stat.S_IMODE(program.stat().st_mode) == 0o755
    assert "transparent_hugepage=madvise\n" in program.read_text()
    assert 'echo "$transparent_hugepage" >/sys/kernel/mm/transparent_hugepage/enabled\n' in program.read_text()
    assert (root / "etc/rc2.d/S01netmode-host-tuning").exists()


def test_it_is_taken_back_and_nothing_is_left(root: Path) -> None:
    before = tree(root)
    run(root)
    taken = run(root, state="absent", docker_host="unix:///nowhere", timeout=1, pending=[], check_mode=True)
    assert run(root, state="absent", docker_host="unix:///nowhere", timeout=1, pending=[]) == taken
    assert taken["changed"]
    assert tree(root) == before
    assert not run(root, state="absent", docker_host="unix:///nowhere", timeout=1, pending=[])["changed"]


def test_what_somebody_has_set_since_is_not_taken_back(root: Path) -> None:
    run(root)
    write(root, PATHS[OVERCOMMIT], "2")
    write(root, PATHS[HUGE_PAGES], PAGES["never"])
    run(root, state="absent", docker_host="unix:///nowhere", timeout=1, pending=[])
    assert values(root) == {OVERCOMMIT: "2", SOMAXCONN: "128", HUGE_PAGES: "never"}
    assert not (root / OWN).exists()


def test_what_was_right_before_is_not_of_our_making_and_is_not_taken_back(root: Path) -> None:
    set_up(root, {OVERCOMMIT: "1", SOMAXCONN: "4096", HUGE_PAGES: PAGES["never"]})
    before = tree(root)
    assert not run(root)["changed"]
    assert not run(root, state="absent", docker_host="unix:///nowhere", timeout=1, pending=[])["changed"]
    assert tree(root) == before


def test_what_is_set_by_others_meanwhile_is_set_again_and_what_it_was_at_first_is_kept(root: Path) -> None:
    run(root)
    write(root, PATHS[OVERCOMMIT], "0")
    assert list(run(root)["tunables"]) == [OVERCOMMIT]
    run(root, somaxconn=1024)
    assert f"# {SOMAXCONN} was 128\n{SOMAXCONN} = 1024\n" in (root / OWN).read_text()
    run(root, state="absent", docker_host="unix:///nowhere", timeout=1, pending=[])
    assert values(root) == {OVERCOMMIT: "0", SOMAXCONN: "128", HUGE_PAGES: "always"}


@pytest.mark.parametrize("gone", [OWN, "etc/init.d/netmode-host-tuning", "etc/rc2.d/S01netmode-host-tuning"])
def test_a_file_for_the_next_start_that_somebody_removed_or_changed_is_no_longer_ours_or_is_written_again(
    root: Path, gone: str
) -> None:
    run(root)
    (root / gone).unlink()
    told = run(root)
    assert (told["changed"], told["tunables"]) == (gone != OWN, {})
    assert not run(root)["changed"]


ASKED_FOR = {"overcommit_memory": False, "huge_pages": False, "somaxconn": 0}


@pytest.mark.parametrize(
    ("asked", "found", "after"),
    [
        ({"overcommit_memory": True}, {OVERCOMMIT: "0"}, {OVERCOMMIT: "1"}),
        ({"overcommit_memory": True}, {OVERCOMMIT: "1"}, {}),
        ({"overcommit_memory": True}, {}, {}),
        ({}, {OVERCOMMIT: "0", SOMAXCONN: "128", HUGE_PAGES: PAGES["always"]}, {}),
        ({"somaxconn": 511}, {SOMAXCONN: "128"}, {SOMAXCONN: "511"}),
        ({"somaxconn": 511}, {SOMAXCONN: "511"}, {}),
        ({"somaxconn": 511}, {SOMAXCONN: "4096"}, {}),
        ({"somaxconn": 8192}, {SOMAXCONN: "4096"}, {SOMAXCONN: "8192"}),
        ({"huge_pages": True}, {HUGE_PAGES: PAGES["always"]}, {HUGE_PAGES: "madvise"}),
        ({"huge_pages": True}, {HUGE_PAGES: PAGES["madvise"]}, {}),
        ({"huge_pages": True}, {HUGE_PAGES: PAGES["never"]}, {}),
        ({"huge_pages": True}, {HUGE_PAGES: ""}, {}),
    ],
)
def test_each_is_set_only_where_it_is_asked_for_and_has_an_effect(
    tmp_path: Path, asked: dict[str, Any], found: dict[str, str], after: dict[str, str]
) -> None:
    set_up(tmp_path, found)
    told = run(tmp_path, **{**ASKED_FOR, **asked}, check_mode=True)
    assert {key: one["after"] for key, one in told["tunables"].items()} == after
    assert (told["changed"], told["warnings"]) == (bool(after), [])


@pytest.mark.parametrize(
    ("prepare", "key", "why"),
    [
        ({"etc/sysctl.conf": "vm.overcommit_memory=0"}, OVERCOMMIT, "/etc/sysctl.conf says so: it stays"),
        ({"etc/sysctl.d/10-own.conf": "# ours\nvm/overcommit_memory = 0"}, OVERCOMMIT, "10-own.conf says so"),
        ({"etc/sysctl.d/99-z.conf": "-net.core.somaxconn=128", "etc/sysctl.d/10-a.conf": "net.core.somaxconn=9999"},
         SOMAXCONN, "/etc/sysctl.d/99-z.conf says so"),
        ({PATHS[OVERCOMMIT]: "2"}, OVERCOMMIT, "vm.overcommit_memory is 2, and a host that was given that keeps it"),
    ],
)  # fmt: skip
def test_what_an_administrator_chose_stays_and_a_warning_says_so(
    root: Path, prepare: dict[str, str], key: str, why: str
) -> None:
    for path, text in prepare.items():
        write(root, path, text)
    told = run(root)
    assert key not in told["tunables"]
    (warning,) = told["warnings"]
    assert why in warning
    assert warning.endswith("With redis_host_tuning: false nothing is tuned, and nothing is said of it.")
    again = run(root)
    assert (again["changed"], again["warnings"]) == (False, [warning])


@pytest.mark.parametrize(
    "prepare",
    [
        {"etc/sysctl.d/99-z.conf": "vm.overcommit_memory=1"},
        {"etc/sysctl.d/10-a.conf": "vm.overcommit_memory=0", "etc/sysctl.d/99-z.conf": "vm.overcommit_memory=1"},
        {"etc/sysctl.d/99-z.conf": "#vm.overcommit_memory=0"},
        {"usr/lib/sysctl.d/50-default.conf": "vm.overcommit_memory=0"},
        {"etc/sysctl.d/99-z.conf.bak": "vm.overcommit_memory=0"},
    ],
)
def test_what_an_administrator_did_not_choose_otherwise_is_set(root: Path, prepare: dict[str, str]) -> None:
    for path, text in prepare.items():
        write(root, path, text)
    told = run(root)
    assert (OVERCOMMIT in told["tunables"], told["warnings"]) == (True, [])


def test_what_cannot_be_set_is_told_and_fails_nothing(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    access = tunables.os.access
    fixed = {root / PATHS[OVERCOMMIT], root / PATHS[HUGE_PAGES]}
    monkeypatch.setattr(tunables.os, "geteuid", lambda: 0)
    monkeypatch.setattr(tunables.os, "access", lambda path, how: path not in fixed and access(path, how))
    monkeypatch.setattr(tunables._files.os, "fchown", lambda *_: None)
    told = run(root)
    assert list(told["tunables"]) == [SOMAXCONN]
    assert len(told["warnings"]) == 2
    assert "/proc/sys/vm/overcommit_memory cannot be written here. Redis asks for 1" in told["warnings"][0]
    again = run(root)
    assert (again["changed"], again["warnings"]) == (False, told["warnings"])


def test_what_the_kernel_does_not_take_is_told_and_not_kept(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        tunables, "set_value", lambda _root, key, _value: "" if key == OVERCOMMIT else "Invalid argument"
    )
    told = run(root, huge_pages=False)
    assert (told["changed"], list(told["tunables"])) == (True, [OVERCOMMIT])
    assert told["warnings"] == [f"{SOMAXCONN} stays 128: the kernel does not take 511 (Invalid argument)."]
    assert SOMAXCONN not in (root / OWN).read_text()


def test_a_directory_that_cannot_be_written_is_told(root: Path) -> None:
    (root / "etc/sysctl.d").write_text("")
    told = run(root, huge_pages=False)
    assert values(root)[OVERCOMMIT] == "1"
    (warning,) = told["warnings"]
    assert "What was set holds until the next start of the host." in warning


NAMESPACES = [
    {"container": "cache", "backlog": 511, "made_here": True},
    {"container": "busy", "backlog": 8192, "made_here": True},
    {"container": "web", "backlog": 511, "made_here": False},
]


@pytest.mark.parametrize(
    ("release", "sysctls", "warned"),
    [
        ("6.1.0-18-amd64", ["busy"], []),
        ("5.4.0", ["busy"], []),
        ("5.10.0", ["busy"], []),
        ("4.18.0-553.el8.x86_64", ["cache", "busy"], ["web"]),
        ("5.3.18-lp152", ["cache", "busy"], ["web"]),
        ("", ["cache", "busy"], ["web"]),
    ],
)
def test_a_namespace_is_given_more_only_where_it_begins_with_less(
    root: Path, monkeypatch: pytest.MonkeyPatch, release: str, sysctls: list[str], warned: list[str]
) -> None:
    set_up(root, {OVERCOMMIT: "1"}, release)
    monkeypatch.setattr(look, "Engine", lambda *_: Info([]))
    told = run(root, **{**ASKED_FOR, "namespaces": NAMESPACES}, docker_host="", timeout=1)
    backlogs = {one["container"]: str(one["backlog"]) for one in NAMESPACES}
    assert told["sysctls"] == {name: {SOMAXCONN: backlogs[name]} for name in sysctls}
    assert len(told["warnings"]) == len(warned)
    assert all("namespace of web" in one and "{net.core.somaxconn: 511}" in one for one in told["warnings"])
    assert not told["changed"]


class Info:
    """An engine that says how its containers' users are."""

    def __init__(self, options: list[str]) -> None:
        self.options = options

    def get(self, path: str) -> Any:
        assert path == "/info"
        return {"SecurityOptions": self.options, "DockerRootDir": "/var/lib/docker/100000.100000"}


def test_an_engine_that_remaps_users_is_not_asked_to_set_what_the_kernel_does_not_have_there(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(look, "Engine", lambda *_: Info(["name=seccomp,profile=default", "name=userns"]))
    told = run(root, **{**ASKED_FOR, "namespaces": NAMESPACES[1:2]}, docker_host="", timeout=1)
    assert told["sysctls"] == {}
    assert "namespace of busy" in told["warnings"][0]
    assert "userns-remap" in told["warnings"][0]


class Others:
    """An engine with containers of the role."""

    def get(self, path: str, **_: Any) -> Any:
        assert path == "/containers/json"
        labels = {"netmode.docker.role": "redis"}
        return [
            {"Names": ["/mine"], "Labels": labels},
            {"Names": ["/theirs"], "Labels": labels},
            {"Names": ["/web"], "Labels": {}},
        ]


def test_it_stays_while_another_redis_needs_it(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(root)
    before = tree(root)
    monkeypatch.setattr(look, "Engine", lambda *_: Others())
    told = run(root, state="absent", docker_host="", timeout=1, pending=["mine"])
    assert (told["changed"], told["needed_by"]) == (False, ["theirs"])
    assert tree(root) == before
    told = run(root, state="absent", docker_host="", timeout=1, pending=["mine", "theirs"])
    assert (told["changed"], told["needed_by"]) == (True, [])
