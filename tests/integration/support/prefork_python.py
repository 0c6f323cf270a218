# SPDX-License-Identifier: GPL-3.0-or-later
"""An interpreter for scripts, given by a path or on standard input: the server beside it runs them, see prefork.py."""

import os
import socket
import sys

with socket.socket(socket.AF_UNIX) as connection:
    connection.connect(sys.argv[1])
    socket.send_fds(connection, [b"%8d" % 0], [0, 1, 2])
    told = b""
    while part := connection.recv(64):
        told += part
status = int(told.split()[1])
os._exit(status if status >= 0 else 128 - status)
