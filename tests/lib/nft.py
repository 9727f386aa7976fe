# SPDX-License-Identifier: Apache-2.0
"""nft(8) without the program: its commands, for the library that iptables brings along (libnftables(3))."""

import ctypes

_library = ctypes.CDLL("libnftables.so.1")
_library.nft_ctx_new.restype = ctypes.c_void_p
for _name in ("nft_ctx_get_output_buffer", "nft_ctx_get_error_buffer"):
    getattr(_library, _name).restype = ctypes.c_char_p


def nft(commands):
    """What the commands print, in the calling thread's network namespace."""
    context = ctypes.c_void_p(_library.nft_ctx_new(0))
    try:
        _library.nft_ctx_buffer_output(context)
        _library.nft_ctx_buffer_error(context)
        if _library.nft_run_cmd_from_buffer(context, commands.encode()) != 0:
            raise AssertionError(f"{commands}: {_library.nft_ctx_get_error_buffer(context).decode()}")
        return _library.nft_ctx_get_output_buffer(context).decode()
    finally:
        _library.nft_ctx_free(context)
