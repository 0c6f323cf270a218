# SPDX-License-Identifier: GPL-3.0-or-later
"""What each network mode claims of a Redis, compared with what the kernel, the engine and Redis itself say.

Pure: (facts of one host, answers of redis_ping, wanted instances) -> claims. The facts come from the module
network_facts; the answers are those to ``ways.endpoints``, which says what has to be asked for the proof.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .answers import claims_of_answers
from .asked import Claim, again, same
from .modes import claims_of_mode
from .ways import container_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from .answers import Pings
    from .ways import Facts, Instance


def claims(
    host: str, facts: Facts, pings: Pings, instances: Sequence[Instance], kept: Mapping[str, Claim] | None = None
) -> list[dict[str, Any]]:
    """All claims of ``instances`` on one host, in order. ``kept``: instance → what is claimed of its sources.

    Keys: host, instance, claim, expected, observed, ok and way_out, which is empty where it is ok.
    """
    return [
        {"host": host, "instance": instance.name, **claim._asdict(), "way_out": "" if claim.ok else claim.way_out}
        for instance in instances
        for claim in _prove(facts, pings, instance, (kept or {}).get(instance.name))
    ]


def _prove(facts: Facts, pings: Pings, instance: Instance, kept: Claim | None) -> Iterator[Claim]:
    status = container_of(facts, instance.name).get("status") or "no such container"
    if instance.state == "absent":
        yield same("there is no such container", "no such container", status, again("removes it"))
    elif instance.state == "stopped":
        ok = status in ("exited", "created")
        yield Claim("the container does not run", "not running", status, ok, again("stops it"))
    else:
        way_out = f"{again('starts it')} Its log says why it has ended, if it has (docker logs {instance.name})."
        yield same("the container runs", "running", status, way_out)
        if status == "running":
            yield from claims_of_mode(facts, instance)
            if kept:
                yield kept
            yield from claims_of_answers(facts, pings, instance)


def render(host: str, proven: Sequence[Mapping[str, Any]]) -> list[str]:
    """The claims as aligned lines, each with what was observed; where it is wrong, what was expected and what to do."""
    width = max((len(claim["instance"]) for claim in proven), default=0)
    lines = []
    for claim in proven:
        start = f"{'ok  ' if claim['ok'] else 'FAIL'} {claim['instance']:<{width}}  {claim['claim']}"
        expected = "" if claim["ok"] else f"expected {claim['expected']}, "
        lines.append(f"{start}  ({expected}observed {claim['observed']})")
        if not claim["ok"]:
            lines.append(f"     {claim['way_out']}")
    failed = sum(not claim["ok"] for claim in proven)
    count = "1 claim" if len(proven) == 1 else f"{len(proven)} claims"
    lines.append(
        f"{host}: {count}, " + (f"{failed} {'does' if failed == 1 else 'do'} not hold" if failed else "all hold")
    )
    return lines
