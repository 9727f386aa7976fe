// SPDX-License-Identifier: Apache-2.0
#include "kernel/sealed_program.h"

#include <fcntl.h>
#include <linux/memfd.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/unique_fd.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U  // Linux 6.3
#endif

namespace gantry::kernel {
namespace {

constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

UniqueFd make_memfd() {
  // MFD_EXEC says that executing is meant, which vm.memfd_noexec wants to hear; older kernels do not know it.
  UniqueFd fd(::memfd_create("gantry-runtime", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC));
  if (!fd && errno == EINVAL) fd.reset(::memfd_create("gantry-runtime", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  return fd;
}

}  // namespace

Result<void> run_from_sealed_copy(char* const* arguments) {
  UniqueFd self(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  if (!self) return sys_error("open this program");
  // Only memory files can carry seals; for others this fails with EINVAL.
  if (::fcntl(self.get(), F_GET_SEALS) == kSeals) return {};
  struct stat st{};
  if (::fstat(self.get(), &st) < 0) return sys_error("look at this program");
  UniqueFd copy = make_memfd();
  if (!copy) return sys_error("make memory file for this program");
  for (off_t left = st.st_size; left > 0;) {
    const ssize_t n = ::sendfile(copy.get(), self.get(), nullptr, static_cast<std::size_t>(left));
    if (n < 0) return sys_error("copy this program to memory");
    if (n == 0) return error(Code::DataLoss, "copy this program to memory: it became shorter meanwhile");
    left -= n;
  }
  if (::fchmod(copy.get(), 0500) < 0) return sys_error("make the copy of this program executable");
  if (::fcntl(copy.get(), F_ADD_SEALS, kSeals) < 0) return sys_error("seal the copy of this program");
  ::fexecve(copy.get(), arguments, environ);
  return sys_error("run the sealed copy of this program");
}

}  // namespace gantry::kernel
