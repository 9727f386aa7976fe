// SPDX-License-Identifier: Apache-2.0
#include "store/etcd/etcd_client.h"

#include <etcd.pb.h>

#include <algorithm>
#include <utility>

#include "http/connect.h"
#include "http/http2/tls.h"
#include "store/etcd/message.h"

namespace gantry::store {

using http::Http2Connection;
using std::chrono::steady_clock;

EtcdClient::EtcdClient(EtcdOptions options, std::vector<http::Url> members,
                       std::shared_ptr<const http::TlsContext> tls)
    : options_(std::move(options)), members_(std::move(members)), tls_(std::move(tls)) {}

Result<std::unique_ptr<EtcdClient>> EtcdClient::make(EtcdOptions options) {
  if (options.endpoints.empty()) return error(Code::InvalidArgument, "no endpoint of etcd is named");
  std::vector<http::Url> members;
  for (const std::string& endpoint : options.endpoints)
    members.push_back(TRY_DURING(http::Url::parse(endpoint), "endpoint of etcd '{}'", endpoint));
  std::shared_ptr<const http::TlsContext> tls;
  if (std::ranges::any_of(members, &http::Url::is_tls)) tls = TRY(http::tls_for_http2_client(options.tls));
  return std::unique_ptr<EtcdClient>(new EtcdClient(std::move(options), std::move(members), std::move(tls)));
}

Result<std::string> EtcdClient::authenticate(Http2Connection& connection) const {
  pb::AuthenticateRequest request;
  request.set_name(options_.user);
  request.set_password(options_.password);
  constexpr std::string_view kMethod = "/etcdserverpb.Auth/Authenticate";
  const std::string answer = TRY_DURING(grpc::call_unary(connection, kMethod, request.SerializeAsString(), {},
                                                         steady_clock::now() + patience()),
                                        "log in to etcd as '{}'", options_.user);
  return TRY(parse<pb::AuthenticateResponse>(answer, kMethod)).token();
}

Result<EtcdClient::Member> EtcdClient::connect(const http::Url& url) const {
  http::Stream stream =
      TRY(http::connect_tcp(url.host, url.effective_port(), steady_clock::now() + options_.patience));
  stream.set_deadline(steady_clock::now() + options_.patience);
  if (url.is_tls()) TRY(stream.start_tls(*tls_, url.host));
  stream.set_deadline(std::nullopt);
  Member member;
  member.connection = TRY(Http2Connection::connect(std::move(stream)));
  if (!options_.user.empty()) member.metadata.emplace_back("token", TRY(authenticate(*member.connection)));
  return member;
}

// Each member once, beginning behind the one that failed last.
Result<EtcdClient::Member> EtcdClient::member() {
  MutexLock lock(mutex_);
  if (current_.connection && !current_.connection->is_over()) return current_;
  Error failure = error(Code::Unavailable, "no member of etcd can be reached");
  for (std::size_t tried = 0; tried < members_.size(); ++tried) {
    const http::Url& url = members_[next_];
    next_ = (next_ + 1) % members_.size();
    Result<Member> connected = connect(url);
    if (connected) {
      current_ = *std::move(connected);
      return current_;
    }
    const Code code = connected.error().code();
    failure = std::move(connected).error().during(fmt::format("etcd '{}'", url.origin()));
    // A wrong password is wrong everywhere.
    if (code == Code::PermissionDenied || code == Code::InvalidArgument) return failure;
  }
  return std::move(failure).with_code(Code::Unavailable);
}

void EtcdClient::leave(const std::shared_ptr<Http2Connection>& connection) {
  MutexLock lock(mutex_);
  if (current_.connection == connection) current_ = {};
}

// etcd has one status for several things that callers must tell apart.
static Error translated(Error failure) {
  if (failure.message().contains("revision has been compacted"))
    return std::move(failure).with_code(Code::Conflict);
  if (failure.message().contains("request is too large"))
    return std::move(failure).with_code(Code::ResourceExhausted);
  return failure;
}

static bool is_of_the_member(const Error& failure) {
  return failure.code() == Code::Unavailable || failure.code() == Code::TimedOut;
}

Result<std::string> EtcdClient::ask(std::string_view method, const std::string& request,
                                    Repeatable repeatable) {
  const std::size_t attempts = repeatable == Repeatable::Yes ? 2 * members_.size() : 1;
  bool has_logged_in_again = false;
  for (std::size_t attempt = 1;; ++attempt) {
    const Member member = TRY(this->member());
    Result<std::string> answer = grpc::call_unary(*member.connection, method, request, member.metadata,
                                                  steady_clock::now() + options_.patience);
    if (answer) return answer;
    // Tokens end; this was refused, so it was not done.
    const bool is_old_token = answer.error().message().contains("invalid auth token");
    if (is_of_the_member(answer.error()) || is_old_token) leave(member.connection);
    if (is_old_token && !std::exchange(has_logged_in_again, true)) continue;
    if (is_of_the_member(answer.error()) && attempt < attempts) continue;
    return translated(std::move(answer).error()).during("etcd");
  }
}

Result<EtcdClient::Session> EtcdClient::begin(std::string_view method) {
  Member member = TRY(this->member());
  grpc::ClientCall call = TRY(grpc::ClientCall::begin(*member.connection, method, member.metadata));
  return Session{std::move(member.connection), std::move(call)};
}

}  // namespace gantry::store
