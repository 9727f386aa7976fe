// SPDX-License-Identifier: Apache-2.0
#include "http/socks5.h"

#include <arpa/inet.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/printable.h"

namespace gantry::http {
namespace {

constexpr std::uint8_t kVersion = 5, kConnect = 1;
constexpr std::uint8_t kNoAuthentication = 0, kPassword = 2;
constexpr std::uint8_t kPasswordVersion = 1;
constexpr std::uint8_t kIpv4 = 1, kDomain = 3, kIpv6 = 4;
constexpr std::size_t kLongest = 255;  // bytes of a name or a password: one byte says how many

char byte(std::size_t value) { return static_cast<char>(value); }

template <std::size_t size>
Result<std::array<std::uint8_t, size>> read_exactly(Stream& stream) {
  std::array<std::uint8_t, size> bytes{};
  if (TRY(read_fully(stream, std::as_writable_bytes(std::span(bytes)))) < size)
    return error(Code::DataLoss, "it closed the connection in the middle of an answer");
  return bytes;
}

Error not_socks() { return error(Code::DataLoss, "what came back is not SOCKS 5"); }

// Section 3 of RFC 1929.
Result<void> log_in(Stream& stream, std::string_view user_info) {
  const std::size_t colon = user_info.find(':');
  const std::string name = TRY(percent_decode(user_info.substr(0, colon)));
  const std::string password =
      colon == std::string_view::npos ? std::string() : TRY(percent_decode(user_info.substr(colon + 1)));
  if (name.size() > kLongest || password.size() > kLongest)
    return error(Code::InvalidArgument, "a name or password of more than {} bytes", kLongest);
  const std::string request =
      std::string{byte(kPasswordVersion), byte(name.size())} + name + byte(password.size()) + password;
  TRY(stream.write(bytes_of(request)));
  const auto answer = TRY(read_exactly<2>(stream));
  if (answer[1] != 0) return error(Code::PermissionDenied, "it does not take the name and password");
  return {};
}

Result<void> agree_on_method(Stream& stream, const Url& proxy) {
  const bool has_password = !proxy.user_info.empty();
  std::string offer{byte(kVersion), byte(has_password ? 2 : 1), byte(kNoAuthentication)};
  if (has_password) offer += byte(kPassword);
  TRY(stream.write(bytes_of(offer)));
  const auto answer = TRY(read_exactly<2>(stream));
  if (answer[0] != kVersion) return not_socks();
  if (answer[1] == kNoAuthentication) return {};
  if (answer[1] == kPassword && has_password) return log_in(stream, proxy.user_info);
  return error(Code::PermissionDenied, "it wants {}",
               has_password ? "another authentication than a password" : "a name and a password");
}

// Address type and address, as sections 4 and 5 of RFC 1928 have them.
Result<std::string> address_of(const std::string& host) {
  std::string address;
  in6_addr ip{};
  if (::inet_pton(AF_INET, host.c_str(), &ip) == 1)
    return address.append(1, byte(kIpv4)).append(reinterpret_cast<const char*>(&ip), sizeof(in_addr));
  if (::inet_pton(AF_INET6, host.c_str(), &ip) == 1)
    return address.append(1, byte(kIpv6)).append(reinterpret_cast<const char*>(&ip), sizeof ip);
  if (host.size() > kLongest) return error(Code::InvalidArgument, "a host name of {} bytes", host.size());
  return address.append({byte(kDomain), byte(host.size())}).append(host);
}

// Section 6 of RFC 1928.
Error refusal(std::uint8_t reply, const Url& url) {
  const auto refused = [&](Code code, std::string_view why) {
    return error(code, "connect to '{}': {}", printable(url.authority()), why);
  };
  switch (reply) {
    case 2: return refused(Code::PermissionDenied, "not allowed by the proxy's rules");
    case 3: return refused(Code::Unavailable, "network unreachable");
    case 4: return refused(Code::Unavailable, "host unreachable");
    case 5: return refused(Code::Unavailable, "connection refused");
    case 6: return refused(Code::Unavailable, "no answer in time");
    case 7:
    case 8: return refused(Code::Unsupported, "the proxy does not support it");
    default: return refused(Code::Unavailable, "the proxy failed");
  }
}

// The address that the proxy is bound to, which is of no use here.
Result<void> skip_bound_address(Stream& stream, std::uint8_t type) {
  std::size_t size = sizeof(in_addr);
  if (type == kIpv6)
    size = sizeof(in6_addr);
  else if (type == kDomain)
    size = TRY(read_exactly<1>(stream))[0];
  else if (type != kIpv4)
    return not_socks();
  std::array<std::byte, kLongest + 2> ignored{};
  const std::size_t wanted = size + 2;  // and a port
  if (TRY(read_fully(stream, std::span(ignored).first(wanted))) < wanted) return not_socks();
  return {};
}

}  // namespace

Result<void> connect_socks5(Stream& stream, const Url& proxy, const Url& url) {
  TRY(agree_on_method(stream, proxy));
  const std::uint16_t port = url.effective_port();
  std::string request{byte(kVersion), byte(kConnect), 0};
  request += TRY(address_of(url.host));
  request += byte(port >> 8);
  request += byte(port & 0xff);
  TRY(stream.write(bytes_of(request)));
  const auto answer = TRY(read_exactly<4>(stream));
  if (answer[0] != kVersion) return not_socks();
  if (answer[1] != 0) return refusal(answer[1], url);
  return skip_bound_address(stream, answer[3]);
}

}  // namespace gantry::http
