// SPDX-License-Identifier: Apache-2.0
#include "http/tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <sys/socket.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <span>
#include <utility>

#include "base/hex.h"
#include "base/printable.h"
#include "http/tls_session.h"

namespace gantry::http {
namespace {

// RFC 7301: a length before every name.
constexpr unsigned char kAlpn[] = "\x08http/1.1";
constexpr unsigned char kAlpnWithHttp2[] = "\x02h2\x08http/1.1";

// The oldest entry of this thread's queue is the cause. The queue is emptied: leftovers would be taken for
// the reason of the next failure.
std::string take_openssl_reason() {
  const unsigned long first = ::ERR_get_error();
  ::ERR_clear_error();
  if (first == 0) return "no reason given";
  if (ERR_SYSTEM_ERROR(first)) return describe_errno(ERR_GET_REASON(first));
  const char* reason = ::ERR_reason_error_string(first);
  return reason != nullptr ? reason : "OpenSSL error " + std::to_string(first);
}

struct FreeContext {
  void operator()(SSL_CTX* context) const { ::SSL_CTX_free(context); }
};
using OwnedContext = std::unique_ptr<SSL_CTX, FreeContext>;

Result<OwnedContext> make_context(const SSL_METHOD* method) {
  OwnedContext context(::SSL_CTX_new(method));
  if (!context) return error(Code::Internal, "make TLS context: {}", take_openssl_reason());
  ::SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  // A connection at rest keeps no record buffers, and a write may go on with another buffer than it began
  // with.
  ::SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                        SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  ::SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  // A record by one recv(2), not its head by another (has_buffered() knows).
  ::SSL_CTX_set_read_ahead(context.get(), 1);
  return context;
}

Result<void> use_identity(SSL_CTX* context, const TlsIdentity& identity) {
  if (::SSL_CTX_use_certificate_chain_file(context, identity.certificate_file.c_str()) != 1)
    return error(Code::InvalidArgument, "read certificate '{}': {}", identity.certificate_file,
                 take_openssl_reason());
  if (::SSL_CTX_use_PrivateKey_file(context, identity.key_file.c_str(), SSL_FILETYPE_PEM) != 1)
    return error(Code::InvalidArgument, "read private key '{}': {}", identity.key_file,
                 take_openssl_reason());
  if (::SSL_CTX_check_private_key(context) != 1)
    return error(Code::InvalidArgument, "private key '{}' does not belong to certificate '{}'",
                 identity.key_file, identity.certificate_file);
  return {};
}

using OwnedBio = std::unique_ptr<BIO, decltype(&::BIO_free_all)>;

OwnedBio reader_of(const std::string& text) {
  return OwnedBio(::BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), ::BIO_free_all);
}

// The same from memory, without a chain.
Result<void> use_identity_text(SSL_CTX* context, const TlsIdentity& identity) {
  X509* certificate = ::PEM_read_bio_X509(reader_of(identity.certificate).get(), nullptr, nullptr, nullptr);
  EVP_PKEY* key = ::PEM_read_bio_PrivateKey(reader_of(identity.key).get(), nullptr, nullptr, nullptr);
  const bool is_used = certificate != nullptr && key != nullptr &&
                       ::SSL_CTX_use_cert_and_key(context, certificate, key, nullptr, 1) == 1;
  ::X509_free(certificate);
  ::EVP_PKEY_free(key);
  if (!is_used)
    return error(Code::InvalidArgument, "read certificate and its private key: {}", take_openssl_reason());
  return {};
}

// Clients that have several certificates choose by these names, and Go's show none that is of another
// authority.
void name_authorities(SSL_CTX* context, const std::vector<std::string>& files) {
  STACK_OF(X509_NAME)* names = sk_X509_NAME_new_null();
  for (const std::string& file : files) (void)::SSL_add_file_cert_subjects_to_stack(names, file.c_str());
  ::SSL_CTX_set_client_CA_list(context, names);  // which owns them now
}

Result<void> trust(SSL_CTX* context, const std::vector<std::string>& files) {
  for (const std::string& file : files)
    if (::SSL_CTX_load_verify_file(context, file.c_str()) != 1)
      return error(Code::InvalidArgument, "read authorities '{}': {}", file, take_openssl_reason());
  return {};
}

// The certificates of a PEM text, one or more.
Result<void> trust_text(SSL_CTX* context, const std::string& text) {
  const OwnedBio bio = reader_of(text);
  std::size_t count = 0;
  while (true) {
    const std::unique_ptr<X509, decltype(&::X509_free)> certificate(
        ::PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr), ::X509_free);
    if (certificate == nullptr) break;
    if (::X509_STORE_add_cert(::SSL_CTX_get_cert_store(context), certificate.get()) != 1)
      return error(Code::InvalidArgument, "trust a certificate: {}", take_openssl_reason());
    ++count;
  }
  ::ERR_clear_error();  // the end of the text is one, too
  if (count == 0) return error(Code::InvalidArgument, "read authorities: there is no certificate in PEM");
  return {};
}

