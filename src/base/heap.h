// SPDX-License-Identifier: Apache-2.0
//
// The C library's heap in programs that run for weeks with many threads, most of the time doing nothing. By
// default it makes eight arenas a processor, each of which keeps what its threads have freed, and from the
// first large buffer on keeps large buffers as well.
#pragma once

namespace gantry {

// Few arenas; buffers from 128 KiB on go back to the kernel when they are freed. To be called in the
// beginning, before there are threads.
void keep_heap_small();

// Gives back to the kernel what is free, in all arenas: for when work has ceased. Takes milliseconds.
void trim_heap();

}  // namespace gantry
