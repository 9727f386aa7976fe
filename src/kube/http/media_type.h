// SPDX-License-Identifier: Apache-2.0
//
// In which form a client sends and wants things: JSON, YAML or Kubernetes' protocol buffers; objects, tables
// or metadata alone
// (https://kubernetes.io/docs/reference/using-api/api-concepts/#alternate-representations-of-resources).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kube/api/status.h"

namespace gantry::kube {

struct MediaType {
  std::string name;  // "application/json", in lower case
  std::vector<std::pair<std::string, std::string>> parameters;

  // Empty: there is none.
  std::string_view parameter(std::string_view name) const;
};

// Of a header; nothing that is wrong in it keeps the rest from being read.
MediaType parse_media_type(std::string_view text);
// An Accept field, best first; those of quality 0 are left out.
std::vector<MediaType> parse_accept(std::string_view text);

enum class Encoding : std::uint8_t { Json, Yaml, Protobuf };
enum class Shape : std::uint8_t { Whole, Table, Metadata };

struct Wanted {
  Encoding encoding = Encoding::Json;
  Shape shape = Shape::Whole;
  bool is_watch = false;  // stream=watch was said: protobuf frames
};

// The first of what is accepted that can be made: 406 for nothing. `has_protobuf`: the kind has numbers.
Answer<Wanted> negotiate(std::string_view accept, bool has_protobuf);
// What Content-Type says of an answer.
std::string_view content_type_of(Encoding encoding, bool is_watch);

}  // namespace gantry::kube
