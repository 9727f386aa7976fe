// SPDX-License-Identifier: Apache-2.0
//
// Keys, ranges and values as etcd writes them.
#pragma once

#include <etcd.pb.h>

#include <string>

#include "store/store.h"

namespace gantry::store {

KeyValue to_key_value(const pb::KeyValue& from);

// etcd has no empty keys: one NUL byte stands for the beginning as `key`, and for no end as `range_end`.
std::string first_of(const KeyRange& range);
std::string end_of(const KeyRange& range);

}  // namespace gantry::store
