// SPDX-License-Identifier: Apache-2.0
//
// URLs, references, queries and percent-encoding from anybody: what is taken reads back as the same, and
// never holds what would end a request line.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "http/message.h"
#include "http/proxy.h"
#include "http/url.h"

using namespace gantry::http;

namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

void check_url(const Url& url) {
  check(static_cast<bool>(
      serialize(RequestHead{.target = url.target(), .headers = {{"Host", url.authority()}}})));
  auto again = Url::parse(url.str());
  check(again.has_value());
  check(again->target() == url.target() && again->origin() == url.origin());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto url = Url::parse(text)) {
    check_url(*url);
    (void)NoProxy::parse(text).covers(url->host, url->effective_port());
  }
  static const Url base = *Url::parse("https://user:password@base.example:5000/a/b/c?d");
  if (const auto resolved = base.resolve(text)) {
    check_url(*resolved);
    check(resolved->origin() == base.origin() || resolved->user_info != base.user_info ||
          text.contains("user:password@"));
  }
  if (const auto query = Query::parse(text)) check(Query::parse(query->str())->str() == query->str());
  check(*percent_decode(percent_encode(text)) == text);
  const NoProxy except = NoProxy::parse(text);
  (void)except.covers("10.1.2.3", 80);
  (void)except.covers("a.example.com", 443);
  return 0;
}
