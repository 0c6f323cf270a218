# SPDX-License-Identifier: GPL-3.0-or-later
"""O13: what the keeper goes by and what it runs under is looked at, its health is asked, and it stays while it is needed."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from keeper_lab import PROGRAM, ROLE, Keeper, declare, eth, pongs, run
from lab import Host, wait_until

pytestmark = [pytest.mark.engines, pytest.mark.spread]

RECORD = "/var/lib/netmode/interfaces.json"
NEEDED = 1 << 12 | 1 << 19 | 1 << 21
"""CAP_NET_ADMIN, CAP_SYS_PTRACE and CAP_SYS_ADMIN (capabilities(7))."""


@pytest.fixture
def without(keeper_service: Keeper, host: Host) -> Iterator[Keeper]:
    """The keeper, and again as it was when the test has done something to its service."""
    yield keeper_service
    host.sh(f"rm -f {RECORD}*")
    keeper_service.install()


def test_o13_a_record_that_is_wrong_is_told_the_rest_is_served_and_the_role_fails(keeper: Keeper, host: Host) -> None:
    for name, last in (("bad", 31), ("good", 32)):
        run(host, name, "--network", "none")
        declare(host, eth(name, last))
    record = json.loads(host.sh(f"cat {RECORD}"))
    del record["interfaces"]["bad:eth0"]["kind"]
    host.write(RECORD, json.dumps(record))
    before = keeper.pid()
    host.docker("restart", "-t", "0", "bad", "good")
    pongs(host, "172.17.200.32")
    said = keeper.says("'bad:eth0' has no kind")
    assert RECORD in said
    assert keeper.pid() == before
    status, text = keeper.status()
    assert status == 1
    rows = {words[0]: words[1:] for line in text.splitlines() if (words := line.split())}
    assert rows["record"][0] == "WRONG"
    assert "'bad:eth0' has no kind" in text
    assert rows["good:eth0"][0] == "right", text
    failed = host.play(ROLE)
    assert failed.rc == 2
    assert "'bad:eth0' has no kind" in failed.failed[0]["result"]["stdout"]
    for text in ("{", '{"version": 99, "interfaces": {}}', "[1]"):
        keeper.begin()
        host.write(RECORD, text)
        host.docker("restart", "-t", "0", "good")
        keeper.says(f"{RECORD}, which says what interfaces containers are to have, is of no use")
        assert keeper.status()[0] == 1
    assert keeper.pid() == before
    declare(host, eth("bad", 31), eth("good", 32))  # the way out that it names
    keeper.is_right()
    assert host.sh(f"cat {RECORD}.aside") == "[1]"
    host.sh(f"rm {RECORD}.aside")


@pytest.mark.thorough
def test_o13_a_keeper_that_cannot_begin_is_no_running_one_and_corrupt_notes_are_left_out(
    without: Keeper, host: Host
) -> None:
    without.service("stop")
    host.sh("rm -rf /run/netmode; touch /run/netmode")  # it cannot say that it runs, as on a full disk
    without.service("start")
    status, text = without.status()
    assert (status, text.startswith("The keeper does not run")) == (1, True)
    without.service("stop")
    host.sh("rm /run/netmode; mkdir -p /run/netmode /var/lib/netmode")
    for path in ("/run/netmode/keeper.json", "/var/lib/netmode/donors.json", "/var/lib/netmode/owed.json"):
        host.write(path, '{"acts": 5, "pid": "x", "waits": [1], "docker_host": 7, "web": {"a": 1}}')
    assert without.status()[0] == 1
    without.service("start")
    without.is_right()


def test_o13_root_runs_nothing_that_a_user_can_change(without: Keeper, host: Host) -> None:
    host.sh("mkdir -p /srv/user/bin && ln -sf /usr/bin/python3 /srv/user/bin/python && chown -R 1000 /srv/user")
    host.sh("ln -sfn /srv/user/bin /usr/local/netmode-link")
    for path in ("/srv/user/bin/keeper", "/usr/local/netmode-link/keeper", "/tmp/keeper"):
        told = host.run_module("keeper", {"path": path})
        assert told["failed"], path
        assert told["msg"].startswith(f"path: root is to run {path}, and others than root can change")
        assert "/usr/local/sbin" in told["msg"]
    host.sh("rm /usr/local/netmode-link")
    by_user = [{**ROLE[0], "vars": {"ansible_python_interpreter": "/srv/user/bin/python"}}]
    played = host.play(by_user)
    assert played.rc == 0, played.stdout
    assert host.sh(f"head -c 24 {PROGRAM} | head -1") == "#!/usr/bin/python3 -ISB"
    host.sh("rm -r /srv/user")


@pytest.mark.thorough
def test_o13_path_and_log_file_are_words_wherever_they_stand(without: Keeper, host: Host) -> None:
    odd = "/usr/local/sbin/net mode%i$x;y&z"
    log = "/var/log/net mode $(touch o13-ran)'k.log"
    host.play(ROLE, keeper_state="absent")
    made = host.run_module("keeper", {"path": odd, "log_file": log})
    assert not made.get("failed"), made
    try:
        without.service("start")
        answers = ("curl", "-s", "--unix-socket", "/run/docker.sock", "http://engine/_ping")
        assert host.run(*answers).stdout == "OK"
        wait_until(
            lambda: host.run(odd, "status", check=False).returncode == 0, host.run(odd, "status", check=False).stdout
        )
        pid = json.loads(host.sh("cat /run/netmode/keeper.json"))["pid"]
        assert odd in host.sh(f"tr '\\0' '\\n' </proc/{pid}/cmdline").splitlines()
        if host.sh("test ! -d /run/systemd/system || echo yes"):
            status = dict(
                line.split(":\t") for line in host.sh(f"cat /proc/{pid}/status").splitlines() if ":\t" in line
            )
            assert (int(status["CapBnd"], 16) & ~NEEDED, status["NoNewPrivs"]) == (0, "1")
        else:
            assert host.run("cat", log).stdout
        assert host.sh("ls /o13-ran /root/o13-ran", check=False) == ""
    finally:
        without.service("stop")
        gone = host.run_module("keeper", {"path": odd, "log_file": log, "state": "absent"})
        assert gone["changed"], gone
        host.run("rm", "-f", log)


def test_o13_a_keeper_that_others_need_stays_and_says_for_whom(without: Keeper, host: Host) -> None:
    run(host, "theirs", port=7000)
    run(host, "joined", "--network", "container:theirs", port=7001)
    run(host, "alone", "--network", "none")
    declare(host, eth("alone", 33))
    played = host.play(ROLE, keeper_state="absent")
    assert (played.rc, played.changed) == (0, 0)
    assert "brings back alone, joined after a restart" in played.task("Say who needs it, for which it stays")["msg"]
    assert without.processes()
    asked = {"state": "absent"}
    assert host.run_module("keeper", {**asked, "ignore": ["alone"]}, check=True)["needed_by"] == ["joined"]
    host.docker("rm", "-f", "joined")
    assert host.run_module("keeper", asked, check=True)["needed_by"] == ["alone"]
    host.kill_engine("KILL")  # who is asked now? what was noted, of one too many rather than of one too few
    assert "alone" in host.run_module("keeper", asked, check=True)["needed_by"]
    host.start_engine()
    host.docker("rm", "-f", "alone")  # its record alone keeps nothing
    assert host.run_module("keeper", asked, check=True)["needed_by"] == []
    host.docker("start", "theirs")
    run(host, "joined", "--network", "container:theirs", port=7001)
    assert host.play(ROLE, keeper_state="absent", keeper_force=True).changed
    assert without.processes() == []
