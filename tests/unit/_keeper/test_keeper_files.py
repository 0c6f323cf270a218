# SPDX-License-Identifier: GPL-3.0-or-later
"""O13: whatever is in the files that the keeper reads, it is told or left out, and the rest is served."""

from __future__ import annotations

import json
import os
import resource
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._interfaces import record
from ansible_collections.netmode.docker.plugins.module_utils._interfaces.spec import parse_list
from ansible_collections.netmode.docker.plugins.module_utils._keeper import notes, plan, status
from hypothesis import given, settings
from hypothesis import strategies as st

ETH0 = {"container": "web", "name": "eth0", "kind": "veth", "bridge": "docker0", "addresses": ["172.17.200.5/16"]}
ETH1 = {"container": "web", "name": "eth1", "kind": "dummy", "routes": [{"to": "10.0.0.0/8"}], "mtu": 1400}
SOUND = {"web:eth0": ETH0, "web:eth1": ETH1}

leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
anything = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4)
)
options = st.sampled_from([*record._TYPES, "gateway", "state", "version", "x"])
values = anything | st.sampled_from(
    ["veth", "eth0", "docker0", "172.17.200.5/16", ["10.0.0.1/8"], [{"to": "0.0.0.0/0"}], 5]
)
entries = st.dictionaries(options, values, max_size=8).map(lambda changed: {**ETH0, **changed})


def load(path: Path, content: Any) -> record.Recorded:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return record.load(path)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keeper") / "file.json"


def test_o13_what_was_written_is_read_with_its_version(tmp_path: Path) -> None:
    place = tmp_path / "netmode" / "record.json"
    record.write(SOUND, place)
    assert json.loads(place.read_text()) == {"version": 1, "interfaces": SOUND}
    assert record.load(place) == (SOUND, ())
    assert load(place, SOUND) == (SOUND, ())  # as it was before there were versions
    record.write({}, place)
    assert record.load(place) == ({}, ())


@settings(max_examples=500, deadline=None)
@given(changed=entries, name=st.sampled_from(["web:eth2", "web:eth0", "", "x"]) | st.text(max_size=9))
def test_o13_an_entry_is_sound_or_told_by_its_name_and_the_others_are_served(
    place: Path, changed: dict[str, Any], name: str
) -> None:
    found = load(
        place, {"version": 1, "interfaces": {"web:eth1": ETH1, **({name: changed} if name != "web:eth1" else {})}}
    )
    assert found.interfaces["web:eth1"] == ETH1
    assert len(found.interfaces) + len(found.wrong) == len({"web:eth1", name})
    assert all(repr(name) in why and why.startswith(str(place)) for why in found.wrong)
    parse_list(record.items(found.interfaces, "web"))


@settings(max_examples=500, deadline=None)
@given(
    st.text() | st.binary().map(repr) | anything.map(json.dumps) | st.integers(0, 10**5).map(lambda deep: "[" * deep)
)
def test_o13_whatever_a_file_holds_it_is_read_or_told(place: Path, text: str) -> None:
    place.write_bytes(text.encode(errors="surrogatepass"))
    found = record.load(place)
    assert found.wrong or found.interfaces or text.strip() in ("{}", '{"version": 1, "interfaces": {}}')
    names = notes.read_names(place)
    assert all(isinstance(word, str) for pair in names.items() for word in pair)
    plan.donor_names({name: {"mode": "container", "joins": None} for name in names}, names)


@settings(max_examples=500, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(notes._STATE)), anything | st.just("unix:///x") | st.just([[1.0, "x"]])))
def test_o13_whatever_a_state_says_the_status_has_a_first_line(place: Path, state: dict[str, Any]) -> None:
    place.write_text(json.dumps(state))
    found = notes.read_state(place)
    running = status._runs(found)
    assert status._first_line(found, running={"pid", "since"} <= found.keys()).startswith("The keeper ")
    assert running is False
    assert all(status._clock(at) for at, _ in found.get("acts", []))
    assert status._waiting("web:eth0", found.get("waits", {}), "x").startswith("x")


def test_o13_what_is_no_file_is_told_and_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    os.mkfifo(path)
    assert "not a regular file" in record.load(path).wrong[0]
    assert notes.read_state(path) == {}
    path.unlink()
    path.mkdir()
    assert record.load(path).wrong
    assert notes.read_names(path) == {}


def test_o13_what_is_of_no_use_is_kept_aside_each_time(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    for text in ("{", '{"version": 2}'):
        path.write_text(text)
        record.write(SOUND, path, aside=bool(record.load(path).wrong))
        assert record.load(path) == (SOUND, ())
    assert [(tmp_path / f"record.json.aside{end}").read_text() for end in ("", "1")] == ["{", '{"version": 2}']


def test_o13_a_full_disk_leaves_what_was_there_and_no_half(tmp_path: Path) -> None:
    path, limits = tmp_path / "record.json", resource.getrlimit(resource.RLIMIT_FSIZE)
    record.write(SOUND, path)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8, limits[1]))  # as a disk that has room for eight bytes
    try:
        with pytest.raises(NetmodeError, match="cannot be written"):
            record.write({"web:eth0": ETH0}, path)
        assert "cannot be written" in notes.write(path, {"acts": ["x" * 99]})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert record.load(path) == (SOUND, ())
    assert [one.name for one in tmp_path.iterdir()] == ["record.json"]
