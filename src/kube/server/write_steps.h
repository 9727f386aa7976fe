// SPDX-License-Identifier: Apache-2.0
//
// What every write does between a client's bytes and the store.
#pragma once

#include <string>
#include <vector>

#include "base/json_tree.h"
#include "kube/admission/admission.h"
#include "kube/api/status.h"
#include "kube/patch/managed_fields.h"
#include "kube/server/verbs.h"

namespace gantry::kube {

using Warnings = std::vector<std::string>;

// The body as an object of that kind, which it need not name; with defaults. 400 for another kind.
Answer<json::Tree> read_body(const ApiRequest& request, const Type& type, const GroupVersionKind& kind,
                             Warnings& warnings);
// What a patch made of an object, checked in the same way.
Answer<json::Tree> read_tree(const ApiRequest& request, const Type& type, const GroupVersionKind& kind,
                             json::Tree object, Warnings& warnings);
// What somebody applies: without defaults, which he does not mean to own. It says its version and kind: 400
// for others, or none.
Answer<json::Tree> read_applied(const ApiRequest& request, const Type& type, const GroupVersionKind& kind,
                                const json::Tree& body, Warnings& warnings);
// 422: who applies says who he is.
Answer<void> check_has_manager(const ApiRequest& request);
// A body as it is: a patch, options.
Answer<json::Tree> read_any(const ApiRequest& request);

// Name and namespace are those of the request where the object says none. 400 where it says others.
Answer<void> match_names(const ApiRequest& request, json::Tree& object);

FieldManager manager_of(const ApiRequest& request);

// Whether somebody has noted already who set what: an apply has.
enum class Tracking : bool { IsDone, IsToDo };

// An object that was made by a client, on its way into the store. `before`: null, it is created.
class Writing {
 public:
  Writing(const VerbParts& parts, const ApiRequest& request, const json::Tree* before, Warnings& warnings)
      : parts_(parts), request_(request), before_(before), warnings_(warnings) {}

  // Puts right what clients cannot choose, notes who set what, then admission, then the rules. 422 for what
  // is invalid, 403 for what is refused.
  Answer<void> finish(json::Tree& object, Tracking tracking);

 private:
  Answer<void> validate(const json::Tree& object) const;

  const VerbParts& parts_;
  const ApiRequest& request_;
  const json::Tree* const before_;
  Warnings& warnings_;
};

// Stores what `body` says, under a name that is made up where it has none. With a code of 201.
Answer<ApiAnswer> create_from(const VerbParts& parts, const ApiRequest& request, json::Tree body,
                              Tracking tracking, Warnings warnings);

// Admission of what is created at an object, as a subresource of a kind of its own.
Answer<void> admit_part(const VerbParts& parts, const ApiRequest& request, const GroupVersionKind& kind,
                        json::Tree& part, Warnings& warnings);

// What is written together with an object of that kind: events go by themselves.
AlsoWritten also_of(const Resource& resource);

// 409 if the object is not the one that the client means.
Answer<void> check_uid(const ApiRequest& request, const json::Tree& object, std::string_view uid);

}  // namespace gantry::kube
