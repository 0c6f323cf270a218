# SPDX-License-Identifier: GPL-3.0-or-later
"""``containers``: states, files, secrets, defaults of the image, and the ways to name a network or an image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from containers_lab import IMAGE, NET, RICH, Lab, entry, make_images, make_networks, reasons

if TYPE_CHECKING:
    from lab import Host

Json = dict[str, Any]


@pytest.fixture
def lab(host: Host) -> Lab:
    make_images(host)
    return Lab(host)


def test_configs_are_files_with_content_mode_and_owner(lab: Lab) -> None:
    file = {
        "target": "/etc/redis/extra/my.conf",
        "content": "maxmemory 1mb\n# ünï\n",
        "mode": "0640",
        "uid": "1000",
        "gid": 1001,
    }
    lab.converge(entry("files", configs=[file]))
    ask = ("exec", "files", "busybox")
    assert lab.docker(*ask, "cat", file["target"]) == "maxmemory 1mb\n# ünï"
    assert lab.docker(*ask, "stat", "-c", "%a %u %g", file["target"]) == "640 1000 1001"
    for change in ({"content": "maxmemory 2mb\n"}, {"mode": "0444"}, {"uid": 7}):
        file = {**file, **change}
        result = lab.converge(entry("files", configs=[file]))
        assert "configs" in reasons(result, "files")
    assert lab.docker(*ask, "cat", file["target"]) == "maxmemory 2mb"
    assert lab.docker(*ask, "stat", "-c", "%a %u %g", file["target"]) == "444 7 1001"
    lab.docker(*ask, "sh", "-c", f"echo manually > {file['target']}")
    assert "configs" in reasons(lab.converge(entry("files", configs=[file])), "files")
    assert lab.docker(*ask, "cat", file["target"]) == "maxmemory 2mb"
    lab.converge(entry("files"))
    assert lab.host.run("docker", *ask, "test", "-e", file["target"], check=False).returncode == 1


def test_configs_of_a_read_only_container_lie_on_a_volume(lab: Lab) -> None:
    """The engine writes no file into a read-only root, but does into a volume."""
    given = entry("files", read_only=True, volumes=["nmt-conf:/conf"])
    lab.refused(
        {**given, "configs": [{"target": "/etc/my.conf", "content": "maxmemory 1mb"}]},
        words=["files", "configs", "read_only", "/etc/my.conf", "volume"],
    )
    lab.converge({**given, "configs": [{"target": "/conf/my.conf", "content": "maxmemory 1mb"}]})
    assert lab.docker("exec", "files", "busybox", "cat", "/conf/my.conf") == "maxmemory 1mb"
    assert lab.docker("exec", "files", "busybox", "stat", "-c", "%a", "/conf/my.conf") == "444"


def test_secrets_in_configs_and_environment_stay_out_of_the_result(lab: Lab) -> None:
    def with_secret(word: str) -> Json:
        file = {"target": "/etc/redis.conf", "content": f"requirepass {word}"}
        return entry(
            "secret",
            configs=[file],
            environment={"PASSWORD": word},
            command=[*["redis-server", "--port", "0"], "--unixsocket", "/dev/shm/x", "--requirepass", word],
        )

    for word in ("s3cret-one", "s3cret-two"):
        result = lab.host.run_module("containers", {"containers": [with_secret(word)]}, diff=True)
        assert result["changed"]
        told = {key: value for key, value in result.items() if key != "invocation"}
        assert "s3cret" not in str(told)


def test_what_the_image_says_is_the_default(lab: Lab) -> None:
    plain = {"name": "rich", "image": RICH}
    lab.converge(plain)
    own = {
        **plain, "environment": {"SHARED": "entry", "OWN": "1"}, "labels": {"own": "1"}, "volumes": ["nmt-data:/data"],
        "stop_signal": "SIGTERM", "working_dir": "/", "healthcheck": {"disable": True}, "ports": ["18120:6379"],
    }  # fmt: skip
    lab.converge(own)
    seen = lab.inspect("rich")["Config"]
    assert {"FROM_IMAGE=kept", "SHARED=entry", "OWN=1"} <= set(seen["Env"])
    assert (seen["Labels"]["origin"], seen["Labels"]["own"]) == ("image", "1")
    assert (seen["StopSignal"], seen["Healthcheck"]["Test"]) == ("SIGTERM", ["NONE"])
    lab.converge(plain)
    seen = lab.inspect("rich")["Config"]
    assert "SHARED=image" in seen["Env"]
    assert not any(item.startswith("OWN=") for item in seen["Env"])
    assert (seen["StopSignal"], seen["WorkingDir"]) == ("SIGINT", "/srv")
    assert seen["Healthcheck"]["Interval"] == 3600 * 10**9


def test_states(lab: Lab) -> None:
    started, stopped, absent = (
        entry("one", state=state, volumes=["nmt-data:/data"]) for state in ("started", "stopped", "absent")
    )
    lab.converge(stopped)
    assert lab.inspect("one")["State"]["Status"] in ("created", "exited")
    lab.converge(started)
    ident = lab.id("one")
    assert lab.inspect("one")["State"]["Running"]
    lab.converge(stopped)
    assert lab.inspect("one")["State"]["Status"] == "exited"
    lab.converge(started)
    assert lab.id("one") == ident
    result = lab.converge(absent)
    assert result["containers"]["one"]["id"] is None
    assert lab.names() == []
    assert "nmt-data" in lab.docker("volume", "ls", "-q").split()
    assert not lab.apply({"name": "one", "state": "absent"})["changed"]


def test_stopped_and_changed_is_recreated_and_stays_stopped(lab: Lab) -> None:
    lab.converge(entry("one", state="stopped"))
    lab.converge(entry("one", state="stopped", labels={"a": "b"}))
    assert lab.inspect("one")["Config"]["Labels"]["a"] == "b"
    assert lab.inspect("one")["State"]["Status"] in ("created", "exited")


def test_recreate_always_and_never(lab: Lab) -> None:
    lab.converge(entry("one"))
    first = lab.id("one")
    result = lab.apply(entry("one", recreate="always"))
    assert result["containers"]["one"]["changed"]
    assert "always" in reasons(result, "one")
    second = lab.id("one")
    assert second not in (first, None)
    lab.refused(entry("one", recreate="never", user="1000"), words=["one", "user", "recreate"])
    lab.apply(entry("one", recreate="never", restart="always"))
    assert lab.id("one") == second, "what can be fixed on the running container is"


@pytest.mark.engines
def test_network_mode_default_is_bridge(lab: Lab) -> None:
    """N9: the engine writes ``default``, since 26.1 ``bridge``; a list may say either, or nothing."""
    lab.docker("run", "-d", "--name", "by-hand", IMAGE)
    lab.unchanged(entry("by-hand"))
    lab.unchanged(entry("by-hand", network_mode="bridge"))
    lab.unchanged(entry("by-hand", network_mode="default"))


def test_hostname_in_host_mode_and_on_a_network_whose_name_begins_with_host(lab: Lab) -> None:
    """In host mode the engine gives the container the host's own name, so one of its own can come and go."""
    lab.docker("network", "create", "hostnet")
    for mode in ("host", "hostnet"):
        lab.converge(entry("one", network_mode=mode))
        lab.converge(entry("one", network_mode=mode, hostname="redis-one"))
        assert lab.docker("exec", "one", "busybox", "hostname") == "redis-one"
        assert "hostname" in reasons(lab.converge(entry("one", network_mode=mode)), "one")
    assert lab.docker("exec", "one", "busybox", "hostname") == lab.id("one")[:12]


