// SPDX-License-Identifier: Apache-2.0
//
// Who asks: what authentication finds out and authorisation, admission and the audit log look at.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace gantry::kube {

struct User {
  std::string name;  // "system:serviceaccount:default:web"
  std::string uid;
  std::vector<std::string> groups;  // "system:masters" ...
  std::map<std::string, std::vector<std::string>> extra;
};

inline constexpr const char* kAnonymous = "system:anonymous";
inline constexpr const char* kAuthenticatedGroup = "system:authenticated";
inline constexpr const char* kUnauthenticatedGroup = "system:unauthenticated";
inline constexpr const char* kMastersGroup = "system:masters";  // may do everything

// What somebody wants to do, as authorisation decides on it.
struct AccessRequest {
  User user;
  std::string verb;  // "get", "list", "deletecollection" ...; of a path: the method in lower case
  bool is_resource = true;
  std::string group;
  std::string version;
  std::string resource;  // plural
  std::string subresource;
  std::string name_space;  // empty: of the cluster, or all
  // Empty: all. Of list and watch: the one that a field selector demands by metadata.name.
  std::string name;
  std::string path;  // when it is no resource: "/healthz"
  // What a field selector of list, watch or deletecollection demands, "=" only: {"spec.nodeName", "n1"}.
  std::map<std::string, std::string> fields;
};

}  // namespace gantry::kube
