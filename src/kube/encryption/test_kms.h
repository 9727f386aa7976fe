// SPDX-License-Identifier: Apache-2.0
//
// For tests: a key management plugin at a socket of its own, which can be ill, lie, be silent, and be gone.
#pragma once

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "grpc/call.h"
#include "http/listener.h"
#include "kube/encryption/kms_messages.h"
#include "kube/protobuf/wire.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::kube {

class TestKms {
 public:
  struct Manner {
    std::string version = "v2";
    std::string health = "ok";
    std::string key = "key-1";
    std::string encrypts_with = {};  // empty: with the key
    bool forgets = false;            // what it has encrypted
    bool refuses = false;            // to decrypt
    bool is_silent = false;
  };

  TestKms() {
    methods_.add("/v2.KeyManagementService/Status",
                 [this](grpc::ServerCall& call) { return answer(call, &TestKms::status); });
    methods_.add("/v2.KeyManagementService/Encrypt",
                 [this](grpc::ServerCall& call) { return answer(call, &TestKms::encrypt); });
    methods_.add("/v2.KeyManagementService/Decrypt",
                 [this](grpc::ServerCall& call) { return answer(call, &TestKms::decrypt); });
    start();
  }
  ~TestKms() { stop(); }

  std::string socket() const { return dir_ / "kms.sock"; }
  std::string endpoint() const { return "unix://" + socket(); }

  void start() {
    listener_ = std::make_unique<http::Listener>(MUST(http::Listener::unix_socket(socket(), 0600)));
    accepting_ = std::thread([this] { accept(); });
  }
  void stop() {
    behave({});  // nobody is silent any more
    if (!accepting_.joinable()) return;
    ::shutdown(listener_->fd(), SHUT_RDWR);
    accepting_.join();
    listener_.reset();
  }

  void behave(Manner manner) {
    MutexLock lock(mutex_);
    manner_ = std::move(manner);
    changed_.notify_all();
  }
  int asked(const std::string& method) const {
    MutexLock lock(mutex_);
    const auto found = asked_.find(method);
    return found == asked_.end() ? 0 : found->second;
  }

 private:
  using Reply = Result<std::string> (TestKms::*)(const Manner& manner, std::string_view request);

  void accept() {
    std::vector<std::unique_ptr<http::Http2Connection>> connections;
    for (;;) {
      pollfd waiting{.fd = listener_->fd(), .events = POLLIN};
      ::poll(&waiting, 1, -1);
      if ((waiting.revents & (POLLHUP | POLLERR)) != 0) return;
      UniqueFd fd(::accept4(listener_->fd(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!fd) continue;
      connections.push_back(
          MUST(http::Http2Connection::serve(MUST(http::Stream::over(std::move(fd))), methods_.handler())));
    }
  }

  Result<void> answer(grpc::ServerCall& call, Reply reply) {
    const std::string request = TRY(call.read_one());
    Manner manner;
    {
      MutexLock lock(mutex_);
      ++asked_[std::string(call.method().substr(call.method().rfind('/') + 1))];
      while (manner_.is_silent && !call.is_over()) changed_.wait(mutex_);
      manner = manner_;
    }
    return call.write(TRY((this->*reply)(manner, request)));
  }

  Result<std::string> status(const Manner& manner, std::string_view /*request*/) {
    protobuf::WireWriter writer;
    writer.bytes(1, manner.version);
    writer.bytes(2, manner.health);
    writer.bytes(3, manner.key);
    return std::move(writer).message();
  }

  // Fields of an EncryptRequest: 1 is what to encrypt. Encrypted is what reads backwards.
  Result<std::string> encrypt(const Manner& manner, std::string_view request) {
    std::string text = MUST(read_decrypted(request));
    std::ranges::reverse(text);
    protobuf::WireWriter writer;
    writer.bytes(1, text);
    writer.bytes(2, manner.encrypts_with.empty() ? manner.key : manner.encrypts_with);
    const std::size_t mark = writer.begin();
    writer.bytes(1, "kind.example.com");
    writer.bytes(2, "backwards");
    writer.end(3, mark);
    return std::move(writer).message();
  }

  Result<std::string> decrypt(const Manner& manner, std::string_view request) {
    if (manner.refuses) return error(Code::InvalidArgument, "this key was destroyed");
    std::string text = MUST(read_decrypted(request));
    std::ranges::reverse(text);
    if (manner.forgets) text.assign(text.size(), 'x');
    protobuf::WireWriter writer;
    writer.bytes(1, text);
    return std::move(writer).message();
  }

  testing::TempDir dir_;
  grpc::Methods methods_;
  std::unique_ptr<http::Listener> listener_;
  std::thread accepting_;
  mutable Mutex mutex_;  // guards what follows
  CondVar changed_;
  Manner manner_ GUARDED_BY(mutex_);
  std::map<std::string, int> asked_ GUARDED_BY(mutex_);
};

}  // namespace gantry::kube
