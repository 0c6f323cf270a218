# SPDX-License-Identifier: GPL-3.0-or-later
"""``interfaces`` up to the plan, and what the record is to say: what check mode says. Changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine
from ansible_collections.netmode.docker.plugins.module_utils._lock import undisturbed

from . import record
from .observe import observe
from .plan import Change, plan
from .spaces import Spaces
from .spec import Interface, absent, parse_list
from .state import Container, Link

if TYPE_CHECKING:
    from .record import Record
    from .state import Host


class Seen(NamedTuple):
    entries: list[Interface]
    """Those of the list, and what else the purged containers have."""
    changes: list[Change]
    recorded: Record
    wanted: Record
    """What the record is to say."""
    wrong: tuple[str, ...]
    """What of the record is of no use."""
    result: dict[str, Any]

    @property
    def due(self) -> bool:
        return self.wanted != self.recorded or any(change.commands for change in self.changes)


def would(params: dict[str, Any]) -> dict[str, Any]:
    """What a run would do, as the module returns it. NetmodeError: a refusal."""
    return look(params, params.get("pending") or []).result


def look(params: dict[str, Any], pending: list[str]) -> Seen:
    """``pending``: containers that a task before this one would start anew. NetmodeError: a refusal."""
    engine = Engine(params["docker_host"], params["timeout"])

    def once() -> Seen:
        with Spaces() as spaces:
            return planned(params, pending, engine, spaces)

    return undisturbed("interfaces", engine.docker_host, once)


def planned(params: dict[str, Any], pending: list[str], engine: Engine, spaces: Spaces) -> Seen:
    listed, purged = parse_list(params["interfaces"]), params.get("purge") or []
    recorded, wrong = record.load()
    names = [entry.container for entry in listed]
    host = _by_name(set(purged) - set(names), observe(engine, [*names, *purged], spaces))
    if pending:
        host = _with_pending(host, pending)
    entries = [*listed, *_unlisted(purged, listed, recorded, host)]
    changes = plan(entries, host)
    wanted = _recorded_after(recorded, entries, host)
    result = {**_result(changes, _notes(entries, host, recorded, wanted)), "warnings": list(wrong)}
    return Seen(entries, changes, recorded, wanted, wrong, result)


def _by_name(words: set[str], host: Host) -> Host:
    """To the engine ``db`` is any container whose id begins so, where none has that name; here it is a name alone."""
    others = {word for word in words if word in host.containers and host.containers[word].name != word}
    return host._replace(containers={word: one for word, one in host.containers.items() if word not in others})


def _with_pending(host: Host, pending: list[str]) -> Host:
    """The host once these run again in none mode: their links are gone, but for a network card that one has."""
    made, gone = {}, set()
    for word in pending:
        there = _by_name({word}, host).containers.get(word)
        links = there.links if there else {}
        gone |= {link.outer.name for link in links.values() if link.outer}
        cards = {name: link for name, link in links.items() if link.kind == "physical"}
        identity = (there.id, there.name) if there else (word, word)
        made[word] = Container(*identity, network_mode="none", status="pending", running=True, links=cards)
    left = {name: link for name, link in host.links.items() if name not in gone}
    return host._replace(containers={**host.containers, **made}, links=left)


def _unlisted(purged: list[str], entries: list[Interface], recorded: Record, host: Host) -> list[Interface]:
    """What else the purged containers have of this module's, or were to have: to be removed."""
    listed = {record.key(_name(entry.container, host), entry.name) for entry in entries}
    found: dict[str, Interface] = {}
    for word in purged:
        name, container = _name(word, host), host.containers.get(word)
        links = container.links if container else {}
        marked = {link for link, one in links.items() if one.mark or one.outer}
        noted = {entry["name"] for entry in recorded.values() if entry["container"] == name}
        found.update({record.key(name, link): absent(name, link) for link in marked | noted})
    return [entry for key, entry in sorted(found.items()) if key not in listed]


def _name(word: str, host: Host) -> str:
    return host.containers[word].name if word in host.containers else word


def _recorded_after(recorded: Record, entries: list[Interface], host: Host) -> Record:
    wanted = dict(recorded)
    for entry in entries:
        name = _name(entry.container, host)
        wanted.pop(record.key(name, entry.name), None)
        if entry.present:
            wanted[record.key(name, entry.name)] = record.item(entry, name)
    return wanted


def _notes(entries: list[Interface], host: Host, before: Record, after: Record) -> list[tuple[str, str] | None]:
    """(action, reason) for each entry whose record differs."""
    found: list[tuple[str, str] | None] = []
    for entry in entries:
        key = record.key(_name(entry.container, host), entry.name)
        if before.get(key) == after.get(key):
            found.append(None)
        elif entry.present:
            found.append(("record", f"{record.PATH} did not say so, and the keeper goes by that"))
        else:
            found.append(("forget", f"{record.PATH} had it"))
    return found


def _result(changes: list[Change], notes: list[tuple[str, str] | None]) -> dict[str, Any]:
    shown = {}
    for change, note in zip(changes, notes):
        shown[f"{change.entry.container}:{change.entry.name}"] = {
            "changed": bool(change.commands or note),
            "actions": [*change.actions, *([note[0]] if note else [])],
            "reasons": [*change.reasons, *([note[1]] if note else [])],
        }
    due = {f"{change.entry.container}:{change.entry.name}": change for change in changes if change.commands}
    return {
        "changed": any(one["changed"] for one in shown.values()),
        "interfaces": shown,
        "diff": {
            "before": {key: _described(change.before) for key, change in due.items() if change.before},
            "after": {key: _described(change.entry) for key, change in due.items() if change.entry.present},
        },
    }


def _described(one: Link | Interface) -> dict[str, Any]:
    """The attributes that both sides have; what an entry does not say is not shown for it."""
    shown: dict[str, Any] = {"kind": one.kind}
    shown["on"] = one.on if isinstance(one, Link) else one.bridge or one.parent
    shown.update({name: getattr(one, name) for name in ("vlan", "mac", "mtu") if getattr(one, name)})
    shown["addresses"] = sorted(map(str, one.addresses))
    shown["routes"] = sorted(f"{to} via {via}" if via else str(to) for to, via in one.routes)
    return shown
