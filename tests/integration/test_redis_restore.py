# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups restored: every key and value of every kind, with an append-only file or without, and nothing lost on the way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import shapes
from backup_lab import BACKUPS, RESTORED, TAKEN, VARIABLES, ask, done, fill, instance, keys, run, writing
from lab import CHECKOUT
from played import aliases
from redis_lab import inspect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lab import Host, Play

pytestmark = [
    pytest.mark.engines,
    pytest.mark.spread,
    pytest.mark.usefixtures("shape_images", "no_files_left", "no_backups_left"),
]
DEBUG = {"settings": {"enable-debug-command": "local"}}
SHARER = {"name": "sharer", "command": ["busybox", "sleep", "9999"], "network_mode": "container:cache", "init": True}
CACHE = instance("cache", "redis", **DEBUG)
NEW = instance("new", "redis-8", network_mode="none", appendonly=False, **DEBUG)
CARD = {"name": "eth0", "bridge": "docker0", "addresses": ["172.17.200.5/16"]}
SEVERAL = [
    CACHE,
    instance("store", "redis-8", network_mode="none", interfaces=[CARD], appendonly=True, **DEBUG),
    instance("queue", "valkey-9", network_mode="host", port=7001, appendonly=False, **DEBUG),
    instance("older", "valkey-8", network_mode="none", appendonly=True, **DEBUG),
]


@pytest.fixture
def no_backups_left(host: Host) -> Iterator[None]:
    yield
    host.sh(f"rm -rf {BACKUPS}")


def digest(host: Host, name: str) -> str:
    """The server's own checksum over all keys and values."""
    found = ask(host, name, "debug", "digest")
    assert len(found) == 40, found
    return found


def restore(host: Host, name: str, instances: list[dict[str, Any]], *options: str, **more: Any) -> Play:
    given = {"redis_restore_instance": name, "redis_restore_backup": "latest", **more}
    return done(host, "restore", instances, options, **given)


def told(played: Play) -> dict[str, Any]:
    found: dict[str, Any] = played.task(RESTORED)["restored"]
    return found


def namespace(host: Host, name: str) -> str:
    return host.sh(f"readlink /proc/{inspect(host, name)['State']['Pid']}/ns/net")


