// SPDX-License-Identifier: Apache-2.0
//
// Whom a webhook is at: the clientConfig of a webhook's configuration, or of the conversion in a
// CustomResourceDefinition. For any thread.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/json_tree.h"
#include "http/client.h"
#include "kube/connect/service_router.h"

namespace gantry::kube {

class WebhookClient {
 public:
  // A config that names nobody, or wrongly, fails when it is asked.
  WebhookClient(const json::Tree& config, std::chrono::seconds timeout, std::string user_agent);

  // Sends a review as JSON, and answers the body of what comes back: at most `most` bytes of it. Blocks no
  // longer than the timeout. `query`: of the URL; may be empty. Unavailable for an answer that is no success.
  Result<std::string> post(std::string review, const std::string& query, std::size_t most,
                           const ServiceRouter& services) const;

 private:
  std::chrono::seconds timeout_;
  Result<http::Url> url_;
  std::optional<ServiceReference> service_;
  std::unique_ptr<http::Client> client_;  // with its connections
};

}  // namespace gantry::kube
