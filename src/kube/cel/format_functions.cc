// SPDX-License-Identifier: Apache-2.0
//
// Kubernetes' library of named formats: format.dns1123Label().validate(name).
#include <algorithm>

#include "base/base64.h"
#include "kube/api/names.h"
#include "kube/cel/function.h"
#include "kube/cel/time_text.h"
#include "kube/cel/url_text.h"

namespace gantry::kube::cel {
namespace {

struct NamedFormat {
  std::string_view name;
  Faults (*faults)(std::string_view text);
};

template <Faults (*faults)(std::string_view)>
Faults of_prefix(std::string_view text) {
  return faults(name_from_prefix(text));
}

Faults one_fault(bool is_well, const char* fault) { return is_well ? Faults() : Faults{fault}; }

bool is_uuid(std::string_view text) {
  std::string digits(text);
  if (text.size() == 36) {
    for (const std::size_t dash : {23, 18, 13, 8}) {
      if (digits[dash] != '-') return false;
      digits.erase(dash, 1);
    }
  }
  return digits.size() == 32 && digits.find_first_not_of("0123456789abcdefABCDEF") == std::string::npos;
}

constexpr NamedFormat kFormats[] = {
    {"dns1123Label", dns_label_faults},
    {"dns1123Subdomain", dns_subdomain_faults},
    {"dns1035Label", dns_1035_label_faults},
    {"qualifiedName", label_key_faults},
    {"dns1123LabelPrefix", of_prefix<dns_label_faults>},
    {"dns1123SubdomainPrefix", of_prefix<dns_subdomain_faults>},
    {"dns1035LabelPrefix", of_prefix<dns_1035_label_faults>},
    {"labelValue", label_value_faults},
    {"uri",
     [](std::string_view text) {
       const auto url = parse_url(text);
       return url ? Faults() : Faults{url.error()};
     }},
    {"uuid",
     [](std::string_view text) { return one_fault(is_uuid(text), "does not match the UUID format"); }},
    {"byte",
     [](std::string_view text) { return one_fault(from_base64(text).has_value(), "invalid base64"); }},
    {"date", [](std::string_view text) { return one_fault(parse_date(text).has_value(), "invalid date"); }},
    {"datetime",
     [](std::string_view text) { return one_fault(parse_instant(text).has_value(), "invalid datetime"); }},
};

Value of(const NamedFormat& format) { return Value::of_opaque(Kind::Format, &format); }

template <std::size_t index>
Value constant(const Call&) {
  return of(kFormats[index]);
}

Value validate(const Call& call) {
  const Faults faults = call[0].opaque<NamedFormat>().faults(call.text(1));
  if (faults.empty()) return Value::of_none();
  const std::span<Value> list = call.memory.array<Value>(faults.size());
  std::ranges::transform(faults, list.begin(), [&](const std::string& fault) { return call.string(fault); });
  return Value::of_some(Value::of_list(list), call.memory);
}

Value named(const Call& call) {
  const auto* found = std::ranges::find(kFormats, call.text(0), &NamedFormat::name);
  return found == std::end(kFormats) ? Value::of_none() : Value::of_some(of(*found), call.memory);
}

constexpr Declaration kFunctions[] = {
    {"format.named(string) -> optional(format)", Cost::One, named},
    {".validate(format, string) -> optional(list(string))", Cost::Validate, validate},
    {"format.dns1123Label() -> format", Cost::One, constant<0>},
    {"format.dns1123Subdomain() -> format", Cost::One, constant<1>},
    {"format.dns1035Label() -> format", Cost::One, constant<2>},
    {"format.qualifiedName() -> format", Cost::One, constant<3>},
    {"format.dns1123LabelPrefix() -> format", Cost::One, constant<4>},
    {"format.dns1123SubdomainPrefix() -> format", Cost::One, constant<5>},
    {"format.dns1035LabelPrefix() -> format", Cost::One, constant<6>},
    {"format.labelValue() -> format", Cost::One, constant<7>},
    {"format.uri() -> format", Cost::One, constant<8>},
    {"format.uuid() -> format", Cost::One, constant<9>},
    {"format.byte() -> format", Cost::One, constant<10>},
    {"format.date() -> format", Cost::One, constant<11>},
    {"format.datetime() -> format", Cost::One, constant<12>},
};

}  // namespace

std::span<const Declaration> format_functions() { return kFunctions; }

}  // namespace gantry::kube::cel
