# SPDX-License-Identifier: GPL-3.0-or-later
"""What the answers of a Redis prove, in every network mode: that it answers where it must, there alone, and itself.

Pure: (wanted instance, answers at its ways) -> claims.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .asked import (
    Claim,
    again,
    again_or_restart,
    listens_as_asked,
    same,
)
from .replication import in_sync
from .ways import (
    ANSWER,
    NOAUTH,
    NOPERM,
    NOTHING,
    PONG,
    Facts,
    Instance,
    Way,
    key_of,
    ways,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

Pings = Mapping[str, Mapping[str, Any]]
Answered = Sequence[tuple[Way, Mapping[str, Any]]]
"""Each way with what redis_ping says of it, empty where it was not asked."""


def claims_of_answers(facts: Facts, pings: Pings, instance: Instance) -> Iterator[Claim]:
    answered = [(way, pings.get(key_of(instance, way)) or {}) for way in ways(facts, instance)]
    run_ids, open_users = _run_ids(answered), _open_users(instance, answered)
    for way, answer in answered:
        told = str(answer.get("answer") or answer.get("error") or "not asked")
        if way.expected == NOTHING:
            yield _nobody(way, answer, told, run_ids)._replace(way_out=again_or_restart(instance.name))
        else:
            words = (PONG, NOAUTH, NOPERM) if way.expected == ANSWER else (way.expected,)
            ok = told.split(" ", 1)[0] in words
            if way.expected == NOAUTH and ok and open_users:
                ok, told = False, f"{told}, but the user {', '.join(open_users)} needs none"
            yield Claim(way.label, way.expected, told, ok, _way_out(instance, way, told))
    yield from _certificate(instance, answered)
    yield from _one_and_the_same(instance, run_ids)
    yield from _listeners(instance, answered)
    yield from _neighbours(instance, answered)
    yield from _replication(instance, answered)


def _way_out(instance: Instance, way: Way, told: str) -> str:
    if way.expected == NOAUTH or told.startswith("WRONGPASS"):
        return again("sets it to what its redis.conf says")
    if way.socket:
        return f"Its log says why (docker logs {instance.name})."
    return f"{again_or_restart(instance.name)} Otherwise look at who listens there (ss -ltnp), and at firewalls."


def _open_users(instance: Instance, answered: Answered) -> list[str]:
    """The users that get in without a password, though neither its settings nor ``allow_unauthenticated`` say so."""
    if instance.may_be_open:
        return []
    own = (answer.get("open_users") or [] for way, answer in answered if way.socket and way.expected == PONG)
    return [name for name in next(own, []) if name not in instance.open_users]


def _run_ids(answered: Answered) -> list[str]:
    """The run id behind every address where it must answer, as far as that is known; the socket's, its own, first.

    What asks for a password says none: there its own Redis said whether it saw the connection.
    """
    wanted = [(way, answer) for way, answer in answered if way.expected in (PONG, ANSWER)]
    found: list[str] = []
    for _, answer in sorted(wanted, key=lambda one: one[0].socket is None):
        run_id = (answer.get("server") or {}).get("run_id")
        if run_id:
            found.append(str(run_id)[:8])
        elif found and answer.get("seen") is not None:
            found.append(found[0] if answer["seen"] else "of another Redis")
    return found


def _nobody(way: Way, answer: Mapping[str, Any], told: str, own: Sequence[str]) -> Claim:
    """Either nothing answers, or what answers there is another Redis than the one behind the socket."""
    other = (answer.get("server") or {}).get("run_id")
    if not answer.get("reachable"):
        unreachable = bool(answer.get("error"))
        return Claim(way.label, told if unreachable else "an error", told, unreachable, "")
    if other and own and str(other)[:8] != own[0]:
        return Claim(way.label, f"not run id {own[0]}", f"another Redis, run id {str(other)[:8]}", True, "")
    if told.startswith(NOAUTH) and answer.get("seen") is not True:
        # Without a password it would not ask for one; with one, it said that it does not see who was asked there.
        return Claim(way.label, "not this Redis", "another Redis, with a password", True, "")
    return Claim(way.label, NOTHING, told, False, "")


def _one_and_the_same(instance: Instance, run_ids: Sequence[str]) -> Iterator[Claim]:
    """A published port could as well lead to another Redis."""
    if len(run_ids) > 1:
        # Nothing is published in host mode: a port of the host that is its own is one of the host's namespace.
        label = {
            "host": "it has no namespace of its own: the host's port and its socket are one Redis",
            "container": "its donor's address and its socket are one Redis",
        }.get(instance.mode, "all of its addresses are one Redis")
        way_out = "Look at who listens there (ss -ltnp), and give one of them another port or address."
        yield same(label, f"run id {run_ids[0]}", "run id " + ", ".join(dict.fromkeys(run_ids)), way_out)


def _certificate(instance: Instance, answered: Answered) -> Iterator[Claim]:
    """What a handshake has shown: neither a file nor an OK of CONFIG SET says what Redis serves."""
    shown = [str((answer.get("certificate") or {}).get("sha256") or "none") for way, answer in answered if way.tls]
    if instance.certificate and shown:
        given = str(instance.certificate["sha256"])
        label = f"it shows the certificate that it was given, valid until {instance.certificate['not_after'][:10]}"
        observed = ", ".join(dict.fromkeys(one[:16] for one in shown))
        yield same(label, given[:16], observed, again_or_restart(instance.name))


def _listeners(instance: Instance, answered: Answered) -> Iterator[Claim]:
    """All that its container listens at, as the kernel knows it; who may not look says nothing of it."""
    observed = next((answer.get("listens") for way, answer in answered if way.socket), None)
    if observed is not None:
        ports = ", ".join(dict.fromkeys(str(port) for _, port in instance.listens))
        label = f"it listens at port {ports} as asked, and nowhere else" if ports else "it listens at no port"
        yield Claim(label, *listens_as_asked(instance.listens, observed), again_or_restart(instance.name))


def _neighbours(instance: Instance, answered: Answered) -> Iterator[Claim]:
    """One that needs no password, and is not said to be meant so, is reached from this host alone."""
    said = next((answer for way, answer in answered if way.socket and way.expected == PONG), {})
    found = said.get("neighbours")
    if not instance.open or not said.get("reachable"):
        return
    if found is None:
        label = "it needs no password: whether neighbours of this host reach it is not known"
        yield same(label, "not known", "not known", "")
    else:
        label = "it needs no password, and no neighbour of this host reaches it"
        way_out = "Give it a password (redis_password), or set redis_allow_unauthenticated where that is meant."
        yield same(label, "none", "; ".join(found) or "none", way_out)


def _replication(instance: Instance, answered: Answered) -> Iterator[Claim]:
    """Of the role that it has, not of the one that it was given: a failover may have changed it since."""
    found = (answer["replication"] for way, answer in answered if way.socket and answer.get("replication"))
    said: dict[str, Any] = next(found, {})
    if not said:
        return
    log = f"Its log says why (docker logs {instance.name})."
    if said["role"] == "replica":
        asked = f" (asked for: {instance.replica_of})" if instance.replica_of else ""
        asked = "" if instance.replica_of.endswith(f" at {said['master']}") else asked
        label = f"it follows {said['master']}{asked}, its link is up"
        yield same(label, "up", said["link"], f"{log} Look at whether its host reaches {said['master']}.")
        return
    followed = len(said["replicas"])
    if instance.replica_of:
        way_out = "Look at both (redis-cli info replication). To have it follow again, there: redis-cli replicaof."
        label = f"it follows {instance.replica_of}, or has become a master that is followed"
        yield Claim(label, "a link, or replicas", f"a master, {followed} of them", bool(followed), way_out)
    if instance.replicas_min:
        count = len(in_sync(said["replicas"]))
        label = f"at least {instance.replicas_min} of its replicas are in sync"
        yield Claim(
            label, str(instance.replicas_min), str(count), count >= instance.replicas_min, f"Their logs say why. {log}"
        )
