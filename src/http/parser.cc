// SPDX-License-Identifier: Apache-2.0
//
// Compiled with exceptions, as Beast needs; it reports everything by error_code, and what it allocates is
// small.
#include "http/parser.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include "base/printable.h"
#include "http/url.h"

namespace gantry::http {
namespace {

namespace beast = boost::beast;
using ErrorCode = beast::error_code;
using BeastView = beast::string_view;

constexpr std::size_t kMaxHeaders = 256;

// Takes what Beast finds in a head; a body never gets here.
template <bool is_request>
class HeadParser final : public beast::http::basic_parser<is_request> {
 public:
  RequestHead request;
  ResponseHead response;
  bool has_too_many = false;

  HeadParser() {
    this->eager(false);
    this->header_limit(std::numeric_limits<std::uint32_t>::max());  // who reads the head has limited it
    this->body_limit(boost::none);
  }

 private:
  HeaderMap& headers() {
    if constexpr (is_request)
      return request.headers;
    else
      return response.headers;
  }

  void on_request_impl(beast::http::verb /*verb*/, BeastView method, BeastView target, int version,
                       ErrorCode& /*ec*/) override {
    request.method = std::string(method);
    request.target = std::string(target);
    request.is_http_1_0 = version < 11;
  }
  void on_response_impl(int code, BeastView /*reason*/, int version, ErrorCode& /*ec*/) override {
    response.status = code;
    response.is_http_1_0 = version < 11;
  }
  void on_field_impl(beast::http::field /*field*/, BeastView name, BeastView value, ErrorCode& ec) override {
    has_too_many = headers().size() >= kMaxHeaders;
    if (has_too_many)
      ec = beast::http::error::header_limit;
    else
      headers().add(std::string(name), std::string(value));
  }
  void on_header_impl(ErrorCode& /*ec*/) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>& /*length*/, ErrorCode& /*ec*/) override {}
  std::size_t on_body_impl(BeastView body, ErrorCode& /*ec*/) override { return body.size(); }
  void on_chunk_header_impl(std::uint64_t /*size*/, BeastView /*extensions*/, ErrorCode& /*ec*/) override {}
  std::size_t on_chunk_body_impl(std::uint64_t /*left*/, BeastView body, ErrorCode& /*ec*/) override {
    return body.size();
  }
  void on_finish_impl(ErrorCode& /*ec*/) override {}
};

template <bool is_request>
Result<void> parse_head(HeadParser<is_request>& parser, std::string_view head) {
  ErrorCode ec;
  parser.put(boost::asio::const_buffer(head.data(), head.size()), ec);
  if (parser.has_too_many) return error(Code::ResourceExhausted, "more than {} header fields", kMaxHeaders);
  if (ec == beast::http::error::bad_version)
    return error(Code::Unsupported, "not HTTP/1.0 or HTTP/1.1: '{}'",
                 printable(head.substr(0, head.find('\r'))));
  if (ec || !parser.is_header_done())
    return error(Code::InvalidArgument, "{}", ec ? ec.message() : "the head ends too early");
  return {};
}

// RFC 9112 section 6.1 and 6.3, at its strictest: one way to tell where the body ends, said once.
Result<Framing> find_framing(const HeaderMap& headers, bool is_http_1_0, Framing otherwise) {
  const auto lengths = headers.all("Content-Length");
  const auto codings = headers.all("Transfer-Encoding");
  if (!codings.empty()) {
    if (!lengths.empty()) return error(Code::InvalidArgument, "both Content-Length and Transfer-Encoding");
    if (is_http_1_0) return error(Code::InvalidArgument, "Transfer-Encoding in HTTP/1.0");
    if (codings.size() > 1) return error(Code::InvalidArgument, "several Transfer-Encoding fields");
    if (!equals_ignoring_case(codings.front(), "chunked"))
      return error(Code::Unsupported, "Transfer-Encoding '{}'", printable(codings.front()));
    return Framing{.kind = Framing::Kind::Chunked};
  }
  if (lengths.empty()) return otherwise;
  if (lengths.size() > 1) return error(Code::InvalidArgument, "several Content-Length fields");
  // Beast has parsed it already, but takes lists of equal numbers too.
  std::uint64_t length = 0;
  for (const char digit : lengths.front()) {
    if (digit < '0' || digit > '9' || length > (std::numeric_limits<std::uint64_t>::max() - 9) / 10)
      return error(Code::InvalidArgument, "Content-Length '{}'", printable(lengths.front()));
    length = length * 10 + static_cast<std::uint64_t>(digit - '0');
  }
  if (lengths.front().empty()) return error(Code::InvalidArgument, "an empty Content-Length");
  return Framing{.kind = Framing::Kind::Length, .length = length};
}

bool stays_open(const HeaderMap& headers, bool is_http_1_0) {
  if (headers.has_token("Connection", "close")) return false;
  return !is_http_1_0 || headers.has_token("Connection", "keep-alive");
}

// RFC 9112 section 3.2: a target is a path, or an absolute URL (which outweighs Host), or an authority
// (CONNECT), or a star (OPTIONS).
Result<void> check_target(RequestHead& head) {
  if (head.headers.count("Host") > 1 || (!head.headers.has("Host") && !head.is_http_1_0))
    return error(Code::InvalidArgument, "not exactly one Host");
  // Beast lets bytes above 0x7f pass, which no URI has.
  if (!std::ranges::all_of(head.target, [](char c) { return c > ' ' && c < 0x7f; }))
    return error(Code::InvalidArgument, "'{}' is no request target", printable(head.target));
  if (head.target.starts_with('/') || (head.target == "*" && head.method == "OPTIONS")) return {};
  if (head.method == "CONNECT") return {};
  const Url url = TRY(Url::parse(head.target));
  head.target = url.target();
  head.headers.set("Host", url.authority());
  return {};
}

}  // namespace

