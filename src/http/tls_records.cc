// SPDX-License-Identifier: Apache-2.0
#include "http/tls_records.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/byte_stream.h"

namespace gantry::http {

struct TlsRecords::Suite {
  std::uint16_t number;
  EVP_CIPHER* cipher;
  const EVP_MD* hash;
  std::size_t key_size;
  std::size_t hash_size;
};

namespace {

constexpr std::size_t kHead = 5;
constexpr std::size_t kTag = 16;
constexpr std::size_t kMostPlain = 16 << 10;                   // bytes of a record's content
constexpr std::size_t kMostSealed = kMostPlain + 256;          // section 5.2
constexpr std::size_t kRead = 4 << 10;                         // bytes at once
constexpr std::uint64_t kMostOfAKey = std::uint64_t{1} << 23;  // records; section 5.5: AES-GCM takes 2^24.5
constexpr int kMostEmpty = 32;                                 // in a row, OpenSSL's own limit
constexpr unsigned char kKeyUpdate = 24;
constexpr unsigned char kCloseNotify = 0;

const TlsRecords::Suite* find_suite(std::uint16_t number) {
  // Fetched once: what EVP_aes_128_gcm() gives is looked up again by every use.
  static const TlsRecords::Suite kSuites[] = {
      {0x1301, ::EVP_CIPHER_fetch(nullptr, "AES-128-GCM", nullptr), ::EVP_sha256(), 16, 32},
      {0x1302, ::EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr), ::EVP_sha384(), 32, 48},
      {0x1303, ::EVP_CIPHER_fetch(nullptr, "ChaCha20-Poly1305", nullptr), ::EVP_sha256(), 32, 32}};
  const auto* found = std::ranges::find(kSuites, number, &TlsRecords::Suite::number);
  return found == std::end(kSuites) || found->cipher == nullptr ? nullptr : found;
}

// HKDF-Expand-Label with an empty context, for what is no longer than the hash: one round (RFC 5869 section
// 2.3).
void expand_label(const TlsRecords::Suite& suite, std::span<const unsigned char> secret,
                  std::string_view label, std::span<unsigned char> into) {
  std::string info{'\0', static_cast<char>(into.size()), static_cast<char>(6 + label.size())};
  info.append("tls13 ").append(label).append({'\0', '\1'});
  unsigned char round[EVP_MAX_MD_SIZE];
  if (::HMAC(suite.hash, secret.data(), static_cast<int>(secret.size()),
             reinterpret_cast<const unsigned char*>(info.data()), info.size(), round, nullptr) == nullptr)
    std::abort();  // out of memory
  std::ranges::copy_n(round, static_cast<std::ptrdiff_t>(into.size()), into.begin());
  ::OPENSSL_cleanse(round, sizeof round);
}

// One for all connections of a thread: each record sets its own key.
EVP_CIPHER_CTX* cipher_context() {
  struct Free {
    void operator()(EVP_CIPHER_CTX* context) const { ::EVP_CIPHER_CTX_free(context); }
  };
  thread_local const std::unique_ptr<EVP_CIPHER_CTX, Free> context(::EVP_CIPHER_CTX_new());
  if (!context) std::abort();  // out of memory
  return context.get();
}

std::array<unsigned char, 12> nonce_of(std::array<unsigned char, 12> iv, std::uint64_t number) {
  for (std::size_t i = 0; i < 8; ++i) iv[11 - i] ^= static_cast<unsigned char>(number >> 8 * i);
  return iv;
}

unsigned char* bytes_at(std::string& text, std::size_t at) {
  return reinterpret_cast<unsigned char*>(text.data()) + at;
}

std::size_t sealed_size(std::string_view record) {
  return static_cast<std::size_t>(static_cast<unsigned char>(record[3])) << 8 |
         static_cast<unsigned char>(record[4]);
}

Error broken(std::string_view why) { return error(Code::DataLoss, "read from the TLS connection: {}", why); }

}  // namespace

// ---- Keys

