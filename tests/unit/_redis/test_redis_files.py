# SPDX-License-Identifier: GPL-3.0-or-later
"""redis.conf on hosts: what is written, what is refused, what a diff tells."""

from __future__ import annotations

import errno
import os
import socket
from typing import TYPE_CHECKING, Any, Callable

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._redis import files

if TYPE_CHECKING:
    from pathlib import Path


def instance(root: Path, **given: Any) -> dict[str, Any]:
    return {
        "name": "cache", "state": "present", "directory": str(root / "conf" / "cache"), "volume": None,
        "socket_directory": str(root / "run" / "cache"), "uid": os.getuid(), "gid": os.getgid(), "socket_mode": "770",
        "lines": ["port 6379", "appendonly no"], "secrets": ['requirepass "old"'], "operator": False, **given,
    }  # fmt: skip


def observe(wanted: dict[str, Any], group: str = "") -> dict[str, files.Found]:
    return files.observe([wanted], files.access_of([wanted], group))


def steps(wanted: dict[str, Any], group: str = "") -> list[files.Step]:
    return files.plan([wanted], observe(wanted, group))


def bring(wanted: dict[str, Any], group: str = "") -> list[files.Step]:
    done = steps(wanted, group)
    for step in done:
        files.apply(step, files.access_of([wanted], group))
    return done


def test_written_once_with_narrow_permissions_and_then_left_alone(tmp_path: Path) -> None:
    assert len(bring(instance(tmp_path))) == 1
    assert bring(instance(tmp_path)) == []
    conf = tmp_path / "conf" / "cache" / "redis.conf"
    assert conf.read_text().splitlines()[1:] == ["port 6379", "appendonly no", 'requirepass "old"']
    assert conf.stat().st_mode & 0o777 == 0o600
    assert conf.parent.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in conf.parent.iterdir()] == ["redis.conf"]


@pytest.mark.parametrize(
    ("mode", "group", "own", "above"),
    [
        ("770", "", 0o750, 0o700),
        ("700", "", 0o700, 0o700),
        ("777", "", 0o755, 0o711),
        ("750", "", 0o700, 0o700),  # who may not write cannot connect
        ("770", str(os.getgid()), 0o2750, 0o710),
        ("760", str(os.getgid()), 0o2750, 0o710),
        ("700", str(os.getgid()), 0o2700, 0o700),
        ("777", str(os.getgid()), 0o2755, 0o711),
        ("707", str(os.getgid()), 0o2705, 0o711),
    ],
)
def test_o16_the_directories_of_a_socket_let_through_whom_its_mode_lets_in(
    tmp_path: Path, mode: str, group: str, own: int, above: int
) -> None:
    wanted = instance(tmp_path, socket_mode=mode)
    assert len(bring(wanted, group)) == 1
    assert bring(wanted, group) == []
    directory = tmp_path / "run" / "cache"
    assert (directory.stat().st_mode & 0o7777, directory.parent.stat().st_mode & 0o7777) == (own, above)


@pytest.mark.parametrize(("group", "own"), [("", 0o700), (str(os.getgid()), 0o2750)])
def test_o16_where_everybody_gets_through_to_one_the_number_of_its_group_does_not_open_another(
    tmp_path: Path, group: str, own: int
) -> None:
    """The number belongs to others of the host (999 is systemd-journal), and the directory above is open."""
    open_to_all = instance(
        tmp_path,
        name="open",
        socket_mode="777",
        directory=f"{tmp_path}/conf/open",
        socket_directory=f"{tmp_path}/run/open",
    )
    both = [instance(tmp_path), open_to_all]
    access = files.access_of(both, group)
    for step in files.plan(both, files.observe(both, access)):
        files.apply(step, access)
    modes = {name: (tmp_path / "run" / name).stat().st_mode & 0o7777 for name in ("cache", "open")}
    assert modes == {"cache": own, "open": own | 0o055}
    assert (tmp_path / "run").stat().st_mode & 0o777 == 0o711
    assert files.plan(both, files.observe(both, access)) == []


