# SPDX-License-Identifier: GPL-3.0-or-later
"""A sharer and its donor, as a plan so far has them: which namespace it is to join, and whether it is in that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import order
from .state import started

if TYPE_CHECKING:
    from .draft import Draft
    from .spec import Wanted


def network_mode(draft: Draft, one: Wanted) -> str:
    """The engine's NetworkMode; ``container:@name`` stands for the id of a container that is not made yet."""
    if not one.donor:
        return one.network_mode
    key = _donor(draft, one)
    if key:
        return f"container:{key}"
    entry = order.entry_of(draft.host, draft.by_name, one.donor)
    return f"container:@{entry.name if entry else one.donor}"


def stale(draft: Draft, one: Wanted, key: str) -> str:
    """Why a running sharer is in a dead namespace, or empty: it was started before its donor's present run."""
    host, chain = draft.host, _chain(draft, one)
    renewed = [donor for donor in chain if donor in draft.renewed]
    if renewed:
        return draft.renewed[renewed[0]]
    if not chain or chain[-1] not in host.inspected:
        return ""
    root, spaces = chain[-1], host.namespaces
    if key in spaces and root in spaces:
        dead = spaces[key] != spaces[root]
    else:
        dead = started(host.inspected[key]) < started(host.inspected[root])
    return f"its donor {host.name(root)} was restarted after it, so it is in a dead namespace" if dead else ""


def _donor(draft: Draft, one: Wanted) -> str | None:
    """The id of the donor, or None where it is not made yet."""
    entry = order.entry_of(draft.host, draft.by_name, one.donor)
    if entry is None:
        return draft.host.find(one.donor)
    return None if entry.name in draft.born else draft.container(entry)


def _chain(draft: Draft, one: Wanted) -> list[str]:
    """Ids from the donor to the container whose namespace all of them share, as far as they are there."""
    chain: list[str] = []
    key = _donor(draft, one) if one.donor else None
    while key and key not in chain:
        chain.append(key)
        key = draft.host.donor(key)
    return chain
