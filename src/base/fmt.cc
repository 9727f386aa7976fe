// SPDX-License-Identifier: Apache-2.0
//
// Debian has libfmt as a shared library only; the static programs need it as an archive. Its
// definitions are in its headers, so instantiating what formatting of char uses makes one.
#define FMT_STATIC_THOUSANDS_SEPARATOR ','  // no locales

#include <fmt/format-inl.h>

namespace fmt {
inline namespace v9 {
namespace detail {

template dragonbox::decimal_fp<float> dragonbox::to_decimal(float) noexcept;
template dragonbox::decimal_fp<double> dragonbox::to_decimal(double) noexcept;
template thousands_sep_result<char> thousands_sep_impl(locale_ref);
template char decimal_point_impl(locale_ref);
template void buffer<char>::append(const char*, const char*);
template void vformat_to(buffer<char>&, string_view, basic_format_args<FMT_BUFFER_CONTEXT(char)>, locale_ref);

}  // namespace detail
}  // namespace v9
}  // namespace fmt
