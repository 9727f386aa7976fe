// SPDX-License-Identifier: Apache-2.0
#include "http/tls_records.h"

#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>

#include <thread>

#include "base/byte_stream.h"
#include "http/stream.h"
#include "http/test_identity.h"
#include "testing/must.h"

namespace gantry::http {
namespace {

// OpenSSL's client against a server's connection that has settled, by one suite.
class Settled : public ::testing::TestWithParam<const char*> {
 protected:
  struct Free {
    void operator()(SSL* ssl) const { ::SSL_free(ssl); }
    void operator()(SSL_CTX* context) const { ::SSL_CTX_free(context); }
  };

  void SetUp() override {
    testing::TestAuthority authority;
    const TlsServerOptions options{.identity = authority.issue("localhost", "DNS:localhost"),
                                   .client_ca_files = {authority.ca_file()},
                                   .requires_client_certificate = false};
    const auto tls = MUST(TlsContext::for_server(options));
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    client_socket_ = UniqueFd(ends[0]);
    server_.emplace(MUST(Stream::over(UniqueFd(ends[1]))));
    MUST(server_->accept_tls(*tls));
    client_context_.reset(::SSL_CTX_new(::TLS_client_method()));
    ::SSL_CTX_set_ciphersuites(client_context_.get(), GetParam());
    client_.reset(::SSL_new(client_context_.get()));
    ::SSL_set_fd(client_.get(), client_socket_.get());
    constexpr unsigned char kAlpn[] = "\x08http/1.1";
    ASSERT_EQ(::SSL_set_alpn_protos(client_.get(), kAlpn, sizeof kAlpn - 1), 0);
    std::thread greeting([&] { ASSERT_EQ(::SSL_connect(client_.get()), 1); });
    for (;;) {
      const auto wants = MUST(server_->try_handshake());
      if (wants == Stream::Wants::Nothing) break;
      MUST(server_->wait_until(wants));
    }
    greeting.join();
  }

  // What the handshake has told is forgotten with the session.
  bool has_session() const { return server_->chosen_protocol() == "http/1.1"; }

  void say_something() {
    client_says("before");
    EXPECT_EQ(server_hears(6), "before");
    server_says("and before");
    EXPECT_EQ(client_hears(10), "and before");
  }
  void client_says(std::string_view text) {
    ASSERT_EQ(::SSL_write(client_.get(), text.data(), static_cast<int>(text.size())),
              static_cast<int>(text.size()));
  }
  std::string client_hears(std::size_t size) {
    std::string text(size, '\0');
    std::size_t got = 0;
    while (got < size) {
      const int some = ::SSL_read(client_.get(), text.data() + got, static_cast<int>(size - got));
      if (some <= 0) break;
      got += static_cast<std::size_t>(some);
    }
    return text.substr(0, got);
  }
  void server_says(std::string_view text) { MUST(server_->write(bytes_of(text))); }
  std::string server_hears(std::size_t size) {
    std::string text(size, '\0');
    text.resize(MUST(read_fully(*server_, std::as_writable_bytes(std::span(text)))));
    return text;
  }