@pytest.mark.parametrize("umask", [0o000, 0o002, 0o022, 0o027, 0o077])
@pytest.mark.parametrize("there", [False, True])
def test_o16_whatever_the_umask_of_a_run_root_alone_writes_and_the_group_gets_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, umask: int, *, there: bool
) -> None:
    own = (tmp_path / "etc" / "netmode", tmp_path / "lib" / "netmode")
    monkeypatch.setattr(files.redis_access, "OWN", own)
    wanted = instance(
        tmp_path, directory=f"{own[0]}/redis/cache", socket_directory=f"{own[1]}/redis/cache", socket_mode="770"
    )
    before = os.umask(umask)
    try:
        for path in own if there else ():
            path.mkdir(parents=True)
            (path / "other.json").touch()
        assert len(bring(wanted, str(os.getgid()))) == 1
        assert bring(wanted, str(os.getgid())) == []
    finally:
        os.umask(before)
    modes = [path.stat().st_mode & 0o7777 for path in (*own, own[0] / "redis", own[1] / "redis")]
    assert modes == [0o755, 0o755, 0o700, 0o710]
    own[1].chmod(0o700)  # of a run before
    assert len(bring(wanted, str(os.getgid()))) == 1
    assert bring(wanted, str(os.getgid())) == []


def test_o16_a_directory_of_the_users_own_above_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "conf" / "theirs").mkdir(parents=True)
    mode = (tmp_path / "conf").stat().st_mode
    bring(instance(tmp_path))
    assert (tmp_path / "conf").stat().st_mode == mode
    assert (tmp_path / "run").stat().st_mode & 0o777 == 0o700
    assert bring(instance(tmp_path)) == []


def test_o17_directories_of_others_that_hold_a_redis_are_not_closed_and_ours_beside_them_goes_whole(
    tmp_path: Path,
) -> None:
    """Instances that somebody manages manually: ``redis_config_dir`` names where they lie."""
    for where, name in (("conf", "redis.conf"), ("run", "redis.sock")):
        (tmp_path / where / "theirs").mkdir(parents=True)
        (tmp_path / where / "theirs" / name).write_text("port 1\n")
        (tmp_path / where).chmod(0o755)
    before = tree(tmp_path)
    bring(instance(tmp_path))
    assert [(tmp_path / where).stat().st_mode & 0o777 for where in ("conf", "run")] == [0o755] * 2
    assert bring(instance(tmp_path)) == []
    bring(instance(tmp_path, state="absent"))
    files.tidy([instance(tmp_path, state="absent")])
    assert tree(tmp_path) == before


def test_o17_what_an_inventory_before_has_made_is_ours_still(tmp_path: Path) -> None:
    bring(instance(tmp_path, name="old", directory=f"{tmp_path}/conf/old", socket_directory=f"{tmp_path}/run/old"))
    for where in ("conf", "run"):
        (tmp_path / where).chmod(0o755)
    bring(instance(tmp_path))
    assert [(tmp_path / where).stat().st_mode & 0o777 for where in ("conf", "run")] == [0o700] * 2


def test_o16_a_host_of_an_older_run_converges(tmp_path: Path) -> None:
    wanted = instance(tmp_path)
    bring(wanted)
    os.system(f"cd {tmp_path}; chmod 755 conf run; chmod 750 conf/cache run/cache; chmod 640 conf/cache/redis.conf")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "run" / "cache" / "redis.sock"))
        assert [step.before == step.after for step in bring(wanted)] == [True], "its content stays"
        assert bring(wanted) == []


def test_o16_a_group_that_the_host_does_not_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NetmodeError, match="socket_group: this host has no group 'nobody-knows'"):
        bring(instance(tmp_path), "nobody-knows")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "spoil", ["chmod 644 {}/redis.conf", "chmod 777 {}", "rm {}/redis.conf", "echo x >>{}/redis.conf"]
)
def test_what_was_changed_by_hand_is_fixed(tmp_path: Path, spoil: str) -> None:
    bring(instance(tmp_path))
    os.system(spoil.format(tmp_path / "conf" / "cache"))
    assert len(bring(instance(tmp_path))) == 1
    assert bring(instance(tmp_path)) == []


