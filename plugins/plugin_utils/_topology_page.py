# SPDX-License-Identifier: GPL-3.0-or-later
"""The networks of a fleet as one HTML page that needs nothing else: what is open and wrong first, then host by host.

Drawn by containment, in the order of the data, so that it reads without script, on paper and by a screen reader. Every
name is escaped and isolated (``<bdi>``): what writes from right to left changes nothing around it.
"""

from __future__ import annotations

import base64
import hashlib
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from ansible_collections.netmode.docker.plugins.plugin_utils import _topology_findings as looks
from ansible_collections.netmode.docker.plugins.plugin_utils._topology import NO_INTERFACE, drawn
from ansible_collections.netmode.docker.plugins.plugin_utils._topology_changes import WENT, changes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ansible_collections.netmode.docker.plugins.plugin_utils._topology import (
        Alone,
        Bridge,
        Host,
        Interface,
        Sharer,
        Stopped,
    )
    from ansible_collections.netmode.docker.plugins.plugin_utils._topology_changes import Change


class Fleet(NamedTuple):
    """What is drawn: the name of each host to its facts, ports, and roles; and the cells of the matrix."""

    facts: Mapping[str, Any]
    """None or empty: the host could not be read."""
    ports: Mapping[str, Any]
    roles: Mapping[str, Any]
    cells: list[Mapping[str, Any]]
    before: Mapping[str, Any] | None
    """Facts of an earlier reading, if there is one."""


def page(fleet: Fleet, style: str, script: str) -> str:
    """``style`` and ``script`` are put into it, and nothing else may run or be loaded."""
    changed = None if fleet.before is None else changes(fleet.before, fleet.facts)
    hosts = [_Page(name, fleet, changed or []) for name in sorted(fleet.facts)]
    title = f"Network of {_count(len(hosts), 'host')}"
    policy = (
        f"default-src 'none'; style-src {_digest(style)}; script-src {_digest(script)}; base-uri 'none'; "
        "form-action 'none'"
    )
    answers = _wrong(hosts) + _changed(hosts, changed) + _open(hosts) + _matrix(fleet.cells)
    return _SHELL.format(
        policy=policy, style=style, script=script, title=title, sum=_sum(hosts), answers=answers,
        hosts="".join(one.html() for one in hosts),
    )  # fmt: skip


_SHELL = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<a class="skip" href="#hosts">To the hosts</a>
<header>
<h1>{title}</h1>
<p>{sum}</p>
<div id="search" role="search" hidden>
<label for="find">Find</label>
<input id="find" type="search" autocomplete="off" spellcheck="false" placeholder="name, address, veth, image, mode">
<output for="find"></output>
</div>
</header>
<main>
<div id="answers">{answers}</div>
<div id="hosts">{hosts}</div>
</main>
<script>{script}</script>
</body>
</html>
"""


def _digest(text: str) -> str:
    """As a Content-Security-Policy names what may run."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


def _name(text: Any) -> str:
    return f"<bdi>{escape(str(text))}</bdi>"


def _code(text: Any) -> str:
    return f"<code>{escape(str(text))}</code>" if text else ""


def _listening(ports: Iterable[int]) -> str:
    return " ".join(f"port {_code(port)}" for port in ports)


def _list(items: Iterable[str], kind: str = "") -> str:
    found = "".join(f"<li>{item}" for item in items)
    return f"<ul{f' class={kind}' if kind else ''}>{found}</ul>" if found else ""


def _group(title: str, body: str, kind: str) -> str:
    return f"<section class={kind}><h3>{title}</h3>{body}</section>" if body else ""


# --- answers ----------------------------------------------------------------------------------------------------------


def _sum(hosts: list[_Page]) -> str:
    containers = sum(len(one.containers) for one in hosts)
    opened = sum(not opening.near for one in hosts for opening in one.openings)
    wrong = sum(len(one.findings) for one in hosts)
    told = _count(wrong, "finding") if wrong else "nothing wrong"
    return f"{_count(containers, 'container')}, {_count(opened, 'port')} open to others, {told}"


def _wrong(hosts: list[_Page]) -> str:
    rows = [
        f"<a href={one.anchor(finding.about)}>{_name(one.name)}</a> {_name(finding.what)}"
        for one in hosts
        for finding in one.findings
    ]
    return f"<section class=wrong><h2>What is wrong</h2>{_list(rows)}</section>" if rows else _none("What is wrong")


