# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of the keeper's service: what is refused, what changes, what is left alone."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._keeper import journal, notes, service, trust
from ansible_collections.netmode.docker.plugins.module_utils._keeper.plan import Pace

SOCKET = "unix:///var/run/docker.sock"


def test_what_the_program_is_started_with() -> None:
    assert service.options(SOCKET, ["ab", "b.c"]) == [f"--docker-host={SOCKET}", "--ignore=ab", "--ignore=b.c"]


@pytest.mark.parametrize("docker_host", ["tcp://127.0.0.1:2375", "/var/run/docker.sock", "unix:///a b", "unix:///%h"])
def test_what_is_no_socket_is_refused(docker_host: str) -> None:
    with pytest.raises(NetmodeError, match=r"^docker_host: .* is not a socket"):
        service.options(docker_host, [])


@pytest.mark.parametrize("name", ["", "a", "two words", "--docker-host=x", "a;b"])
def test_what_is_no_name_of_a_container_is_refused(name: str) -> None:
    with pytest.raises(NetmodeError, match=r"^ignore: .* is not a container name"):
        service.options(SOCKET, ["fine", name])


def test_a_file_is_written_whole_with_its_mode_and_then_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "unit"
    wanted = service.File(path, None, b"new", 0o755)
    assert service.plan("present", [wanted]) == [wanted]
    service.apply([wanted])
    assert (path.read_bytes(), path.stat().st_mode & 0o777, list(tmp_path.iterdir())) == (b"new", 0o755, [path])
    settled = wanted._replace(before=b"new")
    assert service.plan("present", [settled]) == []
    path.chmod(0o600)
    assert service.plan("present", [settled]) == [settled]


def test_absent_removes_what_is_there_and_nothing_else(tmp_path: Path) -> None:
    there, missing = tmp_path / "there", tmp_path / "missing"
    there.write_bytes(b"old")
    changes = service.plan(
        "absent", [service.File(there, b"old", b"new", 0o644), service.File(missing, None, b"new", 0o644)]
    )
    assert (there, None) in [(change.path, change.after) for change in changes]
    assert missing not in [change.path for change in changes]
    service.apply([change for change in changes if change.path == there])
    assert list(tmp_path.iterdir()) == []


HOURS = [-100_000, -5, 0, 5, 100_000]
"""By which a clock may be set back or forward between two of what is noted."""


