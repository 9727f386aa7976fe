// SPDX-License-Identifier: Apache-2.0
//
// Who watches a collection, by what he watches: a namespace or all, and in it the objects that have one value
// of one attribute, if his selection says so. So a change is looked at for those alone who watch something
// near it: of ten thousand nodes' agents that each watch their own pods, for one. Not for several threads by
// itself.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "kube/storage/attribute.h"
#include "kube/storage/history.h"

namespace gantry::kube {

class WatchStream;

class WatchTable {
 public:
  // Until it is removed the stream stays where it is.
  void add(WatchStream& stream);
  void remove(WatchStream& stream);

  // All that a change may concern; none twice.
  template <class Visit>
  void for_each_near(const Change& change, Visit visit) const {
    const std::string_view name_space = change.object->name_space();
    visit_near("", change, visit);
    if (!name_space.empty()) visit_near(name_space, change, visit);
  }
  template <class Visit>
  void for_each(Visit visit) const {
    for (const auto& [name_space, by_attribute] : streams_)
      for (const auto& [attribute, by_value] : by_attribute)
        for (const auto& [value, streams] : by_value)
          for (WatchStream* stream : streams) visit(*stream);
  }

 private:
  using Streams = std::vector<WatchStream*>;
  using ByValue = std::map<std::string, Streams, std::less<>>;
  using ByAttribute = std::map<Attribute, ByValue>;

  template <class Visit>
  void visit_near(std::string_view name_space, const Change& change, Visit& visit) const {
    const auto by_attribute = streams_.find(name_space);
    if (by_attribute == streams_.end()) return;
    const auto visit_value = [&](const ByValue& by_value, std::string_view value) {
      const auto streams = by_value.find(value);
      if (streams == by_value.end()) return;
      for (WatchStream* stream : streams->second) visit(*stream);
    };
    for (const auto& [attribute, by_value] : by_attribute->second) {
      const auto before = change.value_before(attribute);
      const auto now = change.value_now(attribute);
      if (before) visit_value(by_value, *before);
      if (now && now != before) visit_value(by_value, *now);
    }
  }

  std::map<std::string, ByAttribute, std::less<>> streams_;  // nothing in it is empty
};

}  // namespace gantry::kube
