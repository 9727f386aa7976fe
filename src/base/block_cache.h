// SPDX-License-Identifier: Apache-2.0
//
// What operator new and delete are made of in a program with threads that make and drop hundreds of small
// things for each request (docs/decisions/0008). The C library keeps seven freed blocks of a size for a
// thread, and nothing but the environment can raise that; most of a tree that is dropped goes through the
// lists of its arenas, and out of them again for the next one. Threads that ask for it keep as many as a tree
// has.
//
// From any thread.
#pragma once

#include <cstddef>

namespace gantry {

// This thread keeps freed blocks from now on, at most 2 KiB of a size and 64 KiB in all, until it ends. To be
// called as often as one likes, on threads that end when there is nothing to do.
void keep_freed_blocks();

// As malloc(3), which makes the blocks, so free(3) may be called on them, too; null when there is no memory.
void* allocate_block(std::size_t size);
// Of allocate_block or malloc(3), on whatever thread; null is nothing.
void release_block(void* block);

}  // namespace gantry
