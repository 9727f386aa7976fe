// SPDX-License-Identifier: Apache-2.0
//
// Errors are values. An Error is one pointer wide: a code that callers branch
// on, the errno if there was one, and a sentence from wish to cause. Success
// costs nothing; only failure allocates.
//
//   Result<UniqueFd> open_config(const std::string& path) {
//     UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
//     if (!fd) return sys_error("open '{}'", path);
//     return fd;
//   }
//   UniqueFd fd = TRY(open_config(path));
//   TRY_DURING(start(c), "start '{}'", c.name);   // prefixes "start 'web': "
#pragma once

#include <cerrno>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/core.h>

namespace gantry {

// What callers may branch on; each face has one table that turns these into
// its own (exit status, HTTP status, Kubernetes reason).
enum class Code : std::uint8_t {
  Internal,
  InvalidArgument,
  NotFound,
  AlreadyExists,
  Conflict,  // the object is not in a state that allows this
  PermissionDenied,
  Unsupported,
  Unavailable,
  ResourceExhausted,
  TimedOut,
  DataLoss,
};

class [[nodiscard]] Error {
 public:
  Error(Code code, int errno_value, std::string message)
      : detail_(std::make_unique<Detail>(Detail{code, errno_value, std::move(message)})) {}

  Code code() const { return detail_->code; }
  // 0 if no system call was involved.
  int errno_value() const { return detail_->errno_value; }
  const std::string& message() const { return detail_->message; }

  // The same error, with what was being done put in front.
  Error during(std::string_view what) && {
    detail_->message.insert(0, ": ").insert(0, what);
    return std::move(*this);
  }
  Error with_code(Code code) && {
    detail_->code = code;
    return std::move(*this);
  }

 private:
  struct Detail {
    Code code;
    int errno_value;
    std::string message;
  };
  std::unique_ptr<Detail> detail_;
};

// std::expected, but ignoring one is a warning.
template <class T>
class [[nodiscard]] Result : public std::expected<T, Error> {
 public:
  using std::expected<T, Error>::expected;
  Result(Error error) : std::expected<T, Error>(std::unexpected(std::move(error))) {}
};

template <>
class [[nodiscard]] Result<void> : public std::expected<void, Error> {
 public:
  using std::expected<void, Error>::expected;
  Result(Error error) : std::expected<void, Error>(std::unexpected(std::move(error))) {}
};

// "Invalid argument (EINVAL)".
std::string describe_errno(int errno_value);
// What an errno most often means to a caller.
Code code_of_errno(int errno_value);

namespace detail {
Error make_error(Code code, fmt::string_view format, fmt::format_args args);
Error make_sys_error(int errno_value, fmt::string_view format, fmt::format_args args);
}  // namespace detail

template <class... Args>
Error error(Code code, fmt::format_string<Args...> format, Args&&... args) {
  return detail::make_error(code, format, fmt::make_format_args(args...));
}

// An error from errno: the sentence, then ": Invalid argument (EINVAL)".
template <class... Args>
Error sys_error(fmt::format_string<Args...> format, Args&&... args) {
  const int saved = errno;  // before formatting can change it
  return detail::make_sys_error(saved, format, fmt::make_format_args(args...));
}

// The same, from an errno that was returned rather than set (posix_spawn, netlink).
template <class... Args>
Error sys_error_of(int errno_value, fmt::format_string<Args...> format, Args&&... args) {
  return detail::make_sys_error(errno_value, format, fmt::make_format_args(args...));
}

}  // namespace gantry

// The value of a Result, or return its error from the enclosing function. One may stand inside another, so
// each expansion has a variable name of its own. Not everywhere: what the end of this file says leaks.
#define TRY(expression) GANTRY_TRY_AS(GANTRY_UNIQUE(__COUNTER__), error(), expression)

#define TRY_DURING(expression, ...) \
  GANTRY_TRY_AS(GANTRY_UNIQUE(__COUNTER__), error().during(fmt::format(__VA_ARGS__)), expression)

#define GANTRY_TRY_AS(result, failure, expression)  \
  ({                                                \
    auto result = (expression);                     \
    if (!result) [[unlikely]]                       \
      return std::move(result).failure;             \
    ::gantry::detail_take_value(std::move(result)); \
  })
#define GANTRY_UNIQUE(number) GANTRY_UNIQUE_AS(number)
#define GANTRY_UNIQUE_AS(number) try_result_##number

namespace gantry {
template <class T>
T detail_take_value(Result<T>&& result) {
  if constexpr (std::is_void_v<T>)
    return;
  else
    return std::move(*result);
}
}  // namespace gantry

// Where a TRY may stand. What a `return` in the middle leaves half built, g++ 12 does not destroy, with
// exceptions or without:
//
//   Name{.text = text, .id = TRY(parse(id))}   loses .text; without names, in (), nested, in arrays, too
//   std::vector<Name>{name, TRY(read())}       loses name, as every initializer_list does
//   [text, id = TRY(parse(id))] { ... }        loses text
//   new Name(TRY(read()))                      loses the memory; std::make_unique<Name>(TRY(read())) does not
//
// Arguments of functions and constructors (emplace_back(text, TRY(...))), operands and conditions lose
// nothing, nor does the first of a list, before which nothing is built. So tools/check wants that in braces
// that initialise a TRY comes first, or its value is bound before.
