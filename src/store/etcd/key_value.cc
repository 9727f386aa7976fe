// SPDX-License-Identifier: Apache-2.0
#include "store/etcd/key_value.h"

namespace gantry::store {

KeyValue to_key_value(const pb::KeyValue& from) {
  return {.key = from.key(),
          .value = SharedBytes(from.value()),
          .created = from.create_revision(),
          .modified = from.mod_revision(),
          .version = from.version(),
          .lease = from.lease()};
}

static const std::string kNul(1, '\0');

std::string first_of(const KeyRange& range) { return range.first.empty() ? kNul : range.first; }
std::string end_of(const KeyRange& range) { return range.end.empty() ? kNul : range.end; }

}  // namespace gantry::store
