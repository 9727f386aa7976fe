// SPDX-License-Identifier: Apache-2.0
#include "base/error.h"

#include <cstring>

#include <fmt/format.h>

namespace gantry {

std::string describe_errno(int errno_value) {
  const char* name = ::strerrorname_np(errno_value);
  const char* text = ::strerrordesc_np(errno_value);
  if (name == nullptr || text == nullptr) return fmt::format("error {}", errno_value);
  return fmt::format("{} ({})", text, name);
}

Code code_of_errno(int errno_value) {
  switch (errno_value) {
    case EINVAL:
    case ENAMETOOLONG:
    case ELOOP: return Code::InvalidArgument;
    case ENOENT:
    case ESRCH:
    case ENODEV:
    case ENXIO: return Code::NotFound;
    case EEXIST: return Code::AlreadyExists;
    case EBUSY:
    case ETXTBSY: return Code::Conflict;
    case EPERM:
    case EACCES:
    case EROFS: return Code::PermissionDenied;
    case ENOSYS:
    case EOPNOTSUPP: return Code::Unsupported;
    case EAGAIN:
    case ECONNREFUSED:
    case ECONNRESET:
    case EPIPE: return Code::Unavailable;
    case ENOMEM:
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE: return Code::ResourceExhausted;
    case ETIMEDOUT: return Code::TimedOut;
    case EIO: return Code::DataLoss;
    default: return Code::Internal;
  }
}

namespace detail {

Error make_error(Code code, fmt::string_view format, fmt::format_args args) {
  return Error(code, 0, fmt::vformat(format, args));
}

Error make_sys_error(int errno_value, fmt::string_view format, fmt::format_args args) {
  return Error(code_of_errno(errno_value), errno_value,
               fmt::vformat(format, args) + ": " + describe_errno(errno_value));
}

}  // namespace detail
}  // namespace gantry