def test_a_link_in_the_place_of_the_file_is_not_followed(tmp_path: Path) -> None:
    bring(instance(tmp_path))
    conf, other = tmp_path / "conf" / "cache" / "redis.conf", tmp_path / "other"
    other.write_text("root's own\n")
    conf.unlink()
    conf.symlink_to(other)
    with pytest.raises(NetmodeError, match=r"redis\.conf"):
        bring(instance(tmp_path))
    assert other.read_text() == "root's own\n"


def test_a_diff_says_that_a_secret_changes_and_never_what_it_is(tmp_path: Path) -> None:
    bring(instance(tmp_path))
    (step,) = steps(instance(tmp_path, secrets=['requirepass "new"']))
    diff = files.difference(step)
    assert "old" not in str(diff["before"])
    assert "new" not in str(diff["after"])
    assert diff["before"] != diff["after"]


def test_removal_takes_the_empty_directories_of_our_name_with_the_last_instance(tmp_path: Path) -> None:
    root = tmp_path / "netmode"
    one, two = instance(root), instance(root, name="two", directory=str(root / "conf" / "two"))
    two["socket_directory"] = str(root / "run" / "two")
    bring(one)
    bring(two)
    for wanted in (one, two):
        wanted["state"] = "absent"
        bring(wanted)
        files.tidy([wanted])
        assert (root / "conf").exists() == (wanted is one)
    assert list(tmp_path.iterdir()) == []


def tree(root: Path) -> dict[str, tuple[int, int, int]]:
    return {
        str(path.relative_to(root)): (path.lstat().st_mode, path.lstat().st_uid, path.lstat().st_gid)
        for path in sorted(root.rglob("*"))
    }


OTHERS: dict[str, Callable[[Path], object]] = {
    "a file": lambda at: (at / "index.html").write_text("x"),
    "a hidden file": lambda at: (at / ".keep").write_text("x"),
    "a directory": lambda at: (at / "sub").mkdir(),
    "a link": lambda at: (at / "users.acl").symlink_to("/etc/passwd"),
    "a link as the socket": lambda at: (at / "redis.sock").symlink_to("/etc/passwd"),
    "a file as the socket": lambda at: (at / "redis.sock").write_text("x"),
    "a file nearly of our name": lambda at: (at / ".redis.conf.0123456789abcdeX").write_text("x"),
}


@pytest.mark.parametrize("other", OTHERS)
def test_o17_what_others_put_into_a_directory_stays_and_is_told(tmp_path: Path, other: str) -> None:
    bring(instance(tmp_path))
    conf, run = tmp_path / "conf" / "cache", tmp_path / "run" / "cache"
    for directory in (conf, run):
        OTHERS[other](directory)
    kept = {name: entry for name, entry in tree(tmp_path).items() if not name.endswith("redis.conf")}
    gone = instance(tmp_path, state="absent")
    assert len(files.gone(gone).left) == 2
    assert len(bring(gone)) == 1
    assert tree(tmp_path) == kept
    assert bring(gone) == [], "it is told again, and nothing is left to do"
    assert len(files.gone(gone).left) == 2


@pytest.mark.parametrize("other", OTHERS)
def test_o17_a_directory_of_others_is_neither_taken_over_nor_removed(tmp_path: Path, other: str) -> None:
    """An instance that is called like a directory of ``redis_config_dir: /srv``, or of ``redis_socket_dir``."""
    for where in ("conf", "run"):
        root = tmp_path / where
        (root / where / "cache").mkdir(parents=True)
        OTHERS[other](root / where / "cache")
        before = tree(root)
        with pytest.raises(NetmodeError, match=f"instance cache: {root / where / 'cache'} is there, and was not made"):
            bring(instance(root))
        assert bring(instance(root, state="absent")) == []
        files.tidy([instance(root, state="absent")])
        assert tree(root) == before