std::unique_ptr<TlsRecords> TlsRecords::make(std::uint16_t number, int socket, const Direction& in,
                                             const Direction& out) {
  const Suite* suite = find_suite(number);
  if (suite == nullptr || in.secret.size() != suite->hash_size || out.secret.size() != suite->hash_size)
    return nullptr;
  return std::unique_ptr<TlsRecords>(new TlsRecords(*suite, socket, in, out));
}

TlsRecords::TlsRecords(const Suite& suite, int socket, const Direction& in, const Direction& out)
    : suite_(suite), socket_(socket) {
  for (auto [keys, of] : {std::pair(&in_keys_, &in), std::pair(&out_keys_, &out)}) {
    std::ranges::copy(of->secret, keys->secret.begin());
    derive(*keys);
    keys->records = of->records;
  }
}

TlsRecords::~TlsRecords() {
  ::OPENSSL_cleanse(&in_keys_, sizeof in_keys_);
  ::OPENSSL_cleanse(&out_keys_, sizeof out_keys_);
}

void TlsRecords::derive(Keys& keys) const {
  const auto secret = std::span<const unsigned char>(keys.secret).first(suite_.hash_size);
  expand_label(suite_, secret, "key", std::span(keys.key).first(suite_.key_size));
  expand_label(suite_, secret, "iv", keys.iv);
  keys.records = 0;
}

void TlsRecords::renew(Keys& keys) const {
  const auto secret = std::span(keys.secret).first(suite_.hash_size);
  expand_label(suite_, secret, "traffic upd", secret);
  derive(keys);
}

// ---- Writing

void TlsRecords::seal(Type type, std::string_view plain, std::string& out) {
  const std::size_t at = out.size(), content = plain.size() + 1;
  const std::size_t size = content + kTag;
  out.append(
      {static_cast<char>(Type::Data), '\3', '\3', static_cast<char>(size >> 8), static_cast<char>(size)});
  out.append(plain).push_back(static_cast<char>(type));
  out.resize(at + kHead + size);
  const auto nonce = nonce_of(out_keys_.iv, out_keys_.records++);
  unsigned char* const head = bytes_at(out, at);
  unsigned char* const body = head + kHead;
  EVP_CIPHER_CTX* context = cipher_context();
  int ignored = 0;
  const bool is_sealed =
      ::EVP_EncryptInit_ex(context, suite_.cipher, nullptr, out_keys_.key.data(), nonce.data()) == 1 &&
      ::EVP_EncryptUpdate(context, nullptr, &ignored, head, kHead) == 1 &&
      ::EVP_EncryptUpdate(context, body, &ignored, body, static_cast<int>(content)) == 1 &&
      ::EVP_EncryptFinal_ex(context, body + content, &ignored) == 1 &&
      ::EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, kTag, body + content) == 1;
  if (!is_sealed) std::abort();  // keys and sizes are right: out of memory
}

void TlsRecords::update_own_key(std::string& out) {
  const char update[] = {static_cast<char>(kKeyUpdate), 0, 0, 1, 0};  // the peer's own may stay
  seal(Type::Handshake, {update, sizeof update}, out);
  renew(out_keys_);
  owes_update_ = false;
}

// Whether all of it has gone.
Result<bool> TlsRecords::send_rest() {
  while (!rest_.empty()) {
    const ssize_t sent = ::send(socket_, rest_.data(), rest_.size(), MSG_NOSIGNAL);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR)) return false;
    if (sent < 0) return sys_error("write to the TLS connection");
    rest_.erase(0, static_cast<std::size_t>(sent));
  }
  rest_.shrink_to_fit();
  return true;
}

Result<Stream::Attempt> TlsRecords::try_write(std::string_view from) {
  if (rest_.empty()) {
    if (owes_update_ || out_keys_.records >= kMostOfAKey) update_own_key(rest_);
    sealed_ = std::min(from.size(), kMostPlain);
    seal(Type::Data, from.substr(0, sealed_), rest_);
  }
  if (!TRY(send_rest())) return Stream::Attempt{.wants = Stream::Wants::Writing};
  return Stream::Attempt{.bytes = std::exchange(sealed_, 0)};
}

