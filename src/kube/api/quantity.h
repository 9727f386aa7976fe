// SPDX-License-Identifier: Apache-2.0
//
// Amounts with suffixes: "100m", "1.5Gi", "12e6", exact to a billionth
// (https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/).
//
//   const Quantity memory = TRY(Quantity::parse("1.5Gi"));
//   memory.text();                                           // "1536Mi"
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/json_tree.h"

namespace gantry::kube {

class Quantity {
 public:
  // How it was written, and is written again.
  enum class Format : std::uint8_t { DecimalSI, BinarySI, DecimalExponent };

  Quantity() = default;  // 0
  explicit Quantity(std::int64_t value) : nanos_(static_cast<Nanos>(value) * kOne) {}
  // What is finer than a billionth is rounded away from 0; InvalidArgument for other text, and for what is
  // further from 0 than 10^27.
  static Result<Quantity> parse(std::string_view text);
  // The same, of a string or a number.
  static Result<Quantity> from_tree(const json::Tree& value);

  // The canonical form: no fraction, the largest suffix that loses nothing.
  std::string text() const;

  // Rounded away from 0, nothing if it does not fit: in units, and in thousandths (of processors).
  std::optional<std::int64_t> value() const { return scaled(kOne); }
  std::optional<std::int64_t> milli_value() const { return scaled(kOne / 1000); }
  double as_double() const { return static_cast<double>(nanos_) / 1e9; }

  int sign() const { return nanos_ < 0 ? -1 : nanos_ > 0; }
  bool is_whole() const { return nanos_ % kOne == 0; }

  // What does not fit stays at the border. A zero takes the other's format, otherwise the first's stays.
  Quantity& operator+=(const Quantity& other);
  Quantity& operator-=(const Quantity& other);

  // By value: "1Gi" and "1024Mi" are equal.
  friend bool operator==(const Quantity& a, const Quantity& b) { return a.nanos_ == b.nanos_; }
  friend std::strong_ordering operator<=>(const Quantity& a, const Quantity& b) {
    return a.nanos_ < b.nanos_   ? std::strong_ordering::less
           : a.nanos_ > b.nanos_ ? std::strong_ordering::greater
                                 : std::strong_ordering::equal;
  }

 private:
  __extension__ using Nanos = __int128;
  static constexpr Nanos kOne = 1'000'000'000;
  std::optional<std::int64_t> scaled(Nanos unit) const;
  std::string decimal_text() const;
  std::string binary_text() const;
  void take(Nanos nanos, Format other);

  Nanos nanos_ = 0;  // in billionths
  Format format_ = Format::DecimalSI;
};

}  // namespace gantry::kube