def _changed(hosts: list[_Page], changed: list[Change] | None) -> str:
    if changed is None:
        return ""
    pages = {one.name: one for one in hosts}
    rows = [
        f"{_linked(pages.get(one.host), one)} {one.how}: {one.kind} {_name(one.name)} <small>{_name(one.told)}</small>"
        for one in changed
    ]
    title = "What has changed"
    return f"<section class=changed><h2>{title}</h2>{_list(rows)}</section>" if rows else _none(title)


def _linked(page: _Page | None, change: Change) -> str:
    """The host's name, as a link to what is still there."""
    if page is None:
        return _name(change.host)
    gone = change.how == WENT or change.kind not in ("container", "bridge")
    about = "" if gone else looks.bridge(change.name) if change.kind == "bridge" else change.name
    return f"<a href={page.anchor(about)}>{_name(change.host)}</a>"


def _open(hosts: list[_Page]) -> str:
    """A row for each host; what leads where stands at its edge."""
    rows = [
        f"<tr><th scope=row><a href={one.anchor('')}>{_name(one.name)}</a>"
        f"<td>{_ports(one, near=False)}<td>{_ports(one, near=True)}"
        for one in hosts
        if one.openings
    ]
    return _table("What is open", ("Host", "To others", "To the host alone"), rows) or _none("What is open")


def _ports(one: _Page, *, near: bool) -> str:
    return escape(", ".join(dict.fromkeys(opening.at for opening in one.openings if opening.near == near)))


def _matrix(cells: list[Mapping[str, Any]]) -> str:
    askers = list(dict.fromkeys(str(cell["from"]) for cell in cells))
    found: dict[tuple[str, str, str], dict[str, Mapping[str, Any]]] = {}
    for cell in cells:
        found.setdefault((cell["to"], cell["instance"], cell["where"]), {})[str(cell["from"])] = cell
    rows = [
        f"<tr><th scope=row>{_name(to)} {_name(instance)} {_code(where)}"
        + "".join(_cell(row.get(asker)) for asker in askers)
        for (to, instance, where), row in found.items()
    ]
    return _table("Who reaches whom", ("To", *(f"from {_name(asker)}" for asker in askers)), rows)


def _cell(cell: Mapping[str, Any] | None) -> str:
    if cell is None:
        return "<td>"
    observed = escape(cell["observed"])
    return f"<td>{observed}" if cell["ok"] else f"<td class=bad>{observed}, not as expected"


def _table(title: str, columns: Iterable[str], rows: list[str]) -> str:
    if not rows:
        return ""
    head = "".join(f"<th scope=col>{column}" for column in columns)
    return (
        f"<section><h2>{title}</h2><div class=wide tabindex=0 role=region aria-label='{title}'><table>"
        f"<thead><tr>{head}<tbody>{''.join(rows)}</table></div></section>"
    )


def _none(title: str) -> str:
    return f"<section><h2>{title}</h2><p>Nothing.</p></section>"


# --- a host -----------------------------------------------------------------------------------------------------------


