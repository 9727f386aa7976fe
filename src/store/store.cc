// SPDX-License-Identifier: Apache-2.0
#include "store/store.h"

#include <algorithm>

namespace gantry::store {

KeyRange KeyRange::one(std::string_view key) {
  KeyRange range{.first = std::string(key), .end = std::string(key)};
  range.end.push_back('\0');  // the very next key
  return range;
}

KeyRange KeyRange::prefix(std::string_view text) {
  KeyRange range{.first = std::string(text), .end = std::string(text)};
  // The first key that does not begin so: the last byte one higher, without those that are at the end
  // already.
  while (!range.end.empty() && range.end.back() == '\xff') range.end.pop_back();
  if (!range.end.empty()) ++range.end.back();
  return range;
}

Result<std::optional<KeyValue>> Store::get(std::string_view key, Revision at) {
  RangeResult found = TRY(range({.keys = KeyRange::one(key), .at = at}));
  if (found.items.empty()) return std::nullopt;
  return std::move(found.items.front());
}

static Result<void> check_key(const std::string& key) {
  if (key.empty()) return error(Code::InvalidArgument, "a key of the store cannot be empty");
  if (key.size() > kMaxKey)
    return error(Code::InvalidArgument, "a key of {} bytes is too long: {} are allowed", key.size(), kMaxKey);
  return {};
}

static Result<void> check_operation(const Operation& operation) {
  TRY(check_key(operation.key));
  if (operation.key.size() + operation.value.size() > kMaxValue)
    return error(Code::ResourceExhausted, "'{}' with its {} bytes is too large: {} are allowed",
                 operation.key, operation.value.size(), kMaxValue);
  return {};
}

Result<void> check(const Transaction& transaction) {
  if (transaction.operations.size() > kMaxOperations || transaction.conditions.size() > kMaxOperations)
    return error(Code::InvalidArgument, "a transaction of {} operations and {} conditions: {} are allowed",
                 transaction.operations.size(), transaction.conditions.size(), kMaxOperations);
  for (const Condition& condition : transaction.conditions) TRY(check_key(condition.key));
  std::vector<std::string_view> keys;
  for (const Operation& operation : transaction.operations) {
    TRY(check_operation(operation));
    keys.push_back(operation.key);
  }
  std::ranges::sort(keys);
  if (const auto twice = std::ranges::adjacent_find(keys); twice != keys.end())
    return error(Code::InvalidArgument, "'{}' is changed twice in one transaction", *twice);
  return {};
}

}  // namespace gantry::store
