// SPDX-License-Identifier: Apache-2.0
#include "kube/server/list_objects.h"

#include <algorithm>
#include <span>
#include <utility>

#include "kube/server/read_parameters.h"
#include "kube/server/shown_selection.h"
#include "kube/server/stored_object.h"
#include "kube/server/verb_functions.h"
#include "kube/storage/continue_token.h"

namespace gantry::kube {
namespace {

// How many objects are converted, and are in memory as trees, at once.
constexpr std::size_t kTogether = 500;

std::vector<SharedBytes> texts_of(std::span<const ObjectRef> objects) {
  std::vector<SharedBytes> texts;
  texts.reserve(objects.size());
  for (const ObjectRef& object : objects) texts.push_back(object->json());
  return texts;
}

ApiList empty_list(const Resource& resource) {
  return {.api_version = resource.kind.api_version(), .kind = resource.list_kind};
}

// Goes over all that is of the names that are asked for, page by page, and takes what is selected as it is
// shown.
class ShownSearch {
 public:
  ShownSearch(const VerbParts& parts, const ApiRequest& request, const ShownSelection& selection)
      : parts_(parts),
        request_(request),
        selection_(selection),
        limit_(request.read.limit),
        selected_{.list = empty_list(request.resource)} {}

  Answer<SelectedObjects> run() && {
    Collection& collection = collection_of(parts_, request_.resource);
    ListRequest page = TRY(list_request(request_, TRY(selection_by_names(collection, request_))));
    if (limit_ != 0) page.limit = std::max(limit_, kTogether);
    for (;;) {
      ListResult found = TRY(parts_.storage.list(collection, page));
      selected_.list.revision = found.revision;
      if (!TRY(add(found)) || found.continue_token.empty()) return std::move(selected_);
      page.continue_token = std::move(found.continue_token);
      page.version = {};  // the token has it
    }
  }

 private:
  // False: that is as much as was asked for, and there is more.
  Answer<bool> add(const ListResult& found) {
    for (std::span<const ObjectRef> rest(found.items); !rest.empty();) {
      const auto together = rest.first(std::min(kTogether, rest.size()));
      rest = rest.subspan(together.size());
      const std::vector<SharedBytes> texts = TRY(shown(request_.resource, texts_of(together)));
      for (std::size_t i = 0; i < texts.size(); ++i) {
        if (!selection_.matches(TRY(tree_of(request_.resource, texts[i])))) continue;
        if (limit_ != 0 && selected_.stored.size() == limit_) return end_at(found.revision);
        selected_.stored.push_back(together[i]);
        selected_.list.items.push_back(texts[i]);
      }
    }
    return true;
  }

  bool end_at(store::Revision revision) {
    selected_.list.continue_token = ContinueToken{revision, selected_.stored.back()->path()}.text();
    return false;
  }

  const VerbParts& parts_;
  const ApiRequest& request_;
  const ShownSelection& selection_;
  const std::size_t limit_;  // 0: all
  SelectedObjects selected_;
};

}  // namespace

Answer<SelectedObjects> selected_objects(const VerbParts& parts, const ApiRequest& request) {
  const Resource& resource = request.resource;
  if (const auto selection = TRY(ShownSelection::of(request)))
    return ShownSearch(parts, request, *selection).run();
  Collection& collection = collection_of(parts, resource);
  ListResult found =
      TRY(parts.storage.list(collection, TRY(list_request(request, TRY(selection_of(collection, request))))));
  SelectedObjects selected{.stored = std::move(found.items), .list = empty_list(resource)};
  selected.list.revision = found.revision;
  selected.list.continue_token = std::move(found.continue_token);
  selected.list.remaining = found.remaining;
  selected.list.items = TRY(shown(resource, texts_of(selected.stored)));
  return selected;
}

}  // namespace gantry::kube