class _Page:
    """One host on its way to HTML."""

    def __init__(self, name: str, fleet: Fleet, changed: list[Change]) -> None:
        facts = fleet.facts[name]
        self.name, self.key = name, quote(name, safe="")
        self.facts: Mapping[str, Any] = facts if facts else {}
        self.roles: Mapping[str, Any] = fleet.roles.get(name) or {}
        self.containers: Mapping[str, Any] = self.facts.get("containers") or {}
        self.host: Host = drawn(self.facts, fleet.ports.get(name) or {})
        self.findings = looks.findings(self.host) if facts else [looks.Finding("could not be read", "")]
        self.openings = looks.openings(self.facts, self.host)
        self.marks = {one.name: one.how for one in changed if one.host == name and one.kind == "container"}
        self.placed: set[str] = set()
        """Names that have an anchor: one of several networks is drawn several times."""

    def anchor(self, about: str) -> str:
        return f'"#{self.key}/{quote(about, safe="")}"' if about else f'"#{self.key}"'

    def html(self) -> str:
        engine = self.host.engine
        said = "could not be read" if not self.facts else "no Docker Engine" if engine is None else f"Docker {engine}"
        head = f'<h2><a href="#{self.key}">{_name(self.name)}</a> <small>{escape(said.strip())}</small></h2>'
        host = self.host
        body = "".join(
            [
                _group("Open", _list(map(self._opening, self.openings), "ports"), "edge"),
                *map(self._bridge, host.bridges),
                _group("Other networks", _list(map(self._elsewhere, host.elsewhere), "wires"), "bridge"),
                _group("The host's own network", _list(map(self._on_host, host.on_host), "cards"), "own"),
                _group("Isolated", _list(map(self._isolated, host.isolated), "cards"), "none"),
                _group("Sharers without a donor", _list(map(self._sharer, host.orphans), "cards"), "none"),
                _group("Not running", _list(map(self._stopped, host.stopped), "cards"), "none"),
                _group("Veths of no container", _list(map(_code, host.loose), "ports"), "none"),
            ]
        )
        box = f"<div class=box>{body}</div>" if self.facts else ""
        return f'<section class=machine id="{self.key}">{head}{self._uplink()}{box}</section>'

    def _uplink(self) -> str:
        ways = [one for one in self.facts.get("routes") or [] if one["destination"] == "0.0.0.0/0"]
        told = [f"{_code(one['interface'])} to {_code(one['gateway'] or 'the link')}" for one in ways]
        return f"<p class=up>uplink {', '.join(told)}</p>" if told else ""

    def _opening(self, one: looks.Opening) -> str:
        kind = " class=near" if one.near else ""
        return f"<a{kind} href={self.anchor(one.container)}>{_code(one.at)} {_name(one.container)} {_code(one.to)}</a>"

    def _bridge(self, bridge: Bridge) -> str:
        said = f"network {_name(bridge.network)}" if bridge.network else "not Docker's"
        others = [
            f"{_code(name)}<i></i><span>{'a veth of no container' if is_veth else 'of the host itself'}</span>"
            for name, is_veth in bridge.others
        ]
        title = f"{_name(bridge.name)} {' '.join(map(_code, bridge.addresses)) or 'no address'} <small>{said}</small>"
        wires = _list([*map(self._wire, bridge.interfaces), *others], "wires") or "<p>Nothing is plugged in.</p>"
        return f"<section class=bridge{self._id(looks.bridge(bridge.name))}><h3>{title}</h3>{wires}</section>"

    def _wire(self, one: Interface) -> str:
        return f"{_code(one.veth)}<i></i>{self._interface(one)}"

    def _elsewhere(self, one: Interface) -> str:
        network = f" network {_name(one.network)}" if one.network else ""
        return f"<span>{escape(one.kind)}{network}</span><i></i>{self._interface(one)}"

    def _interface(self, one: Interface) -> str:
        cells = [_code(one.name), *map(_code, one.addresses), _code(one.mac), *map(escape, one.notes)]
        return self._card(one.container, " ".join(cells), one.sharers)

    def _on_host(self, one: Alone) -> str:
        return self._card(one.name, _listening(one.ports), one.sharers)

    def _isolated(self, one: Alone) -> str:
        return self._card(one.name, one.said if one.said == NO_INTERFACE else "only <code>lo</code>", one.sharers)

    def _sharer(self, one: Sharer) -> str:
        said = _listening(one.ports)
        if one.lost:
            said += f" {_name(one.lost)}"
        elif one.stale:
            said += f" <strong>no longer in {_name(one.donor)}'s namespace</strong>"
        return self._card(one.name, said, one.sharers)

    def _stopped(self, one: Stopped) -> str:
        return self._card(one.name, f"{escape(one.status)}", ())

    def _card(self, name: str, said: str, sharers: tuple[Sharer, ...]) -> str:
        container = self.containers[name]
        mode, role = escape(str(container.get("mode") or "")), self.roles.get(name)
        told = f"<small>{mode} {_name(container.get('image') or '')}</small>"
        told += f"<em>{_name(role)}</em>" if role else ""
        told += f" <mark>{self.marks[name]}</mark>" if name in self.marks else ""
        inside = _list(map(self._sharer, sharers), "in")
        return f'<div class="c {mode}"{self._id(name)}><b>{_name(name)}</b> {said} {told}{inside}</div>'

    def _id(self, name: str) -> str:
        if name in self.placed:
            return ""
        self.placed.add(name)
        return f' id="{self.key}/{quote(name, safe="")}"'
