# SPDX-License-Identifier: GPL-3.0-or-later
"""An option that already is what its spec says is not read again: reading it would change nothing."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._compose.module import _is_as_meant
from ansible_collections.netmode.docker.plugins.module_utils._compose.typed import read
from hypothesis import given
from hypothesis import strategies as st

SPECS = st.fixed_dictionaries(
    {"type": st.sampled_from(["str", "bool", "int", "path", "list", "dict", "raw"])},
    optional={"choices": st.just(["a", 1]), "required": st.booleans()},
)
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(), st.sampled_from(["a", 1]),
    st.lists(st.text()),
)  # fmt: skip


@given(SPECS, VALUES)
def test_what_is_taken_unread_is_what_would_be_read(spec: dict[str, Any], value: Any) -> None:
    if _is_as_meant(spec, value):
        assert [read(spec, value)] == [value]
        assert isinstance(read(spec, value), type(value))


@pytest.mark.parametrize(
    ("spec", "value", "unread"),
    [
        ({"type": "str"}, "1.10", True),
        ({"type": "str"}, 1.1, False),
        ({"type": "int"}, True, False),
        ({"type": "bool"}, False, True),
        ({"type": "str", "choices": ["a"]}, "b", False),
        ({"type": "str", "required": True}, None, False),
        ({"type": "list"}, [], False),
    ],
)
def test_what_yaml_may_have_changed_is_read(spec: dict[str, Any], value: Any, *, unread: bool) -> None:
    assert _is_as_meant(spec, value) is unread
