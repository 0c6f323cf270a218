# SPDX-License-Identifier: GPL-3.0-or-later
"""From where in a fleet each Redis can be reached: what the network modes say, and what was found.

docker0 ends at its host: a bridge address is reached from there alone, a published port and a port of the host from
everywhere, and what is kept to the loopback or has no network from nowhere. What is behind a link of the host, to which
a custom interface leads, is not known: it is looked for there, and either is right. Pure: (targets, answers) ->
cells. No password goes from one host to another: a Redis that asks for one answers ``NOAUTH``, and has been reached.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._redis.targets import Target, name_of, where_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Cell = dict[str, Any]
"""``{from, to, instance, role, where, expected, observed, ok}``; role: of a replication or a cluster; expected is
"an answer", "no answer" or "either"."""

EXPECTED = {True: "an answer", False: "no answer", None: "either"}
_SHOWN = {"an answer": "yes", "no answer": "no", "either": "may"}

COLUMNS = 8
"""As many hosts fit beside each other; for more, only the cells that are not as expected are shown."""


def asked_by(by_host: Mapping[str, Sequence[Target]], witnesses: Mapping[str, int]) -> dict[str, list[Target]]:
    """What each host asks: its own targets, and those of as many ``witnesses`` that follow it (0: of all others).

    The order is that of ``by_host``, a circle: so each Redis has as many witnesses, and the cost grows with the hosts.
    """
    hosts = list(by_host)
    circle = hosts + hosts
    asked: dict[str, list[Target]] = {}
    for at, host in enumerate(hosts):
        others = min(witnesses[host] or len(hosts), len(hosts) - 1)
        asked[host] = [target for name in circle[at : at + others + 1] for target in by_host[name]]
    return asked


def cells(
    by_host: Mapping[str, Sequence[Target]],
    answers: Mapping[str, Mapping[str, Mapping[str, Any]]],
    own: Mapping[str, Mapping[str, str]],
) -> list[Cell]:
    """Every target that a host asked, with what it found. ``answers``: {from: {name_of(target): answer}}.

    ``own``: of each host, which of its containers has an address.
    """
    askers: dict[str, list[str]] = {}
    for witness in by_host:
        for name in answers.get(witness) or {}:
            askers.setdefault(name, []).append(witness)
    return [
        _cell(target, witness, answers[witness][name_of(target)], own.get(witness) or {})
        for of_host in by_host.values()
        for target in of_host
        for witness in askers.get(name_of(target), [])
    ]


def _cell(target: Target, witness: str, answer: Mapping[str, Any], own: Mapping[str, str]) -> Cell:
    wanted = target["near"] if witness == target["to"] else target["far"]
    observed = str(answer.get("answer") or answer.get("error") or "no answer").split(" ", 1)[0]
    if not answer.get("reachable"):
        observed, reached = str(answer.get("error") or "no answer"), False
    else:
        other = _another(target, witness, answer, own)
        observed, reached = other or observed, other is None
    return {
        "from": witness,
        "to": target["to"],
        "instance": target["instance"],
        "role": target["role"],
        "where": where_of(target),
        "expected": EXPECTED[wanted],
        "observed": observed,
        "ok": wanted is None or reached == wanted,
    }


def _another(target: Target, witness: str, answer: Mapping[str, Any], own: Mapping[str, str]) -> str | None:
    """What answered, where it is not this Redis: every host has a docker0 with the same addresses."""
    run_id = (answer.get("server") or {}).get("run_id")
    if target["run_id"] and run_id and run_id != target["run_id"]:
        return "another Redis"
    if target.get("tls") and (answer.get("certificate") or {}).get("sha256") != target["tls"]:
        return "another certificate"
    if target["holder"]:
        return f"that of {target['holder']}"
    if witness != target["to"] and target["address"] in own:
        return f"its own {own[target['address']]}"
    return None


def render(found: Sequence[Cell], hosts: Sequence[str]) -> list[str]:
    """A row for each address, a column for each host that asked, in each cell what was expected and what observed.

    What the Redis there is in a replication or a cluster comes last.
    """
    wrong = sum(not cell["ok"] for cell in found)
    told = f"{len(found)} cells, " + (f"{wrong} not as expected" if wrong else "all as expected")
    if len(hosts) > COLUMNS:
        return [_sentence(cell) for cell in found if not cell["ok"]] + [told]
    rows: dict[tuple[str, str, str], dict[str, str]] = {}
    for cell in found:
        row = rows.setdefault((cell["to"], cell["instance"], cell["where"]), {"role": cell["role"]})
        row[cell["from"]] = f"{_SHOWN[cell['expected']]}: {cell['observed']}" + ("" if cell["ok"] else "  FAIL")
    table = [["to", "", "", *(f"from {host}" for host in hosts), ""]]
    table += [[*key, *(row.get(host, "") for host in hosts), row["role"]] for key, row in rows.items()]
    widths = [max(len(line[column]) for line in table) for column in range(len(table[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in table]
    words = "yes, no, may" if any(cell["expected"] == "either" for cell in found) else "yes, no"
    return [*lines, f"{told} ({words}: whether it is to answer; then what was observed)"]


def _sentence(cell: Cell) -> str:
    return (
        f"FAIL from {cell['from']} to {cell['instance']} of {cell['to']} at {cell['where']}  "
        f"(expected {cell['expected']}, observed {cell['observed']})"
    )
