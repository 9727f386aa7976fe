// SPDX-License-Identifier: Apache-2.0
//
// An HTTP/1.1 client: blocking calls with limits, for any number of threads.
// Connections are kept and used again. Redirects are answers like any other:
// whether to follow one is the caller's policy.
//
//   Client client(TRY(ClientOptions::from_environment()));
//   ClientResponse response = TRY(client.send({.url = TRY(Url::parse("https://registry.example/v2/"))}));
//   if (response.status() == 200) TRY(copy(response.body(), sink));
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/byte_stream.h"
#include "base/error.h"
#include "http/message.h"
#include "http/proxy.h"
#include "http/stream.h"
#include "http/tls.h"
#include "http/url.h"

namespace gantry::http {

struct ClientOptions {
  Proxies proxies;
  TlsClientOptions tls;
  TlsClientOptions proxy_tls;  // towards a proxy at https://
  std::string user_agent = "gantry";
  std::string unix_socket;  // a path: connect there, whatever host a URL names
  std::chrono::milliseconds connect_timeout = std::chrono::seconds(30);  // with TLS and proxy
  // How long a server may take to begin its answer after the request was sent, unless the request says.
  std::chrono::milliseconds answer_timeout = std::chrono::seconds(120);
  std::chrono::milliseconds idle_timeout = std::chrono::seconds(60);  // without a byte of a body, either way
  std::chrono::milliseconds keep_alive = std::chrono::seconds(60);    // how long an unused connection is kept
  std::size_t max_idle_per_origin = 8;
  std::size_t max_head = 64 << 10;  // bytes of a response head

  // The defaults, with the environment's proxies.
  static Result<ClientOptions> from_environment();
};

struct ClientRequest {
  std::string method = "GET";
  Url url;
  // Host, Content-Length, Transfer-Encoding, Connection, Expect and Upgrade are the client's own; here they
  // are left out.
  HeaderMap headers;

  std::string body;  // sent when there is no body_source; for POST, PUT and PATCH also when empty
  ByteSource* body_source = nullptr;         // borrowed until send returns
  std::optional<std::uint64_t> body_length;  // of body_source; nullopt sends chunks
  // Asks the server before a body is sent: worth a round trip when it is large and may be refused.
  bool expects_continue = false;
  // Also asks for "Connection: Upgrade" to this protocol; see ClientResponse::take_stream.
  std::string upgrade;

  std::optional<std::chrono::milliseconds> answer_timeout;
  std::optional<Stream::Time> deadline;  // for everything, the response's body included
  // Where to connect instead of to the URL's host, whose certificate is asked for all the same; empty: there.
  // Requests with the same origin go to the same place.
  std::string connect_host;
};

class ClientConnection;
class ConnectionPool;

// An answer. Its connection is used again once the body was read to the end; otherwise it is closed.
class ClientResponse {
 public:
  ClientResponse(ClientResponse&&) noexcept;
  ClientResponse& operator=(ClientResponse&&) noexcept;
  ~ClientResponse();

  int status() const { return head_.status; }
  bool is_success() const { return head_.status >= 200 && head_.status < 300; }
  const HeaderMap& headers() const { return head_.headers; }

  // Reading fails with DataLoss when the connection ends before the body, TimedOut when it stalls.
  ByteSource& body();
  // What Content-Length says; nullopt when the body's end shows itself.
  std::optional<std::uint64_t> body_length() const;
  // All of it; ResourceExhausted when it is more than `limit` bytes.
  Result<std::string> read_body(std::size_t limit = 4 << 20);

  // For event loops: what is there of the body, without waiting, and the connection to wait for.
  Result<Stream::Attempt> try_read_body(std::span<std::byte> into);
  Stream& stream();

  // After 101 Switching Protocols (or an answer that became a raw stream): the connection itself, with all
  // that the server has sent behind its head.
  Result<Stream> take_stream() &&;

 private:
  friend class Client;
  ClientResponse(ResponseHead head, std::unique_ptr<ClientConnection> connection);
  ResponseHead head_;
  std::unique_ptr<ClientConnection> connection_;
};

class Client {
 public:
  explicit Client(ClientOptions options = {});
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;
  ~Client();  // responses that are still read keep their connections

  // The head of the final answer. An error names the URL and what went wrong: Unavailable (no connection, or
  // it broke), TimedOut, NotFound (no such host), PermissionDenied (the certificate is not trusted), DataLoss
  // (no HTTP came back). A request that a kept connection broke under is sent once more on a new one, if that
  // cannot do harm: its method is idempotent (RFC 9110 section 9.2.2) and its body is not a stream.
  Result<ClientResponse> send(const ClientRequest& request);

  void close_idle();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// Where a 3xx answer points, relative to the URL that was asked; nullopt: it is no redirect. DataLoss when it
// is one without a usable Location.
Result<std::optional<Url>> redirect_of(const Url& asked, const ClientResponse& response);

}  // namespace gantry::http
