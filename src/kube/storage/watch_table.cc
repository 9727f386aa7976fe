// SPDX-License-Identifier: Apache-2.0
#include "kube/storage/watch_table.h"

#include <algorithm>
#include <utility>

#include "kube/storage/watch_stream.h"

namespace gantry::kube {

// The attribute and value that everything has which the selection is of; Nothing if it says none.
static std::pair<Attribute, std::string> mark_of(const Selection& selection) {
  for (Term& term : selection.terms())
    if (term.values.size() == 1) return {std::move(term.attribute), std::move(term.values.front())};
  return {};
}

void WatchTable::add(WatchStream& stream) {
  const Selection& selection = stream.selection();
  auto [attribute, value] = mark_of(selection);
  Streams& streams = streams_[selection.name_space()][std::move(attribute)][std::move(value)];
  stream.slot_ = streams.size();
  streams.push_back(&stream);
}

void WatchTable::remove(WatchStream& stream) {
  const Selection& selection = stream.selection();
  const auto [attribute, value] = mark_of(selection);
  const auto by_attribute = streams_.find(selection.name_space());
  const auto by_value = by_attribute->second.find(attribute);
  const auto streams = by_value->second.find(value);
  streams->second.back()->slot_ = stream.slot_;
  std::swap(streams->second[stream.slot_], streams->second.back());
  streams->second.pop_back();
  if (streams->second.empty()) by_value->second.erase(streams);
  if (by_value->second.empty()) by_attribute->second.erase(by_value);
  if (by_attribute->second.empty()) streams_.erase(by_attribute);
}

}  // namespace gantry::kube
