# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of a list: donors before sharers, who gives before who takes; circles and impossible donors refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.netmode.docker.plugins.module_utils._engine.names import joined
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .spec import Wanted
    from .state import Host


def in_order(host: Host, wanted: list[Wanted], givers: Mapping[str, set[str]]) -> list[Wanted]:
    """Donors before their sharers, givers before takers, otherwise as given.

    A cycle, a self-join or an unknown donor is refused. ``givers``: entry → the entries whose containers hold now what
    it is to have; a circle of these is left to those who look for what is still held when its taker starts.
    """
    by_name = {one.name: one for one in wanted}
    donors: dict[str, str] = {}
    done: dict[str, Wanted] = {}
    path: list[str] = []

    def visit(one: Wanted) -> None:
        if one.name in done:
            return
        if one.name in path:
            circle = " -> ".join([*path[path.index(one.name) :], one.name])
            raise NetmodeError(
                f"{one.where}: network_mode: the donors form a circle: {circle}. One must have a mode of its own."
            )
        path.append(one.name)
        before = len(path)
        if one.donor and one.state != "absent":
            donor = _donor_entry(host, by_name, one)
            if donor is None:  # outside the list, where it may be a sharer itself, of a container in the list
                donor = _behind(host, by_name, host.find(one.donor), path)
            if donor is not None:
                donors[one.name] = donor.name
                visit(donor)
        del path[before - 1 :]
        done[one.name] = one

    for one in wanted:
        visit(one)
    ordered = []
    while done:
        ready = (name for name in done if not {donors.get(name), *givers.get(name, ())} & done.keys())
        ordered.append(done.pop(next(ready, next(iter(done)))))
    return ordered


def _behind(host: Host, by_name: dict[str, Wanted], key: str | None, path: list[str]) -> Wanted | None:
    """The first entry of the list among the donors of a container outside of it; ``path`` gets the names between."""
    while key is not None and host.name(key) not in path:
        if host.name(key) in by_name:
            return by_name[host.name(key)]
        path.append(host.name(key))
        key = host.donor(key)
    return by_name.get(host.name(key)) if key else None


def _donor_entry(host: Host, by_name: dict[str, Wanted], one: Wanted) -> Wanted | None:
    """The list entry of the donor, or None where the donor is a container outside the list. Refuses what cannot be."""
    key = host.find(one.donor)
    entry = entry_of(host, by_name, one.donor)
    if entry is one or (key and key == host.names.get(one.name)):
        raise NetmodeError(f"{one.where}: network_mode: a container cannot join itself. Name another donor.")
    if entry is None and one.donor in host.pending:
        return None
    mode = entry.network_mode if entry else host.modes.get(key or "", "")
    what = f"{one.where}: network_mode: container:{one.donor}"
    if entry is None and key is None:
        raise NetmodeError(
            f"{what}: there is no container {one.donor!r} on this host and none in this list. "
            "Start the donor first, or put it into the same list."
        )
    if mode == "host":
        raise NetmodeError(f"{what}: the donor is in host mode and has no namespace to share. Use network_mode: host.")
    if entry is None and host.states.get(key or "") not in ("running", "paused"):
        raise NetmodeError(f"{what}: the donor is not running. Start it first, or put it into the same list.")
    if entry is not None and entry.state != "started" and one.state == "started":
        raise NetmodeError(f"{what}: the same list wants the donor {entry.state}. A sharer needs a running donor.")
    return entry


def entry_of(host: Host, by_name: Mapping[str, Wanted], reference: str) -> Wanted | None:
    """The list entry that a reference to a container means: by its name, or by the container's name or label."""
    key = host.find(reference) or ""
    return by_name.get(reference) or by_name.get(host.name(key)) or by_name.get(host.marks.get(key, ""))


def at_the_end(host: Host, wanted: list[Wanted], one: Wanted) -> str:
    """The name of the container whose namespace a sharer is given, through other sharers of the list or the host."""
    by_name = {entry.name: entry for entry in wanted}
    name, seen = one.name, set()
    while name not in seen:
        seen.add(name)
        donor = by_name[name].donor if name in by_name else joined(host.modes.get(host.names.get(name, ""), ""))
        if not donor:
            break
        key = host.find(donor)
        name = donor if donor in by_name or key is None else host.name(key)
    return name
