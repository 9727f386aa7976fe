// SPDX-License-Identifier: Apache-2.0
#include "http/spdy/header_block.h"

#include <zlib.h>

#include <array>
#include <cstdint>
#include <cstdlib>

#include "base/lower_case.h"
#include "base/split.h"
#include "http/spdy/big_endian.h"

namespace gantry::http::spdy {
namespace {

// What both sides' compression knows beforehand (section 2.6.10.1): words with their lengths before them,
// then text as it is.
constexpr std::string_view kWords =
    "options|head|post|put|delete|trace|accept|accept-charset|accept-encoding|accept-language|accept-ranges|"
    "age|allow|authorization|cache-control|connection|content-base|content-encoding|content-language|"
    "content-length|content-location|content-md5|content-range|content-type|date|etag|expect|expires|from|"
    "host|if-match|if-modified-since|if-none-match|if-range|if-unmodified-since|last-modified|location|"
    "max-forwards|pragma|proxy-authenticate|proxy-authorization|range|referer|retry-after|server|te|trailer|"
    "transfer-encoding|upgrade|user-agent|vary|via|warning|www-authenticate|method|get|status|200 OK|"
    "version|HTTP/1.1|url|public|set-cookie|keep-alive|origin";
constexpr std::string_view kText =
    "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505"
    "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized"
    "403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented503 Service Unavailable"
    "Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT"
    "chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,"
    "text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.";

const std::string& dictionary() {
  static const std::string kDictionary = [] {
    std::string bytes;
    for (const std::string_view word : split_words(kWords, '|')) append_text(bytes, word);
    return bytes.append(kText);
  }();
  return kDictionary;
}

const Bytef* bytes_in(std::string_view text) { return reinterpret_cast<const Bytef*>(text.data()); }

Error no_block(std::string_view why) { return error(Code::InvalidArgument, "SPDY: fields: {}", why); }

}  // namespace

// ---- Out

struct HeaderPacker::Deflate {
  z_stream stream{};
};

HeaderPacker::HeaderPacker() : deflate_(std::make_unique<Deflate>()) {
  if (::deflateInit(&deflate_->stream, Z_DEFAULT_COMPRESSION) != Z_OK) std::abort();  // no memory
  const std::string& known = dictionary();
  (void)::deflateSetDictionary(&deflate_->stream, bytes_in(known), static_cast<uInt>(known.size()));
}

HeaderPacker::~HeaderPacker() { (void)::deflateEnd(&deflate_->stream); }

std::string HeaderPacker::pack(const HeaderMap& headers) {
  std::string plain;
  append_u32(plain, static_cast<std::uint32_t>(headers.size()));
  for (const Header& header : headers) {
    append_text(plain, in_lower_case(header.name));
    append_text(plain, header.value);
  }
  z_stream& stream = deflate_->stream;
  stream.next_in = const_cast<Bytef*>(bytes_in(plain));  // zlib does not write there
  stream.avail_in = static_cast<uInt>(plain.size());
  std::string packed;
  std::array<char, 4096> buffer;
  do {
    stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream.avail_out = buffer.size();
    (void)::deflate(&stream, Z_SYNC_FLUSH);  // fails only with a state that is not its own
    packed.append(buffer.data(), buffer.size() - stream.avail_out);
  } while (stream.avail_out == 0);
  return packed;
}

// ---- In

struct HeaderUnpacker::Inflate {
  z_stream stream{};
};

HeaderUnpacker::HeaderUnpacker() : inflate_(std::make_unique<Inflate>()) {
  if (::inflateInit(&inflate_->stream) != Z_OK) std::abort();  // no memory
}

HeaderUnpacker::~HeaderUnpacker() { (void)::inflateEnd(&inflate_->stream); }

Result<std::string> HeaderUnpacker::inflate(std::string_view block) {
  z_stream& stream = inflate_->stream;
  stream.next_in = const_cast<Bytef*>(bytes_in(block));  // zlib does not write there
  stream.avail_in = static_cast<uInt>(block.size());
  std::string plain;
  std::array<char, 4096> buffer;
  do {
    stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream.avail_out = buffer.size();
    int said = ::inflate(&stream, Z_SYNC_FLUSH);
    if (said == Z_NEED_DICT) {
      const std::string& known = dictionary();
      said = ::inflateSetDictionary(&stream, bytes_in(known), static_cast<uInt>(known.size()));
      if (said == Z_OK) said = ::inflate(&stream, Z_SYNC_FLUSH);
    }
    if (said != Z_OK && said != Z_BUF_ERROR) return no_block("their compression is broken");
    plain.append(buffer.data(), buffer.size() - stream.avail_out);
    if (plain.size() > kMostBytes)
      return error(Code::ResourceExhausted, "SPDY: fields of more than {} bytes", kMostBytes);
  } while (stream.avail_out == 0);
  if (stream.avail_in != 0) return no_block("something follows their compression");
  return plain;
}

Result<HeaderMap> HeaderUnpacker::unpack(std::string_view block) {
  const std::string plain = TRY(inflate(block));
  BigEndianReader reader(plain);
  const auto count = reader.u32();
  if (!count) return no_block("they are cut off");
  if (*count > kMostFields) return error(Code::ResourceExhausted, "SPDY: more than {} fields", kMostFields);
  HeaderMap headers;
  for (std::uint32_t i = 0; i < *count; ++i) {
    const auto name = reader.text();
    const auto values = reader.text();
    if (!name || !values) return no_block("they are cut off");
    if (name->empty()) return no_block("one has no name");
    for (const std::string_view value : split_words(*values, '\0'))
      headers.add(std::string(*name), std::string(value));
    if (values->empty()) headers.add(std::string(*name), "");
    if (headers.size() > kMostFields)
      return error(Code::ResourceExhausted, "SPDY: more than {} fields", kMostFields);
  }
  if (!reader.is_at_end()) return no_block("something follows the last");
  return headers;
}

}  // namespace gantry::http::spdy
