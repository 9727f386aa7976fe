// SPDX-License-Identifier: Apache-2.0
//
// The work of sealed_program.h in a form that also runs before libc has set itself up
// (programs/sealed_start.cc): there is no errno, no thread-local storage and no function of libc, and nothing
// may need a relocation.
#pragma once

namespace gantry::kernel {

// Why this program could not be run from a sealed place.
struct SealingFailure {
  const char* doing;  // the step that failed; null when the program runs from a sealed place already
  int errno_value;
};

// sealed_program.h says what it does. `executed_as`: AT_EXECFN of getauxval(3).
SealingFailure run_from_sealed_place(char* const* arguments, char* const* environment,
                                     const char* executed_as);

// The two ways of it, each by itself.
SealingFailure run_from_overlay(char* const* arguments, char* const* environment);
SealingFailure run_from_memory(char* const* arguments, char* const* environment);

}  // namespace gantry::kernel