def test_o17_a_redis_conf_of_others_is_neither_overwritten_nor_removed(tmp_path: Path) -> None:
    """Debian's own is /etc/redis/redis.conf: redis_config_dir: /etc and an instance redis."""
    conf = tmp_path / "conf" / "cache" / "redis.conf"
    conf.parent.mkdir(parents=True)
    conf.write_text("# Redis configuration file example.\nport 6379\n")
    with pytest.raises(NetmodeError, match=r"its redis\.conf was written by somebody else"):
        bring(instance(tmp_path))
    assert bring(instance(tmp_path, state="absent")) == []
    assert conf.read_text().startswith("# Redis configuration")


def test_o17_a_link_in_the_place_of_a_directory_is_not_followed(tmp_path: Path) -> None:
    other = tmp_path / "other"
    bring(instance(tmp_path, directory=str(other), socket_directory=None))
    for where in ("conf", "run"):
        (tmp_path / where).mkdir()
        (tmp_path / where / "cache").symlink_to(other)
    before = tree(tmp_path)
    with pytest.raises(NetmodeError, match="was not made here"):
        bring(instance(tmp_path))
    gone = instance(tmp_path, state="absent")
    assert bring(gone) == []
    assert len(files.gone(gone).left) == 2
    assert tree(tmp_path) == before


def test_o17_directories_that_are_named_by_the_user_stay_with_what_is_in_them(tmp_path: Path) -> None:
    """``redis_config_dir: /srv``: /srv was there before, empty or not."""
    wanted = instance(tmp_path)
    bring(wanted)
    wanted["state"] = "absent"
    bring(wanted)
    files.tidy([wanted])
    assert list(tree(tmp_path)) == ["conf", "run"]


def _socket(at: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(at))


SPECIAL: dict[str, Callable[[Path], object]] = {
    "FIFO": os.mkfifo,
    "directory": lambda at: at.mkdir(),
    "symbolic link": lambda at: at.symlink_to("/dev/zero"),
    "socket": _socket,
}


@pytest.mark.parametrize("special", SPECIAL)
def test_o13_what_is_no_regular_file_is_refused_and_nobody_waits(tmp_path: Path, special: str) -> None:
    wanted = instance(tmp_path)
    bring(wanted)
    conf = tmp_path / "conf" / "cache" / "redis.conf"
    conf.unlink()
    SPECIAL[special](conf)
    with pytest.raises(NetmodeError, match=rf"instance cache: {conf} is a {special}, not a regular file"):
        steps(wanted)
    assert bring(instance(tmp_path, state="absent", socket_directory=None)) == []
    assert conf.lstat()


def test_o26_what_a_killed_run_left_of_a_file_goes_with_the_next(tmp_path: Path) -> None:
    bring(instance(tmp_path))
    conf = tmp_path / "conf" / "cache"
    for state in ("present", "absent"):
        (conf / ".redis.conf.0123456789abcdef").write_text("half")
        assert len(bring(instance(tmp_path, state=state))) == 1
        assert bring(instance(tmp_path, state=state)) == []
        assert not (conf / ".redis.conf.0123456789abcdef").exists()
    assert not conf.exists()


def test_o9_a_read_only_place_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring(instance(tmp_path))
    real = os.statvfs(tmp_path)
    flags = type("Flags", (), {"f_flag": real.f_flag | os.ST_RDONLY})
    monkeypatch.setattr(os, "statvfs", lambda place: flags if "run" in str(place) else real)
    assert steps(instance(tmp_path)) == []  # what is as it is to be is not written
    with pytest.raises(NetmodeError) as refused:
        steps(instance(tmp_path, lines=["port 1"]))
    assert str(refused.value) == (
        f"instance cache: {tmp_path}/run/cache: {tmp_path}/run/cache is on a read-only file system. Mount it writable."
    )


def test_what_fails_without_the_name_of_a_file_names_the_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_given: Any) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(files.redis_access, "give", fail)
    with pytest.raises(NetmodeError, match=f"instance cache: {tmp_path}/conf/cache: Read-only file system. Mount it"):
        bring(instance(tmp_path))
