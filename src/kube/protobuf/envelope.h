// SPDX-License-Identifier: Apache-2.0
//
// Bodies of the media type application/vnd.kubernetes.protobuf: four bytes "k8s" and zero, then a
// runtime.Unknown that says apiVersion and kind and carries the object's message
// (https://kubernetes.io/docs/reference/using-api/api-concepts/#protobuf-encoding).
//
//   const Envelope sent = TRY(open_envelope(body));        // what is it?
//   json::Tree pod = TRY(decode_object(sent, *resource.type));
//
//   std::string body = TRY(encode_object("v1", "Pod", *resource.type, document.root()));
//
//   ListEncoder list("v1", "PodList", *resource.type);
//   list.set_metadata({.resource_version = "42"});
//   for (...) TRY(list.add(document.root()));
//   auto [head, items] = std::move(list).finish();          // the body, in two parts
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "base/json.h"
#include "base/json_tree.h"
#include "kube/api/list_meta.h"
#include "kube/protobuf/wire.h"
#include "kube/schema/type.h"

namespace gantry::kube::protobuf {

inline constexpr std::string_view kMediaType = "application/vnd.kubernetes.protobuf";
inline constexpr std::string_view kWatchMediaType = "application/vnd.kubernetes.protobuf;stream=watch";

// Views into the body.
struct Envelope {
  std::string_view api_version;
  std::string_view kind;
  std::string_view message;
  std::string_view content_type;  // of `message`; empty: protobuf
};

// InvalidArgument: no such body. Compressed ones, which no client sends, are Unsupported.
Result<Envelope> open_envelope(std::string_view body);
// With apiVersion and kind. An object that is JSON inside of its envelope is read as that.
Result<json::Tree> decode_object(const Envelope& envelope, const Type& type);

// What stands before a message of `message_size` bytes to make it a body.
std::string envelope_head(std::string_view api_version, std::string_view kind, std::size_t message_size);
Result<std::string> encode_object(std::string_view api_version, std::string_view kind, const Type& type,
                                  const json::Value& object);

class ListEncoder {
 public:
  // Of items of `item`, which lives longer. `kind` is the list's.
  ListEncoder(std::string_view api_version, std::string_view kind, const Type& item);

  // First, and once.
  void set_metadata(const ListMeta& metadata);
  Result<void> add(const json::Value& object);

  struct Body {
    std::string head;
    std::string rest;
  };
  Body finish() &&;

 private:
  std::string api_version_;
  std::string kind_;
  const Type& item_;
  WireWriter writer_;
};

// One event of a watch: four bytes of length, the highest first, then a WatchEvent. `type` is "ADDED" ...,
// `object` a whole body.
std::string watch_frame(std::string_view type, std::string_view object);

}  // namespace gantry::kube::protobuf
