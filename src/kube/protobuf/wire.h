// SPDX-License-Identifier: Apache-2.0
//
// Protocol buffers as bytes: tags, varints, lengths (https://protobuf.dev/programming-guides/encoding/).
// Groups, which nobody uses any more, are refused.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"

namespace gantry::kube::protobuf {

enum class WireType : std::uint8_t { Varint = 0, Fixed64 = 1, Bytes = 2, Fixed32 = 5 };

// One field as it stands in a message. Numbers are in `number`, whatever their width.
struct WireField {
  std::uint32_t number_of_field = 0;
  WireType type = WireType::Varint;
  std::uint64_t number = 0;
  std::string_view bytes;  // into what was read
};

// Reads a message field by field. InvalidArgument where it is cut off or not a message.
class WireReader {
 public:
  explicit WireReader(std::string_view message) : rest_(message) {}

  bool is_at_end() const { return rest_.empty(); }
  Result<WireField> next();

 private:
  Result<std::uint64_t> varint();
  Result<std::uint64_t> fixed(std::size_t size);
  Result<std::string_view> take(std::uint64_t size);
  std::string_view rest_;
};

// Writes a message. What is between begin() and end() is a message in a field of it:
//
//   const std::size_t mark = writer.begin();
//   ...
//   writer.end(1, mark);
class WireWriter {
 public:
  void varint(std::uint32_t field, std::uint64_t value);
  // Negative ones take ten bytes, in both widths.
  void integer(std::uint32_t field, std::int64_t value) { varint(field, static_cast<std::uint64_t>(value)); }
  void real(std::uint32_t field, double value);
  void bytes(std::uint32_t field, std::string_view value);
  // Only what stands before `size` bytes, which the caller puts behind.
  void bytes_head(std::uint32_t field, std::size_t size);

  std::size_t begin() const { return out_.size(); }
  void end(std::uint32_t field, std::size_t mark);
  // Of what was begun: whether there is anything in it.
  bool is_empty_since(std::size_t mark) const { return out_.size() == mark; }

  std::size_t size() const { return out_.size(); }
  void reserve(std::size_t size) { out_.reserve(size); }
  std::string message() && { return std::move(out_); }

 private:
  std::string out_;
};

}  // namespace gantry::kube::protobuf
