# SPDX-License-Identifier: Apache-2.0
"""Servers that are measured."""

import signal
import subprocess

PATIENCE = 20  # seconds


def stop(process):
    """In order, or at all."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