Result<std::optional<std::size_t>> HeadFinder::find(std::string_view bytes) {
  while (seen_ < bytes.size()) {
    const std::size_t line_end = bytes.find('\n', seen_);
    if (line_end == std::string_view::npos) break;
    // What follows the line shows whether it is complete: "\r\n" ends the head, a space continues the line.
    if (line_end == 0 || bytes[line_end - 1] != '\r')
      return error(Code::InvalidArgument, "a line that does not end in CRLF");
    const std::string_view next = bytes.substr(line_end + 1);
    if (next.starts_with("\r\n")) return line_end + 3;
    if (next.starts_with(' ') || next.starts_with('\t'))
      return error(Code::InvalidArgument, "a field that continues on the next line");
    if (next.empty() || next == "\r") {
      seen_ = line_end;  // to be seen again, when it is known what follows
      return std::nullopt;
    }
    seen_ = line_end + 1;
  }
  return std::nullopt;
}

Result<ParsedRequest> parse_request(std::string_view head) {
  HeadParser<true> parser;
  TRY(parse_head(parser, head));
  ParsedRequest parsed{.head = std::move(parser.request)};
  const HeaderMap& headers = parsed.head.headers;
  TRY(check_target(parsed.head));
  parsed.framing = TRY(find_framing(headers, parsed.head.is_http_1_0, {}));
  if (parsed.framing.kind == Framing::Kind::Length && parsed.framing.length == 0) parsed.framing = {};
  parsed.keeps_alive = stays_open(headers, parsed.head.is_http_1_0);
  if (const auto expected = headers.get("Expect"); expected && !parsed.head.is_http_1_0) {
    if (!equals_ignoring_case(*expected, "100-continue"))
      return error(Code::InvalidArgument, "Expect '{}'", printable(*expected));
    parsed.expects_continue = parsed.framing.kind != Framing::Kind::None;
  }
  return parsed;
}

