# SPDX-License-Identifier: GPL-3.0-or-later
"""From what a host runs and what is wanted to the steps between: pure, so a plan can be tested without an engine.

Donors and sharers are planned together. A sharer's namespace is the one that its donor had when the sharer was started:
whatever gives the donor a new one (create, recreate, start, restart) makes its sharers stale, so they follow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError

from . import clone, configs, endpoints, labels, modes, mounted, options, order, ports
from .dependants import Following
from .state import NEW_SUFFIX, OLD_SUFFIX, Host, Plan, started
from .trial import UNTRIED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .spec import Wanted

Json = dict[str, Any]


def plan(host: Host, wanted: list[Wanted]) -> Plan:
    """The steps from ``host`` to ``wanted`` in the order in which they must be taken. NetmodeError: a refusal."""
    return _Planner(host, wanted).run()


class _Planner(Following):
    def __init__(self, host: Host, wanted: list[Wanted]) -> None:
        super().__init__(host, wanted)
        self.wanted = order.in_order(host, wanted, self._givers())
        for key, state in host.states.items():
            if host.name(key) in host.pending and state not in ("running", "paused"):
                self.renewed[key] = f"its donor {host.name(key)} is started by a task before this one"
        self.settled: dict[str | None, Wanted] = {}
        """Id of a container that the steps so far bring to its entry → that entry."""

    def _givers(self) -> dict[str, set[str]]:
        """Entry → the entries whose containers hold now what it is to have: ports of the host, addresses."""
        names = {self._identify(one): one.name for one in self.by_name.values()}
        return {
            one.name: {
                names[key]
                for key in ports.held(self.host, one) | endpoints.held(self.host, one) | self._needed(one)
                if key in names
            }
            - {one.name}
            for one in self.by_name.values()
        }

    def _needed(self, one: Wanted) -> set[str]:
        return set(self.host.ties.get(self._identify(one) or "", {}))

    def run(self) -> Plan:
        for one in self._leaving():
            if one.state == "absent":
                self._remove(one)
            else:
                self._stop(one)
            self.settled[self._identify(one)] = one
        for one in self.wanted:
            if one.state != "absent":
                self._sweep(one.name, self._identify(one), NEW_SUFFIX, "never took over")
                self._bring(one)
                self.settled[self._identify(one)] = one
                self._sweep(one.name, self._identify(one), OLD_SUFFIX, "was replaced")
        return Plan(self.steps, self.differences)

    def _identify(self, one: Wanted) -> str | None:
        """The container of an entry: by its name, by what an interrupted recreate left, by its label."""
        names = self.host.names
        if one.name in names:
            return names[one.name]
        if one.name + OLD_SUFFIX in names:
            return names[one.name + OLD_SUFFIX]
        taken = set(self.by_name)
        marked = [key for key, mark in self.host.marks.items() if mark == one.name and self.host.name(key) not in taken]
        return marked[0] if len(marked) == 1 else None

    # -- stop and remove ----------------------------------------------------------------------------------------------

    def _leaving(self) -> list[Wanted]:
        """The entries to stop or remove, whoever depends on another of them first, however they stand in the list."""
        left = {one.name: one for one in reversed(self.wanted) if one.state != "started"}
        needed = {name: self._dependants_among(left, one) for name, one in left.items()}
        ordered = []
        while left:
            ready = (name for name in left if not needed[name] & left.keys())
            ordered.append(left.pop(next(ready, next(iter(left)))))
        return ordered

    def _dependants_among(self, entries: Mapping[str, Wanted], one: Wanted) -> set[str]:
        """The names of the entries whose containers, or what a run left of them, depend on this one's."""
        owners = {key: other.name for other in entries.values() for key in self._keys(other)}
        found = {owners.get(other) for key in self._keys(one) for other in self.host.dependants(key, links=True)}
        return {name for name in found if name and name != one.name}

    def _keys(self, one: Wanted) -> list[str]:
        """The containers that are the entry's: its own, and what an interrupted run left beside it."""
        names = (one.name, one.name + NEW_SUFFIX, one.name + OLD_SUFFIX)
        keys = [self.host.names[name] for name in names if name in self.host.names]
        identified = self._identify(one)
        return [*keys, identified] if identified and identified not in keys else keys

    def _refuse_orphans(self, one: Wanted, key: str) -> None:
        dependants = self.host.dependants(key, links=one.state == "absent")
        left = [self.host.name(other) for other in dependants if self.host.states[other] in ("running", "paused")]
        left = [name for name in left if name not in self.by_name or self.by_name[name].state == "started"]
        if left:
            raise NetmodeError(
                f"{one.where}: state: {one.state}: {', '.join(left)} would be left in a dead namespace, or without "
                f"the container that it links to, for it depends on {one.name}. "
                f"Say state: {one.state} for it in the same list."
            )

    def _remove(self, one: Wanted) -> None:
        for key in self._keys(one):
            self._refuse_orphans(one, key)
            self._add("remove", one.name, "the list wants it absent", key, grace=_grace(one))

    def _stop(self, one: Wanted) -> None:
        key = self._identify(one)
        if key and self.host.states[key] in ("running", "paused", "restarting"):
            self._refuse_orphans(one, key)
            why = "stopped, it would not be there to be started again"
            self._refuse_vanishing(f"{one.where}: state: stopped", key, why, "Say state: absent, or recreate it first.")
            self._add("stop", one.name, "the list wants it stopped", key, grace=_grace(one))

    # -- create and fix ----------------------------------------------------------------------------------------------

    def _bring(self, one: Wanted) -> None:
        key = self._identify(one)
        endpoints.check(self.host, one, key, self.settled)
        _refuse_more_cpus(one, self.host.cpus)
        wanted = self._expected(one)
        if key is None:
            self._create(one, wanted, "there is no container of this name")
            return
        if self.host.name(key) != one.name:
            called = self.host.name(key)
            early = called == one.name + NEW_SUFFIX
            self._add("rename", one.name, f"it is called {called}", key, to=one.name, early=early)
        reasons = self._reasons_to_recreate(one, key, wanted)
        if reasons:
            self._recreate(one, key, wanted, reasons)
            return
        if self._follows(one, key):
            return
        self._fix_live(one, key, wanted)
        self._fix_endpoints(one, key)
        self._fix_state(one, key)

    def _expected(self, one: Wanted) -> Json:
        image = (self.host.images.get(one.image) or {}).get("Config") or {}
        return options.expected(one.options, image, shares=bool(one.donor), limits_swap=self.host.limits_swap)

    def _network_mode(self, one: Wanted) -> str:
        """The engine's NetworkMode; ``container:@name`` stands for the id of a container that is not made yet."""
        if not one.donor:
            return one.network_mode
        key = self._donor_key(one)
        return f"container:{key}" if key else f"container:@{self._donor_entry_name(one)}"

    def _donor_entry_name(self, one: Wanted) -> str:
        """The name under which the list speaks of the donor, or the donor's own where it does not."""
        key = self.host.find(one.donor)
        names = [one.donor, self.host.name(key) if key else "", self.host.marks.get(key or "", "")]
        return next((name for name in names if name in self.by_name), one.donor)

    def _donor_key(self, one: Wanted) -> str | None:
        """The id of the donor, or None where it is not made yet."""
        entry = self.by_name.get(self._donor_entry_name(one))
        if entry is None:
            return self.host.find(one.donor)
        return None if entry.name in self.born else self._identify(entry)

    def _create(self, one: Wanted, wanted: Json, reason: str) -> None:
        self.born.add(one.name)
        self.differences[one.name] = {"state": ("absent", one.state)}
        self._add("create", one.name, reason, "", **self._making(one, wanted))

    def _making(self, one: Wanted, wanted: Json) -> Json:
        mode = self._network_mode(one)
        body = options.body(wanted, one.image, mode, one.name)
        if one.configs or options.CONFIGS_LABEL in body["Labels"]:  # an image that was committed hands on its own
            body["Labels"][options.CONFIGS_LABEL] = configs.label(one.configs)
        return {"body": body, "endpoints": one.endpoints, "configs": one.configs, "start": one.state == "started"}

    def _reasons_to_recreate(self, one: Wanted, key: str, wanted: Json) -> list[str]:
        inspect = self.host.inspected[key]
        found: dict[str, tuple[Any, Any]] = {}
        image = self.host.images.get(one.image)
        if image is None or image["Id"] != inspect["Image"]:
            found["image"] = (inspect["Config"].get("Image"), one.image)
        mode = self._network_mode(one)
        if not self._same_mode(inspect["HostConfig"]["NetworkMode"], mode) and not self._on_one_of(one, inspect):
            before, after = self._told(inspect["HostConfig"]["NetworkMode"]), self._told(mode)
            found["network_mode"] = (before, f"{after} (recreated)" if before == after else after)
        mac = endpoints.mac_differs(one, inspect)
        if mac:
            found["mac_address"] = mac
        current = options.observed(inspect, self.host.host_name, wanted, self.host.defaults)
        found.update(options.differences(current, wanted))
        if configs.differ(one.configs, self.host.contents.get(key, {}), inspect, image):
            found["configs"] = ("", "")
        rm = bool(inspect["HostConfig"].get("AutoRemove"))
        if rm and one.state == "started" and not self.host.runs(key):
            found["auto_remove"] = (True, False)  # the engine would delete one that it cannot start
        if found:
            self.differences[one.name] = found
        only_live = (
            options.update_body(wanted, set(found)) is not None
            and set(found) <= {o.name for o in options.OPTIONS}
            and not (rm and "restart" in found)  # the engine gives no policy to one that it is to delete
        )
        reasons = [] if only_live else [_reason(name, *pair) for name, pair in found.items()]
        if one.recreate == "never" and reasons:
            raise NetmodeError(
                f"{one.where}: recreate: never, but it would have to be recreated: {'; '.join(reasons)}."
            )
        if one.recreate == "always" and not reasons:
            self.differences.setdefault(one.name, {})["recreate"] = ("", "always")
            reasons = ["recreate: always"]
        if reasons and _state(inspect) == "removing":
            raise NetmodeError(f"{one.where}: the engine is removing the container. Run again when it is gone.")
        return reasons

    def _same_mode(self, current: str, wanted: str) -> bool:
        if modes.kind(current) != modes.kind(wanted):
            return False
        if current.startswith("container:"):
            return (
                not wanted.startswith("container:@")
                and self.host.find(current.partition(":")[2]) == wanted.partition(":")[2]
            )
        return modes.kind(wanted) != "network" or self._network_id(current) == self._network_id(wanted)

    def _on_one_of(self, one: Wanted, inspect: Json) -> bool:
        """Whether the container began on one of the entry's networks, where no mode says which of them is the first."""
        current = inspect["HostConfig"]["NetworkMode"]
        first = "bridge" if modes.kind(current) == "bridge" else current
        return not one.mode_given and self._network_id(first) in map(self._network_id, one.endpoints)

    def _network_id(self, reference: str) -> str:
        if reference in self.host.networks:
            return str(self.host.networks[reference]["Id"])
        return next((one["Id"] for one in self.host.networks.values() if one["Id"].startswith(reference)), reference)

    def _told(self, mode: str) -> str:
        """A NetworkMode as a person says it: the donor by name."""
        if not mode.startswith("container:"):
            return mode
        reference = mode.partition(":")[2].lstrip("@")
        key = self.host.find(reference)
        return "container:" + (
            self.host.name(key) if key else reference if len(reference) < 64 else reference[:12] + " (gone)"
        )

    def _recreate(self, one: Wanted, key: str, wanted: Json, reasons: list[str]) -> None:
        self.born.add(one.name)
        inspect = self.host.inspected[key]
        why = f"it would have to be recreated ({'; '.join(reasons)}), and could not be put back if that failed"
        self._refuse_vanishing(
            one.where, key, why, f"Stop it manually (docker stop {self.host.name(key)}) and run again."
        )
        making = self._making(one, wanted)
        old = self.host.images.get(inspect["Image"]) or self.host.images.get(one.image) or {}
        volumes = mounted.hand_on(inspect, old.get("Config") or {}, wanted["volumes"], wanted["tmpfs"] or {})
        clone.keep(making["body"], inspect, wanted)
        notes = labels.notes(inspect["Config"].get("Labels"), (old.get("Config") or {}).get("Labels"))
        making["body"]["Labels"] = {**notes, **making["body"]["Labels"]}
        making["body"]["HostConfig"]["Binds"] += volumes.kept
        making["dependants"] = self._running_dependants(key)
        proven = self.host.states[key] == "running" and {*self.differences.get(one.name, {})} <= UNTRIED
        self._add(
            "recreate", one.name, "; ".join(reasons), key, **making, grace=_grace(one), proven=proven,
            unused=volumes.unused, left=volumes.left,
        )  # fmt: skip
        self._follow(key, f"its donor {one.name} is recreated", born=True)

    def _fix_live(self, one: Wanted, key: str, wanted: Json) -> None:
        found = self.differences.get(one.name, {})
        if found:
            reason = "; ".join(_reason(name, *pair) for name, pair in found.items())
            self._add("update", one.name, reason, key, body=options.update_body(wanted, set(found)))

    def _fix_endpoints(self, one: Wanted, key: str) -> None:
        for change in endpoints.fixing(one, self.host.inspected[key]):
            self.differences.setdefault(one.name, {})[f"networks.{change.network}"] = ("", change.why)
            data = {"network": change.network, "endpoint": change.spec}
            self._add(change.action, one.name, f"{change.network}: {change.why}", key, **data)

    def _fix_state(self, one: Wanted, key: str) -> None:
        state = self.host.states[key]
        if one.state == "stopped":
            if state in ("running", "paused", "restarting"):
                self.differences.setdefault(one.name, {})["state"] = (state, "stopped")
            return
        reason = self._stale(one, key)
        action = {
            "paused": "unpause",
            "running": "restart" if reason else "",
            "restarting": "restart" if reason else "",
        }.get(state, "start")
        if action:
            self.differences.setdefault(one.name, {})["state"] = (state, "started")
            if action != "restart":
                self._add(action, one.name, reason or f"it is {state}", key)
            if reason and action != "start":
                self._restart(one.where, one.name, key, reason)
            if reason or (not one.donor and action != "unpause"):
                self._follow(key, f"its donor {one.name} is {action}ed", born=False)

    def _stale(self, one: Wanted, key: str) -> str:
        """Why a running sharer is in a dead namespace, or empty: it was started before its donor's present run."""
        chain = self._chain(one)
        renewed = [donor for donor in chain if donor in self.renewed]
        if renewed:
            return self.renewed[renewed[0]]
        if not chain or chain[-1] not in self.host.inspected:
            return ""
        root, spaces = chain[-1], self.host.namespaces
        if key in spaces and root in spaces:
            stale = spaces[key] != spaces[root]
        else:
            stale = started(self.host.inspected[key]) < started(self.host.inspected[root])
        return f"its donor {self.host.name(root)} was restarted after it, so it is in a dead namespace" if stale else ""

    def _chain(self, one: Wanted) -> list[str]:
        """Ids from the donor to the container whose namespace all of them share, as far as they are there."""
        chain: list[str] = []
        key = self._donor_key(one) if one.donor else None
        while key and key not in chain:
            chain.append(key)
            key = self.host.donor(key)
        return chain


def _refuse_more_cpus(one: Wanted, there: int) -> None:
    asked = (one.options.get("cpus") or 0) / 10**9
    if there and asked > there:
        raise NetmodeError(f"{one.where}: cpus: {asked:g} CPUs are more than the {there} that this host has.")


def _grace(one: Wanted) -> int | None:
    """Seconds, None where the entry sets no stop_grace_period."""
    period: int | None = one.options.get("stop_grace_period")
    return period


def _state(inspect: Json) -> str:
    return str(inspect["State"]["Status"])


def _reason(option: str, before: Any, after: Any) -> str:
    if option in options.HIDDEN:
        return f"{option} differs"
    return (
        f"{option}: {before!r} -> {after!r}"
        if option not in ("image", "network_mode")
        else f"{option}: {before} -> {after}"
    )
