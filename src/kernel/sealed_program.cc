// SPDX-License-Identifier: Apache-2.0
#include "kernel/sealed_program.h"

#include <sys/auxv.h>
#include <unistd.h>

#include "kernel/sealing.h"

namespace gantry::kernel {

Result<void> run_from_sealed_place(char* const* arguments) {
  const auto* executed_as = reinterpret_cast<const char*>(::getauxval(AT_EXECFN));
  const SealingFailure failure = run_from_sealed_place(arguments, environ, executed_as);
  if (failure.doing == nullptr) return {};
  return sys_error_of(failure.errno_value, "{}", failure.doing);
}

}  // namespace gantry::kernel