// The first protocol of ours that the client offers. One that offers only others has come to the wrong place.
int choose_protocol(SSL* /*ssl*/, const unsigned char** chosen, unsigned char* chosen_size,
                    const unsigned char* offered, unsigned int offered_size, void* ours) {
  unsigned char* choice = nullptr;
  const auto* protocols = static_cast<const unsigned char*>(ours);
  const auto size = static_cast<unsigned>(::strlen(static_cast<const char*>(ours)));
  if (::SSL_select_next_proto(&choice, chosen_size, protocols, size, offered, offered_size) !=
      OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *chosen = choice;
  return SSL_TLSEXT_ERR_OK;
}

// OpenSSL's own BIO for sockets writes in a way that raises SIGPIPE when the peer is gone. This one does not.

int socket_of(BIO* bio) { return static_cast<int>(reinterpret_cast<std::intptr_t>(::BIO_get_data(bio))); }

int write_socket(BIO* bio, const char* data, int size) {
  BIO_clear_retry_flags(bio);
  const ssize_t written = ::send(socket_of(bio), data, static_cast<std::size_t>(size), MSG_NOSIGNAL);
  if (written < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_write(bio);
  return static_cast<int>(written);
}

int read_socket(BIO* bio, char* data, int size) {
  BIO_clear_retry_flags(bio);
  const ssize_t received = ::recv(socket_of(bio), data, static_cast<std::size_t>(size), 0);
  if (received < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_read(bio);
  if (received == 0) ::BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
  return static_cast<int>(received);
}

long control_socket(BIO* bio, int command, long /*number*/, void* /*pointer*/) {
  if (command == BIO_CTRL_EOF) return ::BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

BIO* make_socket_bio(int socket) {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* made =
        ::BIO_meth_new(BIO_TYPE_DESCRIPTOR | BIO_TYPE_SOURCE_SINK | ::BIO_get_new_index(), "socket");
    ::BIO_meth_set_write(made, write_socket);
    ::BIO_meth_set_read(made, read_socket);
    ::BIO_meth_set_ctrl(made, control_socket);
    return made;
  }();
  BIO* bio = ::BIO_new(method);
  if (bio == nullptr) return nullptr;
  ::BIO_set_data(bio, reinterpret_cast<void*>(static_cast<std::intptr_t>(socket)));
  ::BIO_set_init(bio, 1);
  return bio;
}

// Reads and writes through another session, which it does not own.
BIO* make_tls_bio(SSL* below) {
  BIO* bio = ::BIO_new(::BIO_f_ssl());
  if (bio != nullptr) BIO_set_ssl(bio, below, BIO_NOCLOSE);
  return bio;
}

bool is_address(const std::string& host) {
  in6_addr ignored;
  return ::inet_pton(AF_INET, host.c_str(), &ignored) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), &ignored) == 1;
}

// ---- What a certificate says

std::string text_of(const X509_NAME* name) {
  std::unique_ptr<BIO, decltype(&::BIO_free_all)> text(::BIO_new(::BIO_s_mem()), &::BIO_free_all);
  if (!text) return {};
  ::X509_NAME_print_ex(text.get(), name, 0, XN_FLAG_RFC2253);
  char* data = nullptr;
  const long size = BIO_get_mem_data(text.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

// Every entry of that type, in UTF-8.
std::vector<std::string> entries_of(const X509_NAME* name, int nid) {
  std::vector<std::string> entries;
  for (int at = -1; (at = ::X509_NAME_get_index_by_NID(name, nid, at)) >= 0;) {
    unsigned char* text = nullptr;
    const int size =
        ::ASN1_STRING_to_UTF8(&text, ::X509_NAME_ENTRY_get_data(::X509_NAME_get_entry(name, at)));
    if (size < 0) continue;
    entries.emplace_back(reinterpret_cast<const char*>(text), static_cast<std::size_t>(size));
    OPENSSL_free(text);
  }
  return entries;
}

std::string hex_of(const ASN1_INTEGER* number) {
  return to_hex(std::as_bytes(
      std::span(::ASN1_STRING_get0_data(number), static_cast<std::size_t>(::ASN1_STRING_length(number)))));
}

std::string fingerprint_of(const X509* certificate) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (::X509_digest(certificate, ::EVP_sha256(), digest, &size) != 1) return {};
  return to_hex(std::as_bytes(std::span(digest, size)));
}

// Of a verified chain; it has its root at its end.
std::string fingerprint_of_root(const SSL* ssl) {
  const STACK_OF(X509)* chain = ::SSL_get0_verified_chain(ssl);
  if (chain == nullptr || sk_X509_num(chain) == 0) return {};
  return fingerprint_of(sk_X509_value(chain, sk_X509_num(chain) - 1));
}

// The handshake goes on with whatever was shown: SSL_get_verify_result() keeps what is wrong.
int let_through(int /*verified*/, X509_STORE_CTX* /*chain*/) { return 1; }

}  // namespace

Result<std::shared_ptr<const TlsContext>> TlsContext::for_client(const TlsClientOptions& options) {
  OwnedContext context = TRY(make_context(::TLS_client_method()));
  if (options.verify) {
    ::SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
    if (options.trust_system && ::SSL_CTX_set_default_verify_paths(context.get()) != 1)
      return error(Code::Internal, "read the system's authorities: {}", take_openssl_reason());
    TRY(trust(context.get(), options.ca_files));
    if (!options.ca_certificates.empty()) TRY(trust_text(context.get(), options.ca_certificates));
  }
  if (!options.identity.certificate_file.empty()) TRY(use_identity(context.get(), options.identity));
  if (!options.identity.certificate.empty()) TRY(use_identity_text(context.get(), options.identity));
  ::SSL_CTX_set_alpn_protos(context.get(), kAlpn, sizeof kAlpn - 1);
  return std::shared_ptr<const TlsContext>(new TlsContext(context.release(), options.verify));
}

Result<std::shared_ptr<const TlsContext>> TlsContext::for_server(const TlsServerOptions& options) {
  OwnedContext context = TRY(make_context(::TLS_server_method()));
  TRY(use_identity(context.get(), options.identity));
  const bool asks = !options.client_ca_files.empty();
  if (asks) {
    TRY(trust(context.get(), options.client_ca_files));
    if (options.requires_client_certificate) {
      ::SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    } else {
      ::SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, let_through);
      // A session that is taken up again has no verified chain, which tells who the authority is.
      ::SSL_CTX_set_options(context.get(), SSL_OP_NO_TICKET);
      ::SSL_CTX_set_num_tickets(context.get(), 0);
    }
    name_authorities(context.get(), options.client_ca_files);
  }
  // Tickets need no memory of ours, a session cache would grow.
  ::SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  constexpr unsigned char kSessionContext[] = "gantry";
  ::SSL_CTX_set_session_id_context(context.get(), kSessionContext, sizeof kSessionContext - 1);
  const unsigned char* protocols = options.offers_http2 ? kAlpnWithHttp2 : kAlpn;
  ::SSL_CTX_set_alpn_select_cb(context.get(), choose_protocol, const_cast<unsigned char*>(protocols));
  return std::shared_ptr<const TlsContext>(new TlsContext(context.release(), asks));
}

