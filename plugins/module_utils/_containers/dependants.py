# SPDX-License-Identifier: GPL-3.0-or-later
"""Who follows a container that is recreated or restarted: those that join its namespaces or are linked to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError

from .state import NEW_SUFFIX, OLD_SUFFIX, Host, restart_keeps

if TYPE_CHECKING:
    from .draft import Draft
    from .spec import Wanted


def follow(draft: Draft, key: str, reason: str, *, born: bool) -> None:
    """Dependants outside the list follow their donor; those inside are met when their turn comes."""
    host = draft.host
    draft.renewed[key] = reason
    for other in host.dependants(key, links=born):
        name, mark = host.name(other), host.marks.get(other, "")
        if name not in draft.by_name and mark not in draft.by_name and not name.endswith(NEW_SUFFIX):
            donor = _donor_name(host, key)
            _take_along(draft, other, name, donor, reason, born=born, starts=host.runs(other))


def follows(draft: Draft, one: Wanted, key: str) -> bool:
    """Whether an entry's container needs, in a way that the list cannot say, one that is recreated or restarted.

    If so, its step is added. One that is to be stopped follows too where its donor is recreated: it names that by an id
    that is gone then, and would never start again.
    """
    needs = draft.host.ties.get(key, {})
    renewed = [other for other in needs if other in draft.renewed]
    reborn = [other for other in renewed if draft.host.name(other) in draft.born]
    starts = one.state == "started"
    if not reborn and not (starts and [other for other in renewed if needs[other] != "link"]):
        return False
    donor = (reborn or renewed)[0]
    draft.differ(one, "state", draft.host.states[key], one.state)
    reason = draft.renewed[donor]
    _take_along(draft, key, one.name, _donor_name(draft.host, donor), reason, born=bool(reborn), starts=starts)
    return True


def restart(draft: Draft, where: str, name: str, key: str, reason: str) -> None:
    host, instead = draft.host, f"Remove it first (docker rm -f {name}), and start it again afterwards."
    if "pid" in host.ties.get(key, {}).values():
        refuse_vanishing(host, where, key, f"{reason}, and it ends with its process namespace", instead)
    if not restart_keeps(host.version):
        why = f"{reason}, and before Docker Engine 23 even a restart may delete it (this is {host.version})"
        refuse_vanishing(host, where, key, why, instead)
    draft.add("restart", name, reason, key)


def refuse_vanishing(host: Host, where: str, key: str, why: str, instead: str) -> None:
    """A container of ``docker run --rm`` is deleted the moment that it stops, and is gone if more fails."""
    if host.vanishes(key):
        raise NetmodeError(
            f"{where}: {host.name(key)} was started with --rm, so the engine deletes it, with its "
            f"anonymous volumes, the moment that it stops; {why}. {instead}"
        )


def running(host: Host, key: str) -> list[tuple[str, str]]:
    """(name, id) of all that run in a namespace of the container, nearest first: restarted if it is put back."""
    found: dict[str, str] = {}
    pending = [key]
    while pending:
        near = host.dependants(pending.pop(0), links=False)
        new = {other: host.name(other) for other in near if host.runs(other) and other not in found}
        found.update(new)
        pending += new
    return [(name, other) for other, name in found.items()]


def _take_along(draft: Draft, key: str, name: str, donor: str, reason: str, *, born: bool, starts: bool) -> None:
    """One step for a dependant, after the last of those that it depends on: an earlier one is moved.

    ``starts``: it runs afterwards, if it is made again.
    """
    earlier = [step for step in draft.steps if step.container == key and step.action in ("clone", "restart")]
    born = born or any(step.action == "clone" for step in earlier)
    draft.steps = [step for step in draft.steps if step not in earlier]
    if born:
        refuse_vanishing(
            draft.host, f"container {name}", key, f"{reason}, so it would have to be recreated",
            f"Remove it first (docker rm -f {name}), and start it again afterwards.",
        )  # fmt: skip
        draft.sweep(name, key, NEW_SUFFIX, "never took over")
        draft.add("clone", name, reason, key, donor=donor, start=starts, dependants=running(draft.host, key))
        draft.born.add(name)
        follow(draft, key, f"its donor {name} is recreated", born=True)
    elif draft.host.runs(key):
        restart(draft, f"container {name}", name, key, reason)
        follow(draft, key, f"its donor {name} is restarted", born=False)


def _donor_name(host: Host, key: str) -> str:
    name = host.name(key)
    return name[: -len(OLD_SUFFIX)] if name.endswith(OLD_SUFFIX) else name
