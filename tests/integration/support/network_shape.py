# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for the facts of any machine: their shape, that they agree with themselves, and with an oracle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lab import Host
    from oracle import Oracle

Json = dict[str, Any]
Facts = dict[str, Any]

SHAPE: Json = {
    "engine": {"version": str, "api_version": str},
    "bridges": {
        "name": str, "ifindex": int, "mac": str, "mtu": int, "operstate": str, "bridge_id": str, "stp": bool,
        "ipv4": list, "ipv6": list, "network": (str, None), "ports": list, "configured": dict,
    },
    "configured": {
        "subnet": (str, None), "ip_range": (str, None), "gateway": (str, None), "default_gateway": (str, None),
        "host_ip": (str, None), "unaddressed": (bool, None), "mtu": (int, None), "icc": (bool, None),
        "masquerade": (bool, None),
    },
    "veths": {
        "name": str, "ifindex": int, "mac": str, "mtu": int, "operstate": str, "bridge": (str, None),
        "netnsid": (int, None), "container": (str, None), "interface": (str, None),
    },
    "containers": {
        "name": str, "id": str, "image": str, "status": str, "mode": str, "network_mode": str, "networks": list,
        "netns": (str, int, None), "joins": (str, None), "joined_by": list, "stale": bool, "gateway": (str, None),
        "interfaces": list, "published": list,
    },
    "interfaces": {
        "name": str, "kind": (str, None), "ifindex": int, "mac": str, "mtu": int, "operstate": str, "ipv4": list,
        "ipv6": list, "veth": (str, None), "bridge": (str, None), "network": (str, None), "managed_by": (str, None),
        "assigned": (dict, None),
    },
    "published": {"container_port": int, "protocol": str, "host_ip": str, "host_port": int},
}  # fmt: skip
"""Section -> key -> its type, or the types that it may have (None: null)."""

MODES = {"bridge", "container", "host", "none", "other"}


def read(host: Host, **options: Any) -> Facts:
    """The facts of a host; a failing module fails the test."""
    who = {key: options.pop(key) for key in ("user", "check", "hide") if key in options}
    result = host.run_module("network_facts", options, **who)
    assert not result.get("failed"), result.get("msg")
    assert result["changed"] is False
    assert set(result["ansible_facts"]) == {"docker_network"}, "one top-level fact, never one for each veth"
    found: Facts = result["ansible_facts"]["docker_network"]
    return found


def assert_keys(section: str, entry: Json) -> None:
    shape = SHAPE[section]
    assert set(entry) == set(shape), section
    for key, value in entry.items():
        allowed = shape[key] if isinstance(shape[key], tuple) else (shape[key],)
        types = tuple(type(None) if t is None else t for t in allowed)
        assert isinstance(value, types), f"{section}.{key}: {value!r}"
        assert not (isinstance(value, bool) and bool not in types), f"{section}.{key}: {value!r}"


def assert_shape(facts: Facts) -> None:
    """Exactly the documented keys, each of its documented type."""
    assert set(facts) == {"engine", "bridges", "veths", "containers", "unclaimed", "routes"}
    assert_keys("engine", facts["engine"])
    for section in ("bridges", "veths", "containers"):
        for name, entry in facts[section].items():
            assert_keys(section, entry)
            assert entry["name"] == name
    for bridge in facts["bridges"].values():
        assert_keys("configured", bridge["configured"])
    for container in facts["containers"].values():
        assert container["mode"] in MODES
        for interface in container["interfaces"]:
            assert_keys("interfaces", interface)
        for port in container["published"]:
            assert_keys("published", port)


def assert_consistent(facts: Facts) -> None:
    """What one section says of another is so: no end of a veth, no port and no name hangs in the air."""
    veths, containers, bridges = facts["veths"], facts["containers"], facts["bridges"]
    ends = [(c["name"], i) for c in containers.values() for i in c["interfaces"]]
    said_twice = [i["veth"] for _, i in ends if i["veth"]]
    assert len(said_twice) == len(set(said_twice)), "a veth is reported twice"
    for container, interface in ends:
        if interface["veth"]:
            veth = veths[interface["veth"]]
            assert (veth["container"], veth["interface"]) == (container, interface["name"])
            assert veth["bridge"] == interface["bridge"]
    for veth in veths.values():
        if veth["container"]:
            own = [i for i in containers[veth["container"]]["interfaces"] if i["name"] == veth["interface"]]
            assert [i["veth"] for i in own] == [veth["name"]]
        if veth["bridge"]:
            assert veth["name"] in bridges[veth["bridge"]]["ports"]
    for bridge in bridges.values():
        assert bridge["ports"] == sorted(bridge["ports"])
    for container in containers.values():
        assert all(containers[other]["joins"] == container["name"] for other in container["joined_by"])
        assert container["joins"] is None or container["name"] in containers[container["joins"]]["joined_by"]
    assert facts["unclaimed"] == sorted(v["name"] for v in veths.values() if v["container"] is None)