void TlsRecords::close_notify() {
  if (!rest_.empty()) return;  // half a record of another kind is on its way
  constexpr char kWarning = 1;
  seal(Type::Alert, std::string{kWarning, static_cast<char>(kCloseNotify)}, rest_);
  (void)send_rest();  // a peer that is gone does not mind
}

// ---- Reading

bool TlsRecords::has_whole_record() const {
  return in_.size() >= kHead && in_.size() >= kHead + sealed_size(in_);
}

// Whether there was something; an error at its end, which is no goodbye.
Result<bool> TlsRecords::receive() {
  char some[kRead];
  const ssize_t got = ::recv(socket_, some, sizeof some, 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (got < 0) return sys_error("read from the TLS connection");
  if (got == 0) return broken("the connection was cut without TLS's goodbye");
  in_.append(some, static_cast<std::size_t>(got));
  return true;
}

Result<Stream::Attempt> TlsRecords::try_read(std::span<std::byte> into) {
  // Records without content cost the peer next to nothing.
  int opened = 0;
  while (plain_.empty() && !has_ended_) {
    if (has_whole_record()) {
      if (++opened > kMostEmpty) return broken("nothing but records without content");
      TRY(open_record());
      continue;
    }
    if (in_.size() >= kHead && sealed_size(in_) > kMostSealed) return broken("a record is too long");
    if (in_.empty()) in_.shrink_to_fit();
    if (!TRY(receive())) return Stream::Attempt{.wants = Stream::Wants::Reading};
  }
  const std::size_t bytes = std::min(into.size(), plain_.size());
  std::memcpy(into.data(), plain_.data(), bytes);
  plain_.erase(0, bytes);
  if (plain_.empty()) plain_.shrink_to_fit();
  return Stream::Attempt{.bytes = bytes};
}

Result<void> TlsRecords::open_record() {
  const std::size_t size = sealed_size(in_);
  if (in_[0] != static_cast<char>(Type::Data) || size <= kTag || size > kMostSealed)
    return broken("what has come is no record of TLS 1.3");
  const std::size_t content = size - kTag;
  std::string plain(content, '\0');
  const auto nonce = nonce_of(in_keys_.iv, in_keys_.records++);
  const unsigned char* const head = bytes_at(in_, 0);
  const unsigned char* const body = head + kHead;
  EVP_CIPHER_CTX* context = cipher_context();
  int ignored = 0;
  const bool is_opened =
      ::EVP_DecryptInit_ex(context, suite_.cipher, nullptr, in_keys_.key.data(), nonce.data()) == 1 &&
      ::EVP_DecryptUpdate(context, nullptr, &ignored, head, kHead) == 1 &&
      ::EVP_DecryptUpdate(context, bytes_at(plain, 0), &ignored, body, static_cast<int>(content)) == 1 &&
      ::EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, kTag,
                            const_cast<unsigned char*>(body + content)) == 1 &&
      ::EVP_DecryptFinal_ex(context, bytes_at(plain, content), &ignored) == 1;
  if (!is_opened) return broken("a record was tampered with");
  in_.erase(0, kHead + size);
  // The type stands behind the content, and zeros may stand behind that.
  const std::size_t last = plain.find_last_not_of('\0');
  if (last == std::string::npos || last > kMostPlain) return broken("a record without a type");
  const auto type = static_cast<Type>(plain[last]);
  plain.resize(last);
  return take(type, std::move(plain));
}

Result<void> TlsRecords::take(Type type, std::string plain) {
  switch (type) {
    case Type::Data: plain_ = std::move(plain); return {};
    case Type::Alert:
      if (plain.size() != 2 || plain[1] != static_cast<char>(kCloseNotify))
        return broken("the peer has sent an alert");
      has_ended_ = true;
      return {};
    case Type::Handshake:
      if (plain.size() != 5 || plain[0] != static_cast<char>(kKeyUpdate) || plain[3] != 1) break;
      owes_update_ |= plain[4] == 1;
      renew(in_keys_);
      return {};
  }
  return broken("a message that has no place here");
}

}  // namespace gantry::http
