// SPDX-License-Identifier: Apache-2.0
//
// The end of a container that does not run: everything that was made for it goes, its record last.
#pragma once

#include <memory>

#include "base/error.h"
#include "engine/core.h"

namespace gantry::engine {

enum class AnonymousVolumes : std::uint8_t { Keep, Remove };

// By the holder of changes(), for one that does not run. It is Removing from the first step on; when one
// fails it is Dead, and removing it again goes on from there.
Result<void> remove_container(Core& core, Container& container, AnonymousVolumes volumes);

// What is there of a container, row or not: for create() that failed, and for recovery. Steps that find
// nothing are fine; the first error is answered after all were tried.
Result<void> remove_files(Core& core, const std::string& id);

}  // namespace gantry::engine
