# SPDX-License-Identifier: GPL-3.0-or-later
"""Encrypted backups: made without what decrypts them, restored with a key that stays on the controller, else refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.netmode.docker.plugins.plugin_utils._redis_backups import opened
from backup_lab import BACKUPS, RESTORED, TAKEN, ask, done, fill, instance, run
from certificates import Authority, rsa_pair
from redis_lab import inspect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lab import Host

pytestmark = [
    pytest.mark.engines,
    pytest.mark.spread,
    pytest.mark.usefixtures("shape_images", "no_files_left", "no_backups_left"),
]
CERTIFICATE, KEY = rsa_pair("backups")
_, ANOTHER = rsa_pair("another")
CACHE = instance("cache", "redis", settings={"enable-debug-command": "local"})
NEW = instance("new", "redis-8", network_mode="none", appendonly=False, settings={"enable-debug-command": "local"})
FOR = {"redis_backup_encrypt_for": CERTIFICATE}


@pytest.fixture
def no_backups_left(host: Host) -> Iterator[None]:
    yield
    host.sh(f"rm -rf {BACKUPS}")


def digest(host: Host, name: str) -> str:
    return ask(host, name, "debug", "digest")


def plain_dumps(host: Host) -> str:
    """Files that begin like a dump, where backups lie and in what a run has left on the volume."""
    volume = host.docker("volume", "inspect", "-f", "{{.Mountpoint}}", "cache-data")
    return host.sh(f"grep -rlE '^(REDIS|VALKEY)0' {BACKUPS} {volume}/.[!.]* 2>/dev/null", check=False)


def test_an_encrypted_backup_is_restored_with_the_key_of_its_certificate_alone(
    host: Host, host_state: Callable[[], Any], tmp_path: Path
) -> None:
    done(host, "role", [CACHE])
    fill(host, "cache")
    first = digest(host, "cache")
    (tmp_path / "backups.crt").write_text(CERTIFICATE)
    (tmp_path / "backups.key").write_text(KEY)
    at = {"redis_backup_encrypt_for": str(tmp_path / "backups.crt")}
    predicted = done(host, "backup", [CACHE], ("--check",), **at)
    assert "would be backed up, encrypted for CN=backups" in predicted.task(TAKEN)["lines"][0]
    made = done(host, "backup", [CACHE], **at).task(TAKEN)["backups"]["cache"]
    manifest = json.loads(Path(made["manifest"]).read_text())
    assert manifest["file"] == Path(made["file"]).name == f"{Path(made['manifest']).stem}.enc"
    assert manifest["encrypted_for"] == made["encrypted_for"]
    assert made["encrypted_for"]["subject"] == "CN=backups"
    assert (manifest["keys"], manifest["format"]) == ({"0": 1004, "5": 2}, "REDIS0010")
    assert plain_dumps(host) == ""
    assert host.sh(f"find {BACKUPS} -printf '%m %u\\n' | sort -u") == "600 root\n700 root"

    ask(host, "cache", "set", "newer", "1")
    later, before = digest(host, "cache"), host_state()
    started = inspect(host, "cache")["State"]["StartedAt"]
    asked = {"redis_restore_backup": "latest", "redis_restore_overwrite": True}
    for options in ((), ("--check",)):
        for key, said in (
            ("", "Give that certificate's private key in redis_restore_key"),
            (ANOTHER, "it is not the key"),
        ):
            refused = run(host, "restore", [CACHE], options, redis_restore_key=key, **asked)
            assert said in refused.failed[0]["result"]["msg"]
            assert "CN=backups" in refused.failed[0]["result"]["msg"]
    assert (digest(host, "cache"), host_state(), inspect(host, "cache")["State"]["StartedAt"]) == (
        later,
        before,
        started,
    )

    given = {**asked, "redis_restore_key": str(tmp_path / "backups.key")}
    played = done(host, "restore", [CACHE], ("-vvv",), **given)
    found = played.task(RESTORED)["restored"]
    assert (digest(host, "cache"), found["digest"]) == (first, first)
    line = Path(made["file"]).read_bytes().split(b"\n", 1)[0].decode()
    password = opened(line, KEY).partition("\n")[0]
    for text in (played.stdout, played.stderr):
        assert password not in text
        assert KEY.splitlines()[1] not in text
    kept = Path(found["kept"])
    assert kept.suffix == ".enc", "what was there is encrypted as what is restored is"
    assert (found["left"], plain_dumps(host)) == (None, "")
    assert done(host, "restore", [CACHE], **given).changed == 0
    done(host, "restore", [CACHE], **{**given, "redis_restore_backup": kept.name, "redis_restore_key": KEY})
    assert digest(host, "cache") == later
    assert done(host, "role", [CACHE]).changed == 0


@pytest.mark.thorough
def test_encrypted_and_plain_backups_are_kept_fetched_and_sent_as_one_kind(host: Host, tmp_path: Path) -> None:
    both = [CACHE, NEW]
    done(host, "role", both)
    fill(host, "cache")
    mine = {"redis_backup_instances": ["cache"]}
    plain = done(host, "backup", both, **mine).task(TAKEN)["backups"]["cache"]
    encrypted = done(host, "backup", both, redis_backup_fetch_to=str(tmp_path), **FOR, **mine).task(TAKEN)["backups"][
        "cache"
    ]
    third = done(host, "backup", both, redis_backup_keep=2, **FOR, **mine).task(TAKEN)
    assert third["removed"] == {"cache": [Path(plain["file"]).name]}
    last = done(host, "backup", both, redis_backup_keep=1, **mine).task(TAKEN)
    assert last["removed"] == {"cache": [Path(one["file"]).name for one in (third["backups"]["cache"], encrypted)]}
    assert len(list((Path(BACKUPS) / "cache").iterdir())) == 2

    (dump,) = tmp_path.glob("localhost/*.enc")
    given = {"redis_restore_instance": "new", "redis_restore_src": str(dump)}
    assert "redis_restore_key" in run(host, "restore", both, **given).failed[0]["result"]["msg"]
    assert ask(host, "new", "dbsize") == "0"
    done(host, "restore", both, redis_restore_key=KEY, **given)
    assert digest(host, "new") == digest(host, "cache")
    for name, content in (("cut", dump.read_bytes()[:-5]), ("other", dump.read_bytes()[:-1] + b"\0")):
        (tmp_path / f"{name}.enc").write_bytes(content)
        given = {"redis_restore_instance": "new", "redis_restore_src": str(tmp_path / f"{name}.enc")}
        broken = run(host, "restore", both, redis_restore_key=KEY, redis_restore_overwrite=True, **given)
        assert "It was changed, or damaged" in broken.failed[0]["result"]["msg"]
    assert digest(host, "new") == digest(host, "cache")
    assert host.sh("ls -A $(docker volume inspect -f '{{.Mountpoint}}' new-data) | grep '^[.]'", check=False) == ""


EC, _ = Authority().issue("a")
REFUSED = [
    ("backup", {"redis_backup_encrypt_for": EC}, "redis_backup_encrypt_for: its key is not an RSA key"),
    ("backup", {"redis_backup_encrypt_for": "/none.crt"}, "redis_backup_encrypt_for: /none.crt: on the controller"),
    ("restore", {"redis_restore_key": CERTIFICATE}, "redis_restore_key: holds no private key"),
    (
        "restore",
        {"redis_restore_instance": "../../../srv/x"},
        "redis_restore_instance: ../../../srv/x is not an instance",
    ),
    (
        "restore",
        {"redis_restore_src": "/none.rdb"},
        "redis_restore_src: '/none.rdb': on the controller: there is nothing",
    ),
]


def test_what_cannot_be_encrypted_or_sent_is_one_message_before_any_change(
    host: Host, host_state: Callable[[], Any]
) -> None:
    done(host, "role", [CACHE])
    before = host_state()
    for what, given, said in REFUSED:
        assert said in run(host, what, [CACHE], **given).failed[0]["result"]["msg"]
    program = host.sh("command -v openssl")
    host.sh(f"mv {program} {program}.away")
    try:
        told = run(host, "backup", [CACHE], **FOR).failed[0]["result"]["msg"]
    finally:
        host.sh(f"mv {program}.away {program}")
    assert "openssl: there is no such program on this host" in told
    assert host_state() == before
    assert not Path(BACKUPS).exists()
