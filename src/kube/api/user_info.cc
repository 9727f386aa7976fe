// SPDX-License-Identifier: Apache-2.0
#include "kube/api/user_info.h"

namespace gantry::kube {

static json::Tree texts(const std::vector<std::string>& words) {
  json::TreeArray array;
  for (const std::string& word : words) array.emplace_back(word);
  return array;
}

json::Tree user_info(const User& user) {
  json::TreeObject info;
  info["username"] = user.name;
  if (!user.uid.empty()) info["uid"] = user.uid;
  if (!user.groups.empty()) info["groups"] = texts(user.groups);
  for (const auto& [key, values] : user.extra) info["extra"].object()[key] = texts(values);
  return info;
}

}  // namespace gantry::kube
