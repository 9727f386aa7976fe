// SPDX-License-Identifier: Apache-2.0
//
// The way to an etcd cluster: gRPC to one member at a time, to another when that one fails.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/mutex.h"
#include "grpc/call.h"
#include "http/tls.h"
#include "http/url.h"
#include "store/etcd/etcd_options.h"

namespace gantry::store {

// All calls are for any thread and block.
class EtcdClient {
 public:
  // Connects when it is needed first.
  static Result<std::unique_ptr<EtcdClient>> make(EtcdOptions options);

  enum class Repeatable : bool { No, Yes };
  // One message there, one back. What changes nothing may be asked again of another member; of the rest,
  // Unavailable and TimedOut leave open whether it was done.
  Result<std::string> ask(std::string_view method, const std::string& request, Repeatable repeatable);

  // A call that goes on, together with what it goes over.
  struct Session {
    std::shared_ptr<http::Http2Connection> connection;
    grpc::ClientCall call;
  };
  Result<Session> begin(std::string_view method);

  // Whoever asks next connects anew, and logs in: of a connection that has failed, or whose token has ended.
  void leave(const std::shared_ptr<http::Http2Connection>& connection);

  std::chrono::milliseconds patience() const { return options_.patience; }

 private:
  EtcdClient(EtcdOptions options, std::vector<http::Url> members,
             std::shared_ptr<const http::TlsContext> tls);
  // A member that answers, and what it wants to be told with every call.
  struct Member {
    std::shared_ptr<http::Http2Connection> connection;
    grpc::HeaderFields metadata;
  };
  Result<Member> member();
  Result<Member> connect(const http::Url& url) const;
  Result<std::string> authenticate(http::Http2Connection& connection) const;

  const EtcdOptions options_;
  const std::vector<http::Url> members_;
  const std::shared_ptr<const http::TlsContext> tls_;

  Mutex mutex_;  // guards what follows; held while connecting, for which everybody has to wait anyway
  Member current_ GUARDED_BY(mutex_);
  std::size_t next_ GUARDED_BY(mutex_) = 0;  // of members_
};

}  // namespace gantry::store