  UniqueFd client_socket_;
  std::unique_ptr<SSL_CTX, Free> client_context_;
  std::unique_ptr<SSL, Free> client_;
  std::optional<Stream> server_;
};

INSTANTIATE_TEST_SUITE_P(Suites, Settled,
                         ::testing::Values("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384",
                                           "TLS_CHACHA20_POLY1305_SHA256"));

TEST_P(Settled, GoesOnWhereTheSessionWas) {
  say_something();
  EXPECT_TRUE(has_session());
  server_->settle();
  EXPECT_FALSE(has_session());
  for (int round = 0; round < 3; ++round) {
    server_says("from the server");
    EXPECT_EQ(client_hears(15), "from the server");
    client_says("from the client");
    EXPECT_EQ(server_hears(15), "from the client");
  }
}

TEST_P(Settled, LargeWritesAreManyRecords) {
  server_->settle();
  const std::string large(300'000, 'x');
  std::thread writing([&] { server_says(large); });
  EXPECT_EQ(client_hears(large.size()), large);
  writing.join();
  std::thread answering([&] { client_says(large); });
  EXPECT_EQ(server_hears(large.size()), large);
  answering.join();
}

TEST_P(Settled, EitherSideEndsItWithAGoodbye) {
  server_->settle();
  (void)::SSL_shutdown(client_.get());
  EXPECT_EQ(server_hears(1), "");
  MUST(server_->shut_down_writing());
  EXPECT_EQ(client_hears(1), "");
  EXPECT_EQ(::SSL_get_shutdown(client_.get()), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
}

TEST_P(Settled, TheClientMayChangeBothKeys) {
  server_->settle();
  for (int round = 0; round < 3; ++round) {
    ASSERT_EQ(::SSL_key_update(client_.get(), SSL_KEY_UPDATE_REQUESTED), 1);
    client_says("new keys");
    EXPECT_EQ(server_hears(8), "new keys");
    server_says("here too");
    EXPECT_EQ(client_hears(8), "here too");
  }
}

TEST_P(Settled, KeysThatHaveChangedBeforeStayWithTheSession) {
  ASSERT_EQ(::SSL_key_update(client_.get(), SSL_KEY_UPDATE_REQUESTED), 1);
  say_something();
  server_->settle();
  EXPECT_TRUE(has_session());
  say_something();
}

TEST_P(Settled, HalfARecordStaysWithTheSession) {
  client_says("whole");
  char record[64];
  const ssize_t size = ::recv(server_->fd(), record, sizeof record, MSG_PEEK);
  ASSERT_GT(size, 10);
  // The rest of it comes when it has settled.
  ASSERT_EQ(::recv(server_->fd(), record, static_cast<std::size_t>(size), 0), size);
  ASSERT_EQ(::send(client_socket_.get(), record, 5, 0), 5);
  std::byte into[8];
  EXPECT_EQ(MUST(server_->try_read(into)).wants, Stream::Wants::Reading);
  server_->settle();
  EXPECT_TRUE(has_session());
  ASSERT_EQ(::send(client_socket_.get(), record + 5, static_cast<std::size_t>(size - 5), 0), size - 5);
  EXPECT_EQ(server_hears(5), "whole");
}

TEST_P(Settled, WhatWasTamperedWithIsRefused) {
  server_->settle();
  client_says("secret");
  char record[64];
  const ssize_t size = ::recv(server_->fd(), record, sizeof record, 0);
  ASSERT_GT(size, 10);
  record[8] ^= 1;
  ASSERT_EQ(::send(client_socket_.get(), record, static_cast<std::size_t>(size), 0), size);
  std::byte into[8];
  const auto got = server_->try_read(into);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code(), Code::DataLoss);
}

TEST_P(Settled, OtherBytesAreRefused) {
  server_->settle();
  const std::string nonsense = "GET / HTTP/1.1\r\n\r\n" + std::string(30'000, ' ');
  ASSERT_GT(::send(client_socket_.get(), nonsense.data(), nonsense.size(), 0), 0);
  std::byte into[8];
  EXPECT_EQ(server_->try_read(into).error().code(), Code::DataLoss);
}

TEST_P(Settled, ACutIsNoEnd) {
  server_->settle();
  client_socket_.reset();
  std::byte into[8];
  EXPECT_EQ(server_->try_read(into).error().code(), Code::DataLoss);
}

TEST_P(Settled, WhatThePeerDoesNotTakeGoesOutLater) {
  server_->settle();
  const std::string record(16 << 10, 'y');
  std::size_t sent = 0;
  for (;;) {
    const auto attempt = MUST(server_->try_write(bytes_of(record)));
    if (attempt.wants != Stream::Wants::Nothing) break;
    sent += attempt.bytes;
  }
  std::thread reading([&] {
    const std::string all = client_hears(sent + record.size());
    EXPECT_EQ(all.size(), sent + record.size());
  });
  server_says(record);
  reading.join();
}

TEST(TlsRecords, RecordsWithoutContentHaveAnEnd) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
  const UniqueFd here(ends[0]), there(ends[1]);
  const std::string in(32, 'i'), out(32, 'o');
  const auto reader = TlsRecords::make(0x1301, here.get(), {.secret = in}, {.secret = out});
  const auto writer = TlsRecords::make(0x1301, there.get(), {.secret = out}, {.secret = in});
  for (int i = 0; i < 40; ++i) MUST(writer->try_write(""));
  std::byte into[8];
  EXPECT_EQ(reader->try_read(into).error().code(), Code::DataLoss);
  EXPECT_EQ(TlsRecords::make(0x1304, here.get(), {.secret = in}, {.secret = out}), nullptr);
}

}  // namespace
}  // namespace gantry::http