def test_donor_with_a_slash_as_the_engine_writes_names(lab: Lab) -> None:
    lab.converge(entry("sharer", network_mode="container:/donor"), entry("donor"))
    lab.unchanged(entry("sharer", network_mode="container:donor"), entry("donor"))


def test_static_address_on_a_network_whose_subnet_the_engine_chose(lab: Lab) -> None:
    """The engine gives none there. A first network's is looked at before anything is stopped as well."""
    lab.docker("network", "create", "nmt-auto")
    subnet = lab.docker("network", "inspect", "-f", "{{(index .IPAM.Config 0).Subnet}}", "nmt-auto")
    address = subnet.rpartition(".")[0] + ".99"
    lab.apply(entry("one", networks=["nmt-auto"]))
    lab.refused(
        entry("other"),
        entry("one", networks={"nmt-auto": {"ipv4_address": address}}, labels={"a": "1"}),
        words=["one", "nmt-auto", "user configured subnets"],
    )


def test_ports_and_addresses_are_passed_on_within_one_list(lab: Lab) -> None:
    """Who gives one up is brought to its entry before who takes it. An exchange takes two runs and is refused as one."""
    make_networks(lab.host)

    def pair(one: tuple[str, int], other: tuple[str, int]) -> list[Json]:
        return [
            entry(name, networks={NET: {"ipv4_address": address}}, ports=[f"{port}:80"])
            for name, (address, port) in (("aa", one), ("bb", other))
        ]

    low, high, more = ("10.77.0.50", 18141), ("10.77.0.51", 18142), ("10.77.0.52", 18143)
    lab.converge(*pair(low, high))
    lab.converge(*pair(high, more))
    lab.converge(*pair(high, low))
    lab.converge(*pair(more, high))
    lab.refused(*pair((more[0], high[1]), (high[0], more[1])), words=["aa", "ports", "18142", "bb", "free port first"])
    lab.refused(*pair(high, more), words=["aa", "ipv4_address", "10.77.0.51", "bb", "free address first"])


def test_network_as_mode_or_in_networks(lab: Lab) -> None:
    make_networks(lab.host)
    lab.converge(entry("one", network_mode=NET))
    lab.unchanged(entry("one", networks=[NET]))


def test_pull_policy_never_takes_the_image_that_is_there(lab: Lab) -> None:
    lab.converge(entry("one", pull_policy="never"))
    lab.unchanged(entry("one", pull_policy="missing"))


def test_the_same_image_by_tag_and_by_id(lab: Lab) -> None:
    lab.converge(entry("one"))
    ident = lab.docker("image", "inspect", "-f", "{{.Id}}", IMAGE)
    lab.unchanged({**entry("one"), "image": ident})
    lab.unchanged({**entry("one"), "image": ident.partition(":")[2][:12]})
