// SPDX-License-Identifier: Apache-2.0
#include "kube/encryption/kms_plugin.h"

#include "base/random.h"
#include "grpc/call.h"
#include "http/connect.h"

namespace gantry::kube {

using http::Http2Connection;
using std::chrono::steady_clock;

Result<std::shared_ptr<Http2Connection>> KmsPlugin::connection(Time deadline) {
  MutexLock lock(mutex_);
  if (connection_ != nullptr && !connection_->is_over()) return connection_;
  auto stream = http::connect_unix(socket_, deadline);
  // A socket that is not there, or at which nobody is, will be.
  if (!stream) return std::move(stream).error().with_code(Code::Unavailable);
  connection_ = TRY(Http2Connection::connect(*std::move(stream)));
  return connection_;
}

void KmsPlugin::leave(const std::shared_ptr<Http2Connection>& connection) {
  MutexLock lock(mutex_);
  if (connection_ == connection) connection_ = nullptr;
}

Result<std::string> KmsPlugin::ask(std::string_view method, std::string_view request) {
  const Time deadline = steady_clock::now() + patience_;
  const auto connection = TRY(this->connection(deadline));
  auto answer = grpc::call_unary(*connection, fmt::format("/v2.KeyManagementService/{}", method), request, {},
                                 deadline);
  if (answer) return answer;
  const Code code = answer.error().code();
  if (code == Code::Unavailable || code == Code::TimedOut) leave(connection);
  return std::move(answer).error().during(method);
}

Result<KmsStatus> KmsPlugin::status() { return read_status(TRY(ask("Status", ""))); }

Result<KmsSecret> KmsPlugin::encrypt(std::string_view secret) {
  return read_encrypted(TRY(ask("Encrypt", encrypt_request(secret, random_uuid()))));
}

Result<std::string> KmsPlugin::decrypt(const KmsSecret& secret) {
  return read_decrypted(TRY(ask("Decrypt", decrypt_request(secret, random_uuid()))));
}

}  // namespace gantry::kube