Result<ParsedResponse> parse_response(std::string_view head, std::string_view method) {
  HeadParser<false> parser;
  TRY(parse_head(parser, head));
  ParsedResponse parsed{.head = std::move(parser.response)};
  const HeaderMap& headers = parsed.head.headers;
  const int status = parsed.head.status;
  if (status < 100) return error(Code::InvalidArgument, "{:03} is no HTTP status", status);
  parsed.framing = TRY(find_framing(headers, parsed.head.is_http_1_0, {.kind = Framing::Kind::UntilClose}));
  // RFC 9112 section 6.3: these never have a body, whatever their fields say.
  const bool is_tunnel = method == "CONNECT" && status >= 200 && status < 300;
  if (method == "HEAD" || is_tunnel || status < 200 || status == 204 || status == 304) parsed.framing = {};
  parsed.keeps_alive = stays_open(headers, parsed.head.is_http_1_0) && status != 101 && !is_tunnel &&
                       parsed.framing.kind != Framing::Kind::UntilClose;
  return parsed;
}

// Beast decodes chunks only behind a head, so it is told one that announces them.
class ChunkDecoder::Parser final : public beast::http::basic_parser<false> {
 public:
  Parser() {
    constexpr std::string_view kHead = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    body_limit(boost::none);
    ErrorCode ec;
    eager(false);
    put(boost::asio::const_buffer(kHead.data(), kHead.size()), ec);
    eager(true);
  }

  std::span<std::byte> room;  // what is decoded goes here
  std::uint64_t left_in_chunk = 0;

 private:
  void on_request_impl(beast::http::verb /*verb*/, BeastView /*method*/, BeastView /*target*/,
                       int /*version*/, ErrorCode& /*ec*/) override {}
  void on_response_impl(int /*code*/, BeastView /*reason*/, int /*version*/, ErrorCode& /*ec*/) override {}
  void on_field_impl(beast::http::field /*field*/, BeastView /*name*/, BeastView /*value*/,
                     ErrorCode& /*ec*/) override {}
  void on_header_impl(ErrorCode& /*ec*/) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>& /*length*/, ErrorCode& /*ec*/) override {}
  std::size_t on_body_impl(BeastView body, ErrorCode& /*ec*/) override { return body.size(); }
  void on_chunk_header_impl(std::uint64_t size, BeastView /*extensions*/, ErrorCode& /*ec*/) override {
    left_in_chunk = size;
  }
  std::size_t on_chunk_body_impl(std::uint64_t /*left*/, BeastView body, ErrorCode& ec) override {
    const std::size_t bytes = std::min(body.size(), room.size());
    std::memcpy(room.data(), body.data(), bytes);
    room = room.subspan(bytes);
    left_in_chunk -= bytes;
    if (bytes < body.size()) ec = beast::http::error::need_buffer;
    return bytes;
  }
  void on_finish_impl(ErrorCode& /*ec*/) override {}
};

ChunkDecoder::ChunkDecoder() : parser_(std::make_unique<Parser>()) {}
ChunkDecoder::~ChunkDecoder() = default;

Result<ChunkDecoder::Progress> ChunkDecoder::decode(std::string_view from, std::span<std::byte> into) {
  // A chunk's size line with its extensions, and the trailers behind the last.
  constexpr std::size_t kMaxLines = 16 << 10;
  // The smallest that can follow content is "0\r\n\r\n". Shown less of it twice, Beast 1.81 takes that for a
  // broken invariant of its own.
  constexpr std::size_t kLeastLines = 5;
  if (from.size() < (parser_->left_in_chunk > 0 ? 1 : kLeastLines)) return Progress{};
  parser_->room = into;
  ErrorCode ec;
  Progress progress;
  progress.consumed = parser_->put(boost::asio::const_buffer(from.data(), from.size()), ec);
  progress.produced = into.size() - parser_->room.size();
  progress.is_done = parser_->is_done();
  if (ec == beast::http::error::need_more && from.size() - progress.consumed > kMaxLines)
    return error(Code::DataLoss, "a chunk's head or the trailers are longer than {} bytes", kMaxLines);
  if (ec && ec != beast::http::error::need_more && ec != beast::http::error::need_buffer)
    return error(Code::DataLoss, "a broken chunk: {}", ec.message());
  return progress;
}

}  // namespace gantry::http
