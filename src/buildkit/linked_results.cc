// SPDX-License-Identifier: Apache-2.0
#include "buildkit/linked_results.h"

#include <string_view>

#include "buildkit/message.h"
#include "oci/image/digest.h"

namespace gantry::buildkit {
namespace {

constexpr std::string_view kScheme = "gantry-build://";

}  // namespace

void describe_result(const std::string& build, pb::Definition& definition) {
  pb::Op source, last;
  source.mutable_source()->set_identifier(std::string(kScheme) + build);
  const std::string bytes = source.SerializeAsString();
  const std::string digest = oci::digest_of(bytes).str();
  last.add_inputs()->set_digest(digest);
  definition.add_def(bytes);
  definition.add_def(last.SerializeAsString());
  (*definition.mutable_metadata())[digest];  // clients look for it
}

// The client adds an end of its own to what it was told.
Result<std::string> result_of(const pb::Definition& definition) {
  for (const std::string& bytes : definition.def()) {
    const auto op = TRY(parse<pb::Op>(bytes, "an operation"));
    if (!op.has_source()) continue;
    const std::string& identifier = op.source().identifier();
    if (identifier.starts_with(kScheme)) return identifier.substr(kScheme.size());
  }
  return error(Code::Unsupported, "graphs of operations (LLB) are not supported, only Dockerfiles");
}

}  // namespace gantry::buildkit
