// SPDX-License-Identifier: Apache-2.0
//
// Values of a Type as Kubernetes writes them in protocol buffers: fields by the numbers that the schema
// gives them, and messages of their own for times, quantities, IntOrString, raw JSON
// (generated.proto of k8s.io/api and k8s.io/apimachinery). What has no number is not there in protobuf.
//
//   std::string bytes = TRY(protobuf::encode(*resource.type, document.root()));
//   json::Tree pod = TRY(protobuf::decode(*resource.type, bytes));
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "base/json.h"
#include "base/json_tree.h"
#include "kube/protobuf/wire.h"
#include "kube/schema/type.h"

namespace gantry::kube::protobuf {

// `value` is valid for `type`, a Struct. InvalidArgument names the field where it is not.
Result<std::string> encode(const Type& type, const json::Value& value);
Result<void> encode_into(WireWriter& writer, const Type& type, const json::Value& value);

// The message as JSON would have said it. Fields that the type does not have are left out, since a newer
// client may know more; zeros are left out where clients cannot help sending them (Field::keeps_zero).
// Deeper than json::Limits' depth is InvalidArgument.
Result<json::Tree> decode(const Type& type, std::string_view message);

}  // namespace gantry::kube::protobuf