TlsContext::~TlsContext() { ::SSL_CTX_free(context_); }

Result<std::unique_ptr<TlsSession>> TlsSession::make(const TlsContext& context, int socket,
                                                     std::unique_ptr<TlsSession> below) {
  std::unique_ptr<TlsSession> session(new TlsSession(::SSL_new(context.get())));
  session->below_ = std::move(below);
  BIO* bio = nullptr;
  if (session->ssl_)
    bio = session->below_ ? make_tls_bio(session->below_->ssl_.get()) : make_socket_bio(socket);
  if (bio == nullptr) return error(Code::Internal, "make TLS session: {}", take_openssl_reason());
  ::SSL_set_bio(session->ssl_.get(), bio, bio);  // which owns it now
  return session;
}

Result<std::unique_ptr<TlsSession>> TlsSession::connect(const TlsContext& context, int socket,
                                                        const std::string& host,
                                                        std::unique_ptr<TlsSession> below) {
  auto session = TRY(make(context, socket, std::move(below)));
  SSL* ssl = session->ssl_.get();
  ::SSL_set_connect_state(ssl);
  if (is_address(host)) {
    if (::X509_VERIFY_PARAM_set1_ip_asc(::SSL_get0_param(ssl), host.c_str()) != 1)
      return error(Code::Internal, "expect address '{}': {}", host, take_openssl_reason());
  } else {
    ::SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (::SSL_set1_host(ssl, host.c_str()) != 1 || ::SSL_set_tlsext_host_name(ssl, host.c_str()) != 1)
      return error(Code::InvalidArgument, "expect host '{}': {}", printable(host), take_openssl_reason());
  }
  return session;
}

Result<std::unique_ptr<TlsSession>> TlsSession::accept(const TlsContext& context, int socket) {
  auto session = TRY(make(context, socket, nullptr));
  ::SSL_set_accept_state(session->ssl_.get());
  return session;
}

