# SPDX-License-Identifier: GPL-3.0-or-later
"""JMESPath over values as ansible-core hands them to a filter."""

from __future__ import annotations

import datetime
import sys
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible.module_utils._internal._datatag import AnsibleTagHelper
from ansible.module_utils._internal._datatag._tags import Deprecated
from ansible_collections.netmode.docker.plugins.filter.jmespath import plain, search

FACTS = {
    "bridges": {"docker0": {"name": "docker0", "ports": ["veth1", "veth2"], "mtu": 1500}},
    "veths": {
        "veth1": {"name": "veth1", "ifindex": 5, "bridge": "docker0", "container": "redis"},
        "veth2": {"name": "veth2", "ifindex": 7, "bridge": "docker0", "container": None},
    },
    "containers": {"redis": {"mode": "bridge", "stale": False}, "side": {"mode": "container", "stale": True}},
}


def tagged(value: Any) -> Any:
    """As ansible-core 2.19 and later: every value of a subclass that carries tags."""
    if isinstance(value, dict):
        value = {tagged(key): tagged(item) for key, item in value.items()}
    elif isinstance(value, list):
        value = [tagged(item) for item in value]
    return AnsibleTagHelper.tag(value, Deprecated(msg="x"))


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        ("bridges.docker0.ports", ["veth1", "veth2"]),
        ("veths.* | [?container == 'redis'].name | [0]", "veth1"),
        ("max(veths.*.ifindex)", 7),
        ("sum(veths.*.ifindex)", 12),
        ("max_by(veths.*, &ifindex).name", "veth2"),
        ("sort(veths.*.name)", ["veth1", "veth2"]),
        ("veths.* | [?starts_with(name, 'veth')] | length(@)", 2),
        ("join(',', keys(containers))", "redis,side"),
        ("containers.* | [?stale].mode", ["container"]),
        ("contains(bridges.docker0.ports, 'veth2')", True),
        ("to_number('12')", 12),
        ("type(bridges.docker0.mtu)", "number"),
        ("nothing.of.that", None),
    ],
)
@pytest.mark.parametrize("wrap", [lambda value: value, tagged], ids=["plain", "tagged"])
def test_every_kind_of_expression_works_over_tagged_values(wrap: Any, expr: str, expected: Any) -> None:
    assert search(wrap(FACTS), wrap(expr)) == expected


def test_the_result_carries_built_in_types_only() -> None:
    result = search(tagged(FACTS), "@")
    assert result == FACTS
    found = [result, *result["veths"], result["veths"]["veth1"]["ifindex"], result["bridges"]["docker0"]["ports"]]
    assert {kind.__module__ for kind in map(type, found)} == {"builtins"}


def test_values_that_json_does_not_know_become_text() -> None:
    assert plain({"when": datetime.date(2020, 1, 2), "set": {1}, "tuple": (1, 2)}) == {
        "when": "2020-01-02",
        "set": [1],
        "tuple": [1, 2],
    }


@pytest.mark.parametrize(
    ("expr", "told"),
    [
        ("a[?b==", "ends too early at position 7 of the expression:\n  a[?b==\n        ^"),
        ("foo |\n  @@", "unexpected '@' at position 10 of the expression:\n    @@\n     ^"),
        ("a.'", "unexpected \"'\" at position 3 of the expression:\n  a.'\n    ^"),
        ("a b", "unexpected 'b' at position 3 of the expression:\n  a b\n    ^"),
        ("nofn(@)", "Unknown function: nofn()\n  in: nofn(@)"),
        ("abs(@, @)", "Expected 1 argument for function abs(), received 2\n  in: abs(@, @)"),
        ("max(veths)", "In function max(), invalid type for value"),
        ("  ", "must be text that is not empty"),
    ],
)
def test_a_bad_expression_is_shown_with_its_place(expr: str, told: str) -> None:
    with pytest.raises(AnsibleFilterError) as caught:
        search(FACTS, expr)
    assert told in str(caught.value)
    assert str(caught.value).count(expr.splitlines()[-1]) == 1


def test_an_expression_that_is_no_text_is_refused() -> None:
    with pytest.raises(AnsibleFilterError, match="must be text"):
        search(FACTS, 7)  # type: ignore[arg-type]


def test_without_the_library_the_way_out_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jmespath", None)
    with pytest.raises(AnsibleFilterError, match="pip install jmespath"):
        search(FACTS, "@")
