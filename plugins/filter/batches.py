# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The batches of a rolling change, as a play's ``serial`` wants them."""

from __future__ import annotations

import re
from typing import Any, Callable

from ansible.errors import AnsibleFilterError

DOCUMENTATION = r"""
name: batches
short_description: Read the batches of a rolling change
version_added: 0.1.0
author: The netmode.docker authors (@netmode)
description:
  - Turns what a person writes on the command line, such as V(1,5,25%), into what a play's C(serial) takes.
  - A play's C(serial) is read by the controller itself and not by the process of a task. So it also has the controller
    load this collection's filters once, which otherwise each task of each host that uses one does again (50 ms).
options:
  _input:
    description: Numbers of hosts or percentages of the play's hosts, one, a list, or several with commas between them.
    type: raw
    required: true
"""

EXAMPLES = r"""
- name: One host, then five, then a quarter at a time
  hosts: all
  serial: "{{ '1,5,25%' | netmode.docker.batches }}"
"""

RETURN = r"""
_value:
  description: The batches, numbers as numbers and percentages as they are.
  type: list
  elements: raw
  sample: [1, 5, '25%']
"""

_NUMBER = re.compile(r"[1-9]\d*")
_PERCENTAGE = re.compile(r"(\d+(\.\d+)?)%")


def batches(given: Any) -> list[int | str]:
    """See DOCUMENTATION. Raises AnsibleFilterError for what is neither a number nor a percentage."""
    several = given if isinstance(given, (list, tuple)) else str(given).split(",")
    return [_batch(str(one).strip()) for one in several]


def _batch(word: str) -> int | str:
    if _NUMBER.fullmatch(word):
        return int(word)
    percentage = _PERCENTAGE.fullmatch(word)
    if percentage and 0 < float(percentage[1]) <= 100:
        return word
    raise AnsibleFilterError(
        f"{word!r} is not a batch: give a number of hosts from 1, or a percentage of them up to 100%; several: 1,5,25%."
    )


class FilterModule:
    """Filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"batches": batches}
