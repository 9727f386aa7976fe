// SPDX-License-Identifier: Apache-2.0
#include "build/download.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include <memory>
#include <utility>

#include "base/file.h"
#include "base/printable.h"
#include "build/file_reader.h"
#include "http/client.h"

namespace gantry::build {
namespace {

constexpr int kMaxRedirects = 10;

// The last part of the path; what cannot be a file's name is an error.
Result<std::string> name_of(std::string_view url) {
  url = url.substr(0, url.find_first_of("?#"));
  const std::size_t slash = url.rfind('/');
  std::string name(url.substr(slash + 1));
  const bool has_path = url.find("://") != url.npos && slash > url.find("://") + 2;
  if (!has_path || name.empty() || name == "." || name == "..")
    return error(Code::InvalidArgument, "'{}' does not end with the name of a file", printable(url));
  return name;
}

Result<http::ClientResponse> get(http::Client& client, http::Url url) {
  for (int i = 0; i <= kMaxRedirects; ++i) {
    http::ClientResponse response = TRY(client.send({.url = url}));
    auto next = TRY(http::redirect_of(url, response));
    if (!next) return response;
    url = std::move(*next);
  }
  return error(Code::Unavailable, "more than {} redirects", kMaxRedirects);
}

// RFC 9110, section 5.6.7: "Sun, 06 Nov 1994 08:49:37 GMT".
std::optional<std::int64_t> parse_http_date(const std::string& text) {
  struct tm date{};
  const char* end = ::strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &date);
  if (end == nullptr || *end != '\0') return std::nullopt;
  return ::timegm(&date);
}

}  // namespace

bool is_web_url(std::string_view text) { return text.starts_with("http://") || text.starts_with("https://"); }

Result<FileEntry> download(const std::string& url, const std::optional<oci::Digest>& expected,
                           const Session& session, Cancel& cancel) {
  const std::string name = TRY(name_of(url));
  http::Client client(TRY(http::ClientOptions::from_environment()));
  http::ClientResponse response =
      TRY_DURING(get(client, TRY(http::Url::parse(url))), "get '{}'", printable(url));
  if (!response.is_success())
    return error(Code::NotFound, "get '{}': the server answers {}", printable(url), response.status());
  const std::string directory = TRY(session.make_directory("download"));
  const UniqueFd parent = TRY(open_at(AT_FDCWD, directory, O_PATH | O_DIRECTORY));
  const UniqueFd file = TRY(open_at(parent.get(), "file", O_CREAT | O_EXCL | O_WRONLY, 0600));
  oci::Hasher hasher(expected ? expected->algorithm() : oci::DigestAlgorithm::Sha256);
  std::vector<std::byte> buffer(kStreamBuffer);
  while (const std::size_t size = TRY_DURING(response.body().read(buffer), "get '{}'", printable(url))) {
    const auto piece = std::span(buffer).first(size);
    hasher.update(piece);
    TRY(write_all(file.get(), text_of(piece), "a download"));
    TRY(cancel.check());
  }
  const oci::Digest digest = hasher.finish();
  if (expected && digest != *expected)
    return error(Code::InvalidArgument, "'{}' is not what --checksum says: it is {}", printable(url),
                 digest.str());
  if (const auto modified = response.headers().get("Last-Modified"))
    if (const auto time = parse_http_date(std::string(*modified))) {
      const timespec times[2] = {{.tv_sec = *time, .tv_nsec = 0}, {.tv_sec = *time, .tv_nsec = 0}};
      if (::futimens(file.get(), times) < 0) return sys_error("set the time of a download");
    }
  struct stat st{};
  if (::fstat(file.get(), &st) < 0) return sys_error("stat a download");
  FileEntry entry{.root = std::make_shared<const kernel::RootDir>(
                      TRY(open_at(AT_FDCWD, directory, O_PATH | O_DIRECTORY))),
                  .path = "file",
                  .text = {},
                  .target = name};
  entry.attributes.mode = 0600;
  entry.attributes.mtime = st.st_mtim;
  entry.size = static_cast<std::uint64_t>(st.st_size);
  entry.state = state_of(st);
  return entry;
}

}  // namespace gantry::build
