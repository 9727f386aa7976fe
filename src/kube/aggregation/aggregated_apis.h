// SPDX-License-Identifier: Apache-2.0
//
// The groups and versions that other API servers have (objects of the kind APIService that name a service).
//
//   AggregatedApis apis(objects, pki.proxy_client_identity());
//   for (const AggregatedApis::Verdict& verdict : apis.look()) ...      // again and again, by one thread
//   if (const auto api = apis.find(path)) return apis.answer(*api, user, request, response, streams);
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/thread_pool.h"
#include "http/server.h"
#include "http/stream_loop.h"
#include "kube/aggregation/foreign_server.h"
#include "kube/api/object_source.h"
#include "kube/api/status.h"
#include "kube/api/user.h"
#include "kube/views/foreign_version.h"

namespace gantry::kube {

// One of them, as it was found at the last look.
struct AggregatedApi {
  std::shared_ptr<const ForeignServer> server;
  Availability availability;
};

class AggregatedApis {
 public:
  using Time = std::chrono::steady_clock::time_point;
  struct Verdict {
    std::string name;  // of the APIService
    Availability availability;
  };

  // Both others outlive it.
  AggregatedApis(const ObjectSource& objects, const ServiceRouter& services, http::TlsIdentity identity);

  // ---- For any thread

  // By a path: "/apis/GROUP/VERSION" and all below it. Null: it is served here.
  std::shared_ptr<const AggregatedApi> find(std::string_view path) const;
  // Passes the request on in the name of `user`. The answer's status, once its head is sent; a stream goes on
  // when this returns. 503: its server cannot be reached.
  Answer<int> answer(const AggregatedApi& api, const User& user, http::Request& request,
                     http::ResponseWriter& response, http::StreamLoop& streams) const;
  // The certificate was made anew: it is read again at the next look.
  void renew();

  // ---- For one thread

  // Looks at all of them, and asks those whose turn it is: what is new at once, what is well every ten
  // seconds, what is not every other. No longer than some seconds.
  std::vector<Verdict> look(Time now);
  // What they serve.
  std::vector<views::ForeignVersion> versions() const;

 private:
  struct Known {
    std::string key;  // what it was made of
    std::shared_ptr<const ForeignServer> server;
    Availability service;  // at the last look
    ForeignServer::Answer said;
    Time next;
  };
  using Apis = std::map<std::string, std::shared_ptr<const AggregatedApi>, std::less<>>;

  void keep_known(Time now);
  void ask_those_due(Time now);
  void publish();

  const ObjectSource& objects_;
  const ServiceRouter& services_;
  const http::TlsIdentity identity_;
  std::map<std::string, Known> known_;  // by the APIService's name; of who looks

  mutable Mutex mutex_;           // guards what follows
  Apis apis_ GUARDED_BY(mutex_);  // by "GROUP/VERSION"
  bool is_renewed_ GUARDED_BY(mutex_) = false;

  ThreadPool pool_;  // last: its threads use all of the above
};

}  // namespace gantry::kube
