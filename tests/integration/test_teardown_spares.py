# SPDX-License-Identifier: GPL-3.0-or-later
"""O17: teardown on a host full of what others made under the very names of the inventory: all of it is left, and told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lab import CHECKOUT, IMAGE
from played import aliases
from redis_lab import ROLE, TEARDOWN

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab import Host, Play

VERIFY = CHECKOUT / "playbooks" / "verify.yml"
THEIRS = "theirs:1"
ASKED: dict[str, Any] = {
    "target": "all",
    "redis_instances": [{"name": "cache"}],
    "redis_image": THEIRS,
    "redis_image_source": "packages",
    "redis_companions": [{"name": "web"}],
    "redis_network_definitions": [{"name": "lan"}],
    "redis_keeper": False,
}
OTHERS = f"""
docker tag {IMAGE} {THEIRS}
docker network create lan
docker volume create cache-data
docker run -d --name cache --network lan -v cache-data:/data {THEIRS} redis-server --port 0
docker run --name web {THEIRS} true
mkdir -p /etc/netmode/redis/cache /var/lib/netmode/redis/cache
echo "port 1" > /etc/netmode/redis/cache/redis.conf
echo mine | tee /etc/netmode/redis/notes /var/lib/netmode/redis/cache/notes
touch /var/tmp/netmode-mine.tar
"""


def test_o17_before_the_first_deployment_there_is_nothing_to_prove(play: Callable[..., Play]) -> None:
    looked = play(VERIFY, None, ("--check",), **ASKED)
    assert looked.rc == 0, looked.stdout
    assert "not deployed yet, so there is nothing to prove" in looked.stdout
    assert "FAIL" not in looked.stdout


def test_o17_teardown_spares_what_others_made_under_the_same_names(
    host: Host, play: Callable[..., Play], host_state: Callable[[], Any], no_files_left: None
) -> None:
    host.sh(OTHERS)
    try:
        before = host_state()
        predicted = play(TEARDOWN, None, ("--check",), teardown_data=True, **ASKED)
        assert (predicted.rc, predicted.changed) == (0, 0), predicted.stdout
        torn = play(TEARDOWN, None, teardown_data=True, **ASKED)
        assert (torn.rc, torn.changed) == (0, 0), torn.stdout
        assert host_state() == before
        for name in ("cache", "web", "lan", THEIRS, "cache-data"):
            assert any(f"{name}" in line for line in torn.stdout.splitlines() if "not made by this role" in line), name
        assert host.sh("cat /var/lib/netmode/redis/cache/notes; ls /var/tmp/netmode-mine.tar") == (
            "mine\n/var/tmp/netmode-mine.tar"
        )
    finally:
        host.sh(f"docker rm -f cache web; docker rmi {THEIRS}; rm -f /var/tmp/netmode-mine.tar", check=False)


AT = "/srv/nmt"
NAMED: dict[str, Any] = {
    "redis_config_dir": f"{AT}/conf", "redis_socket_dir": f"{AT}/run", "redis_image": IMAGE, "redis_keeper": False,
    "redis_image_source": "pull", "redis_volume": f"{AT}/data", "redis_instances": [{"name": "cache"}],
}  # fmt: skip
DIRECTORIES = f"""
mkdir -p {AT}/conf/site {AT}/conf/debian {AT}/run/sockets {AT}/elsewhere
install -d -o 999 -g 999 {AT}/data
echo mine | tee {AT}/conf/site/index.html {AT}/conf/notes {AT}/run/sockets/notes >{AT}/elsewhere/notes
echo "port 1" >{AT}/conf/debian/redis.conf
ln -s {AT}/elsewhere {AT}/conf/linked
"""
TREE = f"find {AT} -not -path '{AT}/data*' -printf '%p %y %U %m %l\\n' | sort; cat {AT}/conf/site/index.html {AT}/conf/debian/redis.conf"


def test_o17_what_lies_in_the_directories_that_the_variables_name_is_neither_taken_over_nor_removed(
    host: Host, play: Callable[..., Play]
) -> None:
    """A directory, a redis.conf of others, a socket directory and a link under an instance's name; files beside ours."""
    host.sh(f"set -e; rm -rf {AT}{DIRECTORIES}")
    try:
        before = host.sh(TREE)
        names = ("site", "debian", "sockets", "linked")
        told = play(ROLE, aliases([{**NAMED, "redis_instances": [{"name": name}]} for name in names])).refusals()
        assert len(told) == len(names), told
        for number, name in enumerate(names):
            assert f"instance {name}: {AT}/" in told[f"n{number}"], told
        for name in names:
            gone = play(TEARDOWN, None, teardown_data=True, **{**NAMED, "redis_instances": [{"name": name}]})
            assert (gone.rc, gone.changed) == (0, 0), gone.stdout
        assert host.sh(TREE) == before
        assert play(ROLE, **NAMED).changed > 0
        host.sh(f"echo mine | tee {AT}/conf/cache/users.acl {AT}/run/cache/notes")
        torn = play(TEARDOWN, None, teardown_data=True, **NAMED)
        assert torn.rc == 0, torn.stdout
        kept = host.sh(f"cat {AT}/conf/cache/users.acl {AT}/run/cache/notes; ls -A {AT}/conf/cache {AT}/run/cache")
        assert kept.split() == ["mine", "mine", f"{AT}/conf/cache:", "users.acl", f"{AT}/run/cache:", "notes"]
        assert host.sh(f"ls {AT}/data/appendonlydir"), "a path of the host is not a volume of the role's"
        host.sh(f"rm -r {AT}/conf/cache {AT}/run/cache")
        assert host.sh(TREE) == before
        assert play(TEARDOWN, None, teardown_data=True, **NAMED).changed == 0
    finally:
        host.sh(f"rm -rf {AT}")
