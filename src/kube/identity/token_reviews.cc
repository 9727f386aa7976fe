// SPDX-License-Identifier: Apache-2.0
#include "kube/identity/token_reviews.h"

#include <algorithm>

#include "kube/api/tree_lists.h"
#include "kube/api/user_info.h"
#include "kube/identity/jwt.h"

namespace gantry::kube {
namespace {

json::Tree texts(const std::vector<std::string>& words) {
  json::TreeArray array;
  for (const std::string& word : words) array.emplace_back(word);
  return array;
}

void add_identity(json::TreeObject& status, User user, const std::vector<std::string>& audiences) {
  if (std::ranges::find(user.groups, kAuthenticatedGroup) == user.groups.end())
    user.groups.emplace_back(kAuthenticatedGroup);
  status["user"] = user_info(user);
  status["audiences"] = texts(audiences);
}

}  // namespace

Answer<json::Tree> review_token(const TokenAuthenticator& tokens, const std::vector<std::string>& audiences,
                                json::Tree review, std::int64_t now) {
  const std::string token(review.text_at("spec", "token"));
  if (token.empty()) return bad_request("token is required for TokenReview in authentication");
  std::vector<std::string> wanted = words_of(review.find("spec", "audiences"));
  if (wanted.empty()) wanted = audiences;
  json::TreeObject status;
  const auto answer = tokens.identify(token, wanted, now);
  if (!answer) status["error"] = answer.error().message();
  if (answer && *answer) {
    // Kinds of tokens that know no audiences are for this server alone.
    std::vector<std::string> given = (*answer)->audiences;
    if (given.empty()) given = common_audiences(wanted, audiences);
    status["authenticated"] = !given.empty();
    if (given.empty())
      status["error"] = "token: it is not for these audiences";
    else
      add_identity(status, (*answer)->user, given);
  }
  review.object()["status"] = std::move(status);
  return review;
}

json::Tree review_self(const User& user, json::Tree review) {
  json::TreeObject status;
  status["userInfo"] = user_info(user);
  review.object()["status"] = std::move(status);
  return review;
}

}  // namespace gantry::kube