def sound(facts: Facts) -> Facts:
    """The facts, of the shape that is documented and consistent in themselves."""
    assert_shape(facts)
    assert_consistent(facts)
    return facts


def interfaces_of(facts: Facts, container: str) -> dict[str, Json]:
    return {interface["name"]: interface for interface in facts["containers"][container]["interfaces"]}


def normal(entry: Json) -> Json:
    """Without the order of lists that stand for sets, and without the addresses that the kernel makes by itself."""
    sets = ("ipv4", "ipv6", "networks", "joined_by")
    plain = {key: sorted(value) if key in sets else value for key, value in entry.items()}
    if "ipv6" in plain:
        plain["ipv6"] = [address for address in plain["ipv6"] if not address.startswith("fe80:")]
    if "interfaces" in plain:
        plain["interfaces"] = sorted((normal(i) for i in plain["interfaces"]), key=lambda i: str(i["name"]))
    if "published" in plain:
        plain["published"] = sorted(plain["published"], key=lambda p: tuple(str(v) for v in p.values()))
    return plain


def forget_chosen_gateway(said: Json, expected: Json) -> None:
    """An engine of before 28 does not tell the gateway that it chose: left null, or the bridge's own address."""
    told = said["configured"]["gateway"]
    if expected["configured"]["gateway"] is None and told in [address.partition("/")[0] for address in said["ipv4"]]:
        said["configured"] = {**said["configured"], "gateway": None}


def differences(said: Json, expected: Json, where: str) -> list[str]:
    """Where the facts say other than what the oracle knows; what the oracle does not know is not compared."""
    found = []
    for key in expected:
        told, known = said.get(key), expected[key]
        if isinstance(known, dict) and isinstance(told, dict):
            found += differences(told, known, f"{where}.{key}")
        elif told != known:
            found.append(f"{where}.{key}: {told!r}, not {known!r}")
    return found


def disagreements(said: Json, expected: Json) -> list[str]:
    """Entry by entry, key by key."""
    found = [f"{name}: told by one only" for name in set(said) ^ set(expected)]
    for name in set(said) & set(expected):
        told, known = normal(said[name]), normal(expected[name])
        if "configured" in known:
            forget_chosen_gateway(told, known)
        for entry in (told, known):
            if "interfaces" in entry:
                entry["interfaces"] = {interface["name"]: interface for interface in entry["interfaces"]}
        if set(told.get("interfaces", ())) != set(known.get("interfaces", ())):
            found.append(f"{name}: interfaces {sorted(told['interfaces'])}, not {sorted(known['interfaces'])}")
        found += differences(told, known, name)
    return found


def assert_true_to(facts: Facts, oracle: Oracle) -> None:
    sound(facts)
    found: list[str] = []
    found += disagreements(facts["bridges"], oracle.bridges())
    found += disagreements(facts["veths"], oracle.veths())
    found += disagreements(facts["containers"], oracle.containers())
    assert not found, "\n".join(found)
    assert facts["unclaimed"] == oracle.unclaimed()


def assert_part_of(told: Json, whole: Json) -> None:
    """The same keys, and each either null or as in ``whole``; an empty list stands for null."""
    assert set(told) == set(whole)
    known = {key: value for key, value in told.items() if value not in (None, [])}
    assert known == {key: whole[key] for key in known}


def assert_container_part_of(told: Json, whole: Json) -> None:
    for key in ("id", "image", "status", "mode", "network_mode", "networks", "joins", "joined_by", "published"):
        assert told[key] == whole[key], (whole["name"], key)
    assert told["netns"] in (None, whole["netns"])
    by_mac = {interface["mac"]: interface for interface in whole["interfaces"]}
    for interface in told["interfaces"]:
        if whole["name"] != "cut":  # the engine does not know that its only link is gone
            assert_part_of(normal(interface), normal(by_mac[interface["mac"]]))
    docker_made = [interface for interface in whole["interfaces"] if interface["managed_by"] == "docker"]
    assert len(told["interfaces"]) >= len(docker_made), "the engine tells of its own interfaces to anyone"
