# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether there is room for the keys of slots that are to move, before the first of them does. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .nodes import count
from .state import ClusterError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .moves import Move
    from .nodes import View
    from .state import Member

_MIB = 1 << 20


def refuse_full(moves: Sequence[Move], seen: Mapping[str, View], members: Sequence[Member]) -> None:
    """ClusterError: a node or its host has less memory than it is to get. A slot is taken for as large as the others of
    its master.
    """
    hosts = {one.name: one.host for one in members}
    gets: dict[str, int] = {}
    goes: dict[str, int] = {}
    for source, to, slots in moves:
        view = seen[source]
        size = view.memory.data * len(slots) // max(count(view.me.slots), 1)
        gets[to] = gets.get(to, 0) + size
        goes[source] = goes.get(source, 0) + size
    found = [
        f"{name}: is to get about {_size(size)}, and has {_size(room)} left of its maxmemory of "
        f"{_size(seen[name].memory.most)}. Raise redis_maxmemory there, or {_ELSE}"
        for name, size in gets.items()
        if seen[name].memory.most and size > (room := max(seen[name].memory.most - seen[name].memory.used, 0))
    ]
    more: dict[str, int] = {}
    free: dict[str, int] = {}
    for name, view in seen.items():  # a replica has what its master has
        ids = {seen[one].me.id: one for one in (*gets, *goes)}
        of = name if name in gets or name in goes else ids.get(view.me.master, "")
        more[hosts[name]] = more.get(hosts[name], 0) + gets.get(of, 0) - goes.get(of, 0)
        free[hosts[name]] = view.memory.free
    found += [
        f"host {host}: its nodes are to get about {_size(size)} more than they have, and it has {_size(free[host])} "
        f"free. Give it more memory, or {_ELSE}"
        for host, size in more.items()
        if size > free[host] > 0
    ]
    if found:
        raise ClusterError(" ".join([*found, "No slot has moved for this."]))


_ELSE = "add nodes on other hosts, or take fewer out."


def _size(size: int) -> str:
    return f"{max(size, 0) / _MIB:.1f} MiB" if size < 10 * _MIB else f"{size // _MIB} MiB"