def left_on(host: Host, name: str) -> list[str]:
    """What lies on the volume of an instance beside its data."""
    at = host.docker("volume", "inspect", "-f", "{{.Mountpoint}}", f"{name}-data")
    return [path.name for path in Path(at).iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize(
    "several",
    [[CACHE], pytest.param(SEVERAL, marks=pytest.mark.thorough)],
    ids=["one", "each server"],
)
def test_what_was_backed_up_while_a_client_wrote_is_restored_to_the_key(
    host: Host, several: list[dict[str, Any]]
) -> None:
    companions = [{**SHARER, "image": CACHE["image"]}]
    if len(several) > 1:
        shapes.make(host, [shapes.VALKEY_8])
    done(host, "role", several, redis_companions=companions)
    host.docker(
        "run", "-d", "--init", "--name", "outsider", "--network", "container:cache", CACHE["image"], *SHARER["command"]
    )
    wanted = {one["name"]: fill(host, one["name"]) for one in several}
    with writing("cache") as wrote:
        begun = int(ask(host, "cache", "llen", "log"))
        done(host, "backup", several, redis_companions=companions)
    sums = {name: digest(host, name) for name in wanted if name != "cache"}
    for name in wanted:
        assert ask(host, name, "flushall") == "OK"
        played = restore(host, name, several, redis_companions=companions)
        assert (told(played)["action"], told(played)["kept"], played.changed) == ("restore", None, 1), played.stdout
        assert left_on(host, name) == []
    assert len({namespace(host, name) for name in ("cache", "sharer", "outsider")}) == 1
    assert {name: digest(host, name) for name in sums} == sums
    assert digest(host, "cache") == told_digest(host, "cache", several, companions)
    assert {name: keys(host, name) for name in wanted} == {**wanted, "cache": {**wanted["cache"], 0: 1005}}
    entries = ask(host, "cache", "lrange", "log", "0", "-1").split()
    assert entries == [str(number + 1) for number in range(len(entries))]
    assert begun <= len(entries) <= wrote["acknowledged"]
    assert ask(host, "cache", "config", "get", "appendonly").split()[1] == "yes"
    if len(several) > 1:
        assert done(host, "role", several, redis_companions=companions).changed == 0
        proof = done(host, "verify", several, redis_companions=companions)
        assert "FAIL" not in proof.stdout
    for name in wanted:  # and it is kept over a restart
        before = digest(host, name)
        host.docker("restart", name)
        host.sh(
            f"until redis-cli -s /var/lib/netmode/redis/{name}/redis.sock ping | grep -q NOAUTH; do sleep 0.1; done"
        )
        assert digest(host, name) == before


def told_digest(host: Host, name: str, instances: list[dict[str, Any]], companions: list[dict[str, Any]]) -> str:
    """A second restore finds that all is there, and changes nothing: what it says then has no checksum, a first has."""
    started = inspect(host, name)["State"]["StartedAt"]
    for options in ((), ("--check",)):
        again = restore(host, name, instances, *options, redis_companions=companions)
        assert (told(again)["action"], again.changed) == ("nothing", 0)
    assert inspect(host, name)["State"]["StartedAt"] == started
    host.docker("restart", name, "sharer", "outsider")
    host.sh(f"until redis-cli -s /var/lib/netmode/redis/{name}/redis.sock ping | grep -q NOAUTH; do sleep 0.1; done")
    compared = restore(host, name, instances, redis_companions=companions)
    assert (told(compared)["action"], compared.changed) == ("nothing", 0)
    return str(told(compared)["digest"])


@pytest.mark.thorough
def test_data_that_the_backup_does_not_have_is_kept_and_comes_back(host: Host) -> None:
    done(host, "role", [CACHE])
    fill(host, "cache")
    first = digest(host, "cache")
    done(host, "backup", [CACHE])
    ask(host, "cache", "set", "newer", "1")
    later = digest(host, "cache")
    started = inspect(host, "cache")["State"]["StartedAt"]

    refused = run(host, "restore", [CACHE], redis_restore_backup="latest")
    assert "it has data that the backup cache-" in refused.failed[0]["result"]["msg"]
    predicted = restore(host, "cache", [CACHE], "--check", redis_restore_overwrite=True)
    assert (told(predicted)["action"], predicted.changed) == ("restore", 1)
    assert (digest(host, "cache"), inspect(host, "cache")["State"]["StartedAt"]) == (later, started)

    overwritten = told(restore(host, "cache", [CACHE], redis_restore_overwrite=True))
    assert (digest(host, "cache"), overwritten["digest"]) == (first, first)
    kept = Path(overwritten["kept"])
    assert json.loads(kept.with_suffix(".json").read_text())["keys"] == {"0": 1005, "5": 2}
    assert (overwritten["left"], left_on(host, "cache")) == (None, [])

    back = told(restore(host, "cache", [CACHE], redis_restore_backup=kept.name, redis_restore_overwrite=True))
    assert digest(host, "cache") == later == back["digest"]
    assert done(host, "role", [CACHE]).changed == 0


@pytest.mark.thorough
def test_a_dump_of_the_controller_is_restored_into_a_newer_server(host: Host, tmp_path: Path) -> None:
    done(host, "role", [CACHE, NEW])
    fill(host, "cache")
    done(host, "backup", [CACHE, NEW], redis_backup_instances=["cache"], redis_backup_fetch_to=str(tmp_path))
    (dump,) = tmp_path.glob("localhost/*.rdb")
    given = {"redis_restore_instance": "new", "redis_restore_src": str(dump)}
    assert run(host, "restore", [CACHE, NEW], ("--check",), **given).rc == 0
    assert ask(host, "new", "dbsize") == "0"
    played = done(host, "restore", [CACHE, NEW], **given)
    assert told(played)["action"] == "restore"
    assert digest(host, "new") == digest(host, "cache")
    assert done(host, "restore", [CACHE, NEW], **given).changed == 0


@pytest.mark.thorough
def test_what_a_killed_run_leaves_is_removed_or_refused_and_never_started_beside(host: Host) -> None:
    done(host, "role", [CACHE])
    fill(host, "cache")
    first = digest(host, "cache")
    done(host, "backup", [CACHE])
    data = Path(host.docker("volume", "inspect", "-f", "{{.Mountpoint}}", "cache-data"))
    for place in (data, Path(BACKUPS) / "cache"):
        (place / ".unfinished-0123456789abcdef").mkdir()
    labelled = ("--label", "netmode.docker.backup=cache", "--name", "netmode-backup-cache", CACHE["image"])
    host.docker("create", *labelled)
    ask(host, "cache", "flushall")
    restore(host, "cache", [CACHE])
    assert (digest(host, "cache"), left_on(host, "cache")) == (first, [])
    assert not list((Path(BACKUPS) / "cache").glob(".unfinished*"))

    host.docker("stop", "cache")  # as between the two renames: what was there is aside, and nothing in its place
    aside = data / ".netmode-replaced-0123456789abcdef"
    aside.mkdir()
    for name in ("appendonlydir", "dump.rdb"):
        (data / name).rename(aside / name)
    refused = run(host, "role", [CACHE]).failed[0]["result"]["msg"]
    assert "Move .netmode-replaced-0123456789abcdef/appendonlydir/appendonly.aof to the top of the volume" in refused
    for name in ("appendonlydir", "dump.rdb"):
        (aside / name).rename(data / name)
    aside.rmdir()
    done(host, "role", [CACHE])
    assert digest(host, "cache") == first


@pytest.mark.thorough
def test_a_million_keys_are_backed_up_while_clients_write_and_restored(host: Host, tell: Callable[[str], None]) -> None:
    done(host, "role", [CACHE])
    assert ask(host, "cache", "debug", "populate", "1000000", "key", "32") == "OK"
    gaps = {}
    with writing("cache") as wrote:
        made = done(host, "backup", [CACHE]).task(TAKEN)["backups"]["cache"]
    gaps["backup"] = wrote["gaps"][0]
    assert made["keys"] == {"0": 1000001}
    with writing("cache", "more") as wrote:
        found = told(restore(host, "cache", [CACHE], redis_restore_overwrite=True))
    gaps["restore"] = wrote["gaps"][0]
    kept = json.loads(Path(found["kept"]).with_suffix(".json").read_text())
    assert kept["keys"] == {"0": 1000002}
    assert found["keys"] == {"0": 1000001}
    assert int(ask(host, "cache", "dbsize")) == 1000002, "and what was written since"
    size = made["size"] / 1e6
    tell(
        f"a million keys, {size:.0f} MB: longest gap {gaps['backup']:.2f} s in a backup, {gaps['restore']:.2f} s in a restore"
    )
    assert gaps["backup"] < 1


@pytest.mark.thorough
def test_what_does_not_come_up_with_the_restored_data_is_back_with_its_own(host: Host) -> None:
    done(host, "role", [CACHE])
    fill(host, "cache")
    done(host, "backup", [CACHE])
    ask(host, "cache", "set", "newer", "1")
    later = digest(host, "cache")
    asked_to_end = "docker events --filter container=cache --filter event=kill"
    at = "/var/lib/netmode/redis/cache"  # where it may not make its socket, it ends
    mode = host.sh(f"stat -c %a {at}")
    host.sh(f"setsid bash -c 'read -r < <({asked_to_end}); chmod 0 {at}' >/dev/null 2>&1 &")
    given = {"redis_restore_backup": "latest", "redis_restore_overwrite": True, "redis_start_timeout": 3}
    failed = run(host, "restore", [CACHE], **given)
    message = failed.failed[0]["result"]["msg"]
    assert "its Redis did not answer within 3 s" in message
    assert message.endswith("What was there is back.")
    host.sh(f"chmod {mode} {at}; docker restart cache")
    host.sh("until redis-cli -s /var/lib/netmode/redis/cache/redis.sock ping | grep -q NOAUTH; do sleep 0.1; done")
    assert (digest(host, "cache"), left_on(host, "cache")) == (later, [])
    assert done(host, "role", [CACHE]).changed == 0


@pytest.mark.thorough
def test_a_container_that_does_not_start_with_its_data_is_given_that_of_a_backup(host: Host) -> None:
    one = {**CACHE, "appendonly": False}
    done(host, "role", [one])
    fill(host, "cache")
    first = digest(host, "cache")
    done(host, "backup", [one])
    host.docker("stop", "cache")
    data = Path(host.docker("volume", "inspect", "-f", "{{.Mountpoint}}", "cache-data"))
    (data / "dump.rdb").write_bytes(b"REDIS0010 nonsense")
    host.docker("start", "cache")
    host.sh("until [ $(docker inspect -f '{{.RestartCount}}' cache) -gt 0 ]; do sleep 0.1; done; docker stop cache")
    refused = run(host, "restore", [one], redis_restore_backup="latest")
    assert "redis_restore_overwrite: true" in refused.failed[0]["result"]["msg"], refused.stdout
    found = told(restore(host, "cache", [one], redis_restore_overwrite=True))
    assert digest(host, "cache") == first
    assert (Path(found["left"]) / "dump.rdb").read_bytes() == b"REDIS0010 nonsense"


EMPTY = instance("empty", "redis-8", network_mode="none")
FOLLOWS = instance("follows", "redis", network_mode="none")
ALL = [CACHE, SEVERAL[2], EMPTY, FOLLOWS]


def of(name: str, backup: str, **more: Any) -> dict[str, Any]:
    return {"redis_restore_instance": name, "redis_restore_backup": backup, **more}


SRV = "/srv/dumps"
OTHERS = [{**CACHE, "maxmemory": "64mb"}, *ALL[1:]]
NOT_RESTORED: list[tuple[str, dict[str, Any]]] = [
    ("redis_restore_instance: none-such is not an instance of this host that is to run", of("none-such", "latest")),
    ("redis_restore_instance: this host has cache, queue, empty, follows. Say which", of("", "latest")),
    ("instance cache: redis_restore_backup: none is named", of("cache", "")),
    ("instance cache: redis_restore_backup: 'cache-1' is not a backup of it", of("cache", "cache-1")),
    ("instance empty: redis_restore_backup: it has no backup", of("empty", "latest")),
    ("redis_restore_backup: /srv/none.rdb: No such file", of("empty", "/srv/none.rdb")),
    ("is a directory, not a regular file", of("empty", SRV)),
    ("is a symbolic link, not a regular file", of("empty", f"{SRV}/link.rdb")),
    ("/etc/hostname is not a dump of Redis or Valkey", of("empty", "/etc/hostname")),
    ("its format VALKEY080 is that of Valkey 9.0, which Redis 8.0.6 does not read", of("empty", f"{SRV}/queue.rdb")),
    ("its format REDIS0099 is that of a newer Redis", of("empty", f"{SRV}/newer.rdb")),
    ("short.rdb is not what its manifest says", of("empty", f"{SRV}/short.rdb")),
    ("redis-check-rdb of its image says that the dump is not right", of("empty", f"{SRV}/cut.rdb")),
    ("its manifest says another", of("empty", f"{SRV}/keys.rdb")),
    ("instance cache: it has data that the backup old.rdb", of("cache", f"{SRV}/old.rdb")),
    ("instance follows: it is a replica", of("follows", f"{SRV}/old.rdb")),
    (
        "this host is not as its variables say (files)",
        of("empty", f"{SRV}/old.rdb", redis_instances=OTHERS),
    ),
    ("redis_backup_dir: 'backups' is not an absolute path", of("empty", "latest", redis_backup_dir="backups")),
    ("redis_backup_dir: /srv/open belongs to others than root", of("empty", "latest", redis_backup_dir="/srv/open")),
]
NOT_BACKED_UP: list[tuple[str, dict[str, Any]]] = [
    ("redis_backup_keep", {"redis_backup_keep": 0}),
    ("redis_backup_instances: none-such is not an instance", {"redis_backup_instances": ["none-such"]}),
    ("instance follows: it is a replica that is not connected to its master", {"redis_backup_instances": ["follows"]}),
    ("instance later: there is no container of this name", {"redis_instances": [instance("later", "redis")]}),
    ("redis_backup_dir: 'backups' is not an absolute path", {"redis_backup_dir": "backups"}),
]


@pytest.mark.thorough
def test_what_cannot_be_restored_or_backed_up_is_one_message_before_any_change(host: Host, host_state: Any) -> None:
    done(host, "role", ALL)
    for name in ("cache", "queue"):
        fill(host, name)
    made = done(host, "backup", ALL, redis_backup_instances=["cache", "queue"]).task(TAKEN)["backups"]
    old, queue = Path(made["cache"]["file"]).read_bytes(), Path(made["queue"]["file"]).read_bytes()
    dumps = Path(SRV)
    dumps.mkdir()
    (dumps / "link.rdb").symlink_to(made["cache"]["file"])
    (dumps / "old.rdb").write_bytes(old)
    (dumps / "queue.rdb").write_bytes(queue)
    (dumps / "newer.rdb").write_bytes(b"REDIS0099" + old[9:])
    (dumps / "cut.rdb").write_bytes(old[:5000])
    for name, content, change in (("short", old[:5000], {}), ("keys", old, {"keys": {"0": 7}})):
        (dumps / f"{name}.rdb").write_bytes(content)
        manifest = {**json.loads(Path(made["cache"]["manifest"]).read_text()), "file": f"{name}.rdb", **change}
        (dumps / f"{name}.json").write_text(json.dumps(manifest))
    host.sh("install -d -m 0777 /srv/open")
    before = host_state()
    tables = [("restore", NOT_RESTORED), ("backup", NOT_BACKED_UP)]
    # One that follows, as nobody has asked, is to be written into its file, so the host is not as its variables say.
    for playbook, rows, follows in [(*one, follows) for follows in (False, True) for one in tables]:
        table = [row for row in rows if ("instance follows" in row[0]) == follows]
        if follows:
            ask(host, "follows", "replicaof", "127.0.0.1", "1")
        given = [{**VARIABLES, "redis_instances": ALL, **variables} for _, variables in table]
        play = [{"import_playbook": str(CHECKOUT / "playbooks" / f"{playbook}.yml")}]
        said = host.play(play, aliases(given)).refusals()
        wrong = {
            line: said.get(f"n{number}")
            for number, (line, _) in enumerate(table)
            if line not in said.get(f"n{number}", "")
        }
        assert not wrong, wrong
    host.sh(f"rm -rf {SRV} /srv/open")
    assert host_state() == before
    assert [left_on(host, one["name"]) for one in ALL] == [[], [], [], []]