// What a call on the session that moved no bytes means. Called right after it, on the same thread.
Result<Stream::Attempt> TlsSession::outcome(int returned, std::string_view doing) {
  const int saved_errno = errno;
  switch (::SSL_get_error(ssl_.get(), returned)) {
    case SSL_ERROR_WANT_READ: return Stream::Attempt{.wants = Stream::Wants::Reading};
    case SSL_ERROR_WANT_WRITE: return Stream::Attempt{.wants = Stream::Wants::Writing};
    case SSL_ERROR_ZERO_RETURN: return Stream::Attempt{};
    case SSL_ERROR_SYSCALL:
      has_failed_ = true;
      ::ERR_clear_error();
      if (saved_errno != 0) return sys_error_of(saved_errno, "{}", doing);
      return error(Code::DataLoss, "{}: the connection was closed", doing);
    default: break;
  }
  has_failed_ = true;
  const unsigned long cause = ::ERR_peek_error();
  // Cut without a goodbye: whoever sits on the wire can do that, so it is no end of a stream.
  if (ERR_GET_REASON(cause) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
    ::ERR_clear_error();
    return error(Code::DataLoss, "{}: the connection was cut without TLS's goodbye", doing);
  }
  // Why a certificate was refused is kept apart from the queue, which may only say how that was noticed.
  const bool verifies = ::SSL_get_verify_mode(ssl_.get()) != SSL_VERIFY_NONE;
  if (const long result = ::SSL_get_verify_result(ssl_.get()); !is_done_ && verifies && result != X509_V_OK) {
    ::ERR_clear_error();
    return error(Code::PermissionDenied, "{}: the certificate is not trusted: {}", doing,
                 ::X509_verify_cert_error_string(result));
  }
  return error(Code::DataLoss, "{}: {}", doing, take_openssl_reason());
}

Result<Stream::Wants> TlsSession::try_handshake() {
  if (is_done_) return Stream::Wants::Nothing;
  ::ERR_clear_error();
  errno = 0;
  const int returned = ::SSL_do_handshake(ssl_.get());
  if (returned == 1) {
    is_done_ = true;
    return Stream::Wants::Nothing;
  }
  const Stream::Attempt attempt = TRY(outcome(returned, "TLS handshake"));
  if (attempt.wants == Stream::Wants::Nothing)
    return error(Code::DataLoss, "TLS handshake: the peer closed it");
  return attempt.wants;
}

Result<Stream::Attempt> TlsSession::try_read(std::span<std::byte> into) {
  ::ERR_clear_error();
  errno = 0;
  std::size_t bytes = 0;
  const int returned = ::SSL_read_ex(ssl_.get(), into.data(), into.size(), &bytes);
  has_read_all_ = returned != 1;
  if (returned == 1) return Stream::Attempt{.bytes = bytes};
  return outcome(returned, "read from the TLS connection");
}

Result<Stream::Attempt> TlsSession::try_write(std::string_view from) {
  ::ERR_clear_error();
  errno = 0;
  std::size_t bytes = 0;
  const int returned = ::SSL_write_ex(ssl_.get(), from.data(), from.size(), &bytes);
  if (returned == 1) return Stream::Attempt{.bytes = bytes};
  const Stream::Attempt attempt = TRY(outcome(returned, "write to the TLS connection"));
  if (attempt.wants == Stream::Wants::Nothing)
    return error(Code::Unavailable, "write to the TLS connection: it is closed");
  return attempt;
}

void TlsSession::close_notify() {
  if (!is_done_ || has_failed_) return;
  ::ERR_clear_error();
  (void)::SSL_shutdown(ssl_.get());  // a peer that is gone does not mind
  ::ERR_clear_error();
  if (below_) below_->close_notify();
}

std::string_view TlsSession::chosen_protocol() const {
  const unsigned char* name = nullptr;
  unsigned size = 0;
  ::SSL_get0_alpn_selected(ssl_.get(), &name, &size);
  return {reinterpret_cast<const char*>(name), size};
}

std::shared_ptr<const PeerCertificate> TlsSession::peer_certificate() const {
  X509* certificate = ::SSL_get0_peer_certificate(ssl_.get());
  if (certificate == nullptr) return nullptr;
  auto peer = std::make_shared<PeerCertificate>();
  const X509_NAME* subject = ::X509_get_subject_name(certificate);
  peer->subject = text_of(subject);
  if (auto names = entries_of(subject, NID_commonName); !names.empty()) peer->common_name = names.front();
  peer->organizations = entries_of(subject, NID_organizationName);
  peer->serial = hex_of(::X509_get0_serialNumber(certificate));
  peer->fingerprint = fingerprint_of(certificate);
  tm end{};
  if (::ASN1_TIME_to_tm(::X509_get0_notAfter(certificate), &end) == 1) peer->not_after = ::timegm(&end);
  if (const long result = ::SSL_get_verify_result(ssl_.get()); result != X509_V_OK)
    peer->problem = ::X509_verify_cert_error_string(result);
  else
    peer->authority = fingerprint_of_root(ssl_.get());
  return peer;
}

}  // namespace gantry::http