@pytest.mark.parametrize("started", HOURS)
@pytest.mark.parametrize("written", HOURS)
def test_a_keeper_is_outdated_by_what_was_written_since_its_start_whatever_the_clock_says(
    started: int, written: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(hours: int) -> None:
        service.apply([file])
        os.utime(path, (begun + 3600 * hours,) * 2)

    begun, path = time.time(), tmp_path / "program"
    file = service.File(path, b"program", b"program", 0o755)
    for module in (notes, journal):
        monkeypatch.setattr(module, "STATE", tmp_path / "state.json")
    monkeypatch.setattr(service, "read_state", lambda: notes.read_state(tmp_path / "state.json"))
    monkeypatch.setattr(sys, "argv", [str(path)])
    monkeypatch.setattr(time, "time", lambda: max(0.0, begun + 3600 * started))
    write(written)
    assert not service._is_outdated([file])  # nothing has been said
    journal.Journal("unix:///x", [], Pace(), str).write()
    assert not service._is_outdated([file])
    write(0)
    assert service._is_outdated([file])


@pytest.mark.parametrize("state", ["present", "absent"])
def test_o9_a_place_where_no_file_can_be_written_is_refused_by_the_plan(
    state: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    for place in ("none-such", "file"):
        with pytest.raises(NetmodeError, match=f"{place} is no directory"):
            service.plan(state, [service.File(tmp_path / place / "keeper", b"old", b"new", 0o755)])
    monkeypatch.setattr(service._files, "read_only", lambda path: path)
    with pytest.raises(NetmodeError, match=f"{tmp_path} is read-only"):
        service.plan(state, [service.File(tmp_path / "keeper", b"old", b"new", 0o755)])


def test_o9_the_program_is_not_the_file_of_its_service(tmp_path: Path) -> None:
    for init, unit in (("systemd", service.UNIT), ("sysv", service.SCRIPT)):
        with pytest.raises(NetmodeError, match="is the file of the service"):
            service.files(init, "present", unit, [], "/var/log/keeper.log", b"")


# --- O13: what root runs, and how it is quoted ------------------------------------------------------------------------

ODD = [
    "/usr/local/sbin/k'x",
    "/srv/a b",
    "/srv/$HOME",
    "/srv/`id`",
    "/srv/a;b&c|d",
    '/srv/"q"',
    "/srv/100%",
    "/srv/a\\b",
]


@pytest.mark.parametrize("path", ODD)
def test_o13_a_path_and_a_log_file_are_words_to_the_shell(path: str, tmp_path: Path) -> None:
    """The script's own assignments and options, as a shell reads them."""
    script = service._script_text(Path(path), ["--docker-host=unix:///run/a$b;c.sock"], f"{path}.log")
    shown = re.sub(
        r"start-stop-daemon --start .*? -- ", 'printf \'%s\\\\n\' "$program" "$log" ', script, flags=re.DOTALL
    )
    done = subprocess.run(["sh", "-c", shown, "x", "start"], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.splitlines() == [path, f"{path}.log", "supervise", "--docker-host=unix:///run/a$b;c.sock"]


@pytest.mark.parametrize("path", ["relative/x", "/a\nb", "/a\x00b", "/a\x1bb", "", "~/x"])
def test_o13_what_is_no_path_is_refused_by_its_option(path: str) -> None:
    with pytest.raises(NetmodeError, match=r"^path: .* is not the absolute path"):
        service.files("systemd", "present", Path(path), [], "/var/log/x.log", b"")
    with pytest.raises(NetmodeError, match=r"^log_file: .* is not the absolute path"):
        service.files("systemd", "absent", Path("/usr/local/sbin/x"), [], path, b"")


@pytest.mark.parametrize("path", ["/a'b", '/a"b', "/a\\b"])
def test_o13_what_systemd_starts_from_no_path_is_refused(path: str) -> None:
    with pytest.raises(NetmodeError, match=r"^path: .* systemd starts no program"):
        service.files("sysv", "present", Path(path), [], "/var/log/x.log", b"")


def test_o13_options_are_words_to_systemd() -> None:
    text = service._unit_text(Path("/srv/a b%i$c"), ["--docker-host=unix:///run/$x;%y.sock"])
    assert 'ExecStart="/srv/a b%%i$c" run "--docker-host=unix:///run/$$x;%%y.sock"\n' in text


@pytest.fixture
def roots(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[int, int, int]]:
    """{path: (uid, gid, mode)} that lstat() shall tell; what is not in it is root's own."""
    owners: dict[str, tuple[int, int, int]] = {}
    lstat = Path.lstat

    def told(path: Path) -> os.stat_result:
        found = list(lstat(path))
        uid, gid, mode = owners.get(str(path), (0, 0, stat.S_IMODE(found[0]) & ~0o022))
        found[0], found[4], found[5] = stat.S_IFMT(found[0]) | mode, uid, gid
        return os.stat_result(found)

    monkeypatch.setattr(Path, "lstat", told)
    return owners


def test_o13_what_root_alone_can_change_is_told_over_the_whole_path(
    roots: dict[str, tuple[int, int, int]], tmp_path: Path
) -> None:
    real, linked = tmp_path / "real", tmp_path / "links"
    for directory in (real / "bin", linked):
        directory.mkdir(parents=True)
    (real / "bin" / "python").touch()
    (linked / "python").symlink_to("../links/other")
    (linked / "other").symlink_to(real / "bin" / "python")
    path = linked / "python"
    assert trust.weakness(path) == ""
    assert trust.weakness(tmp_path / "not" / "there") == ""
    for place in (tmp_path, linked, linked / "python", linked / "other", real, real / "bin", real / "bin" / "python"):
        roots[str(place)] = (1000, 0, 0o755)
        assert trust.weakness(path).startswith(f"{place} (")
        roots.clear()
    for mode, word in ((0o757, "writable by everyone"), (0o1777, "writable by everyone")):
        roots[str(real)] = (0, 0, mode)
        assert word in trust.weakness(path)
    (linked / "other").unlink()
    (linked / "other").symlink_to("python")
    roots.clear()
    assert "a link" in trust.weakness(path)


def test_o13_a_group_that_has_members_can_change_what_it_may_write(
    roots: dict[str, tuple[int, int, int]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    roots[str(tmp_path)] = (0, 50, 0o2775)
    monkeypatch.setattr(trust, "_has_members", lambda gid: gid != 50)
    assert trust.weakness(tmp_path / "x") == ""  # Debian's group staff, which is empty
    monkeypatch.setattr(trust, "_has_members", lambda gid: gid == 50)
    assert "writable by the group 50" in trust.weakness(tmp_path / "x")


def test_o13_the_system_s_python_steps_in_for_one_that_a_user_can_change(monkeypatch: pytest.MonkeyPatch) -> None:
    weak = {"/home/u/venv/bin/python": "/home/u (owned by u)"}
    monkeypatch.setattr(trust, "weakness", lambda path: weak.get(str(path), ""))
    monkeypatch.setattr(sys, "executable", "/home/u/venv/bin/python")
    assert trust.interpreter() == "/usr/bin/python3"
    weak["/usr/bin/python3"] = "/usr (owned by u)"
    with pytest.raises(NetmodeError, match="ansible_python_interpreter") as told:
        trust.interpreter()
    assert "/home/u (owned by u)" in str(told.value)
    monkeypatch.setattr(sys, "executable", "/usr/bin/python3")
    weak.clear()
    weak[os.__file__] = "its library (owned by u)"
    assert trust.interpreter() == "/usr/bin/python3"
