# SPDX-License-Identifier: GPL-3.0-or-later
"""What YAML makes of numbers that were meant as something else: octal permissions, and ``22:22`` in base 60.

YAML reads ``0640`` as 416 and ``22:22`` as 1342. Where only one of the readings makes sense, that was meant; where
both do, a ValueError asks for quotes.
"""

from __future__ import annotations

import re
from typing import Any

from .text import QUOTED

_OCTAL = re.compile(r"(?:0o?)?([0-7]{1,4})\Z", re.ASCII)
_PORTS = 65535
_BELOW_60 = (20, 21, 22, 23, 25, 53)
"""Ports that containers serve and that base 60 can hold: FTP, SSH, Telnet, SMTP, DNS."""


def permissions(value: Any) -> int:
    """``'0640'``, ``'640'``, or the number that YAML makes of 0640 or 640. ValueError says why it is neither."""
    if isinstance(value, int) and not isinstance(value, bool):
        return _of_number(value)
    match = _OCTAL.match(value) if isinstance(value, str) else None
    if not match:
        raise ValueError(f"{value!r} is not octal (example: '0640')")
    return int(match[1], 8)


def _of_number(value: int) -> int:
    """Nobody gives the group more than the owner, or others more than the group: that tells the two readings apart."""
    digits = int(str(value), 8) if 0 <= value <= 7777 and re.fullmatch("[0-7]+", str(value)) else -1
    likely = {mode for mode in (value, digits) if _is_likely(mode)}
    if len(likely) != 1:
        raise ValueError(f"{value} is a number that may stand for other permissions. {QUOTED}, like '0640'")
    return likely.pop()


def _is_likely(mode: int) -> bool:
    owner, group, others = mode >> 6 & 7, mode >> 3 & 7, mode & 7
    return 0 <= mode <= 0o777 and not group & ~owner and not others & ~group


def refuse_base_60(value: Any) -> None:
    """ValueError for a number that YAML may have made of ``22:22`` or ``2222:22``, or that can be nothing else."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 61:
        return
    first, second = divmod(value, 60)
    alike = first == second or (second in _BELOW_60 and first % 100 == second)
    if value > _PORTS or alike:
        raise ValueError(f"{str(value)[:20]} may be what YAML makes of {str(first)[:20]}:{second:02}. {QUOTED}")
