// SPDX-License-Identifier: Apache-2.0
#include "image/transfer/download.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>

#include "image/transfer/fake_registry.h"
#include "oci/image/media_type.h"

namespace gantry::image {
namespace {

std::string pattern(std::size_t size) {
  std::string bytes(size, '\0');
  std::uint32_t state = 1;
  for (char& byte : bytes) byte = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  return bytes;
}

class DownloadTest : public testing::Test {
 protected:
  oci::Descriptor blob(const std::string& bytes) {
    oci::Descriptor descriptor;
    descriptor.media_type = oci::media_type::kOciLayerGzip;
    descriptor.digest = registry.put_blob("app", bytes);
    descriptor.size = bytes.size();
    return descriptor;
  }
  std::string line(const oci::Descriptor& blob) { return "GET /v2/app/blobs/" + blob.digest.str(); }

  Result<std::string> read(const oci::Descriptor& blob, std::uint64_t offset = 0) {
    const auto source = download(client, "app", blob, offset, options);
    return read_all(*source, "blob", 1 << 30);
  }
  std::string error_of(const oci::Descriptor& blob) {
    const Result<std::string> bytes = read(blob);
    return bytes ? "no error" : bytes.error().message();
  }

  // Every answer is cut behind so many bytes.
  void cut_after(const oci::Descriptor& blob, const std::string& bytes, std::size_t count) {
    registry.answer(line(blob), [=](http::Request& request, http::ResponseWriter& response) -> Result<void> {
      const auto range = TRY(http::parse_range(request.headers().get_or("Range", ""), bytes.size()));
      const http::ByteRange all = range.value_or(http::ByteRange{0, bytes.size()});
      if (range) response.headers.set("Content-Range", http::format_content_range({all, bytes.size()}));
      TRY(response.start(range ? 206 : 200, all.length));
      TRY(response.write(
          std::string_view(bytes).substr(all.offset, std::min<std::size_t>(all.length, count))));
      if (all.length <= count) return {};
      return error(Code::Unavailable, "cut");
    });
  }

  FakeRegistry registry;
  RegistryClient client{"fake", registry.url(), impatient()};
  DownloadOptions options;
};

TEST_F(DownloadTest, gives_the_bytes_of_one_plain_request) {
  const std::string bytes = pattern(300'000);
  EXPECT_EQ(MUST(read(blob(bytes))), bytes);
  EXPECT_EQ(registry.requests().size(), 1U);
}

TEST_F(DownloadTest, an_empty_blob_is_no_error) { EXPECT_EQ(MUST(read(blob(""))), ""); }

TEST_F(DownloadTest, begins_where_it_is_told_to) {
  const std::string bytes = pattern(100'000);
  EXPECT_EQ(MUST(read(blob(bytes), 40'000)), bytes.substr(40'000));
  EXPECT_TRUE(registry.requests().at(0).ends_with("Range: bytes=40000-"));
}

TEST_F(DownloadTest, goes_on_where_a_connection_was_cut_as_often_as_it_helps) {
  const std::string bytes = pattern(1'000'000);
  const oci::Descriptor descriptor = blob(bytes);
  cut_after(descriptor, bytes, 100'000);
  EXPECT_EQ(MUST(read(descriptor)), bytes);
  EXPECT_EQ(registry.requests().size(), 10U);
}

TEST_F(DownloadTest, gives_up_when_every_connection_brings_next_to_nothing) {
  const std::string bytes = pattern(1'000'000);
  const oci::Descriptor descriptor = blob(bytes);
  cut_after(descriptor, bytes, 10);
  const std::string error = error_of(descriptor);
  EXPECT_NE(error.find("given up at byte 40 of 1000000, after 4 attempts"), std::string::npos) << error;
  EXPECT_NE(error.find(descriptor.digest.str()), std::string::npos) << error;
}

TEST_F(DownloadTest, a_registry_that_is_not_there_is_asked_twice_and_one_that_was_more_often) {
  const oci::Descriptor descriptor = blob(pattern(1000));
  int retries = 0;
  options.control.on_retry = [&](const std::string&, std::chrono::milliseconds) { ++retries; };
  RegistryClient nowhere("nowhere", MUST(http::Url::parse("http://127.0.0.1:1")), impatient());
  EXPECT_FALSE(nowhere.blob("app", descriptor.digest, {}, options.control));
  EXPECT_EQ(retries, 1);
  nowhere.saw_alive();
  EXPECT_FALSE(nowhere.blob("app", descriptor.digest, {}, options.control));
  EXPECT_EQ(retries, 1 + 3) << "four attempts";
}

TEST_F(DownloadTest, a_server_that_does_not_know_ranges_sends_what_is_there_already_once_more) {
  const std::string bytes = pattern(500'000);
  const oci::Descriptor descriptor = blob(bytes);
  std::atomic<int> requests = 0;
  registry.answer(line(descriptor), [&](http::Request&, http::ResponseWriter& response) -> Result<void> {
    TRY(response.start(200, bytes.size()));
    const bool is_cut = requests++ == 0;
    TRY(response.write(std::string_view(bytes).substr(0, is_cut ? 200'000 : bytes.size())));
    if (is_cut) return error(Code::Unavailable, "cut");
    return {};
  });
  EXPECT_EQ(MUST(read(descriptor)), bytes);
  EXPECT_EQ(requests, 2);
  registry.stop();
}

TEST_F(DownloadTest, more_bytes_than_the_manifest_says_are_an_error) {
  const oci::Descriptor descriptor = blob(pattern(1000));
  registry.answer(line(descriptor), [](http::Request&, http::ResponseWriter& response) {
    return response.send(200, pattern(1001));
  });
  EXPECT_NE(error_of(descriptor).find("sends 1001 bytes, the manifest says 1000"), std::string::npos);
}

TEST_F(DownloadTest, a_body_without_end_is_read_no_further_than_the_manifest_says) {
  const oci::Descriptor descriptor = blob(pattern(100'000));
  registry.answer(line(descriptor), [](http::Request&, http::ResponseWriter& response) -> Result<void> {
    TRY(response.start(200));
    for (;;) TRY(response.write(pattern(10'000)));
  });
  EXPECT_NE(error_of(descriptor).find("more than the 100000 bytes"), std::string::npos);
}

TEST_F(DownloadTest, a_range_that_was_not_asked_for_is_an_error) {
  const std::string bytes = pattern(1000);
  const oci::Descriptor descriptor = blob(bytes);
  registry.answer(line(descriptor), [&](http::Request&, http::ResponseWriter& response) {
    response.headers.set("Content-Range", "bytes 0-499/1000");
    return response.send(206, bytes.substr(0, 500));
  });
  const auto source = download(client, "app", descriptor, 500, options);
  const Result<std::string> read = read_all(*source, "blob", 1 << 20);
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().message().find(
                "asked for bytes 500 to 999 of 1000, the registry sends 'bytes 0-499/1000'"),
            std::string::npos)
      << read.error().message();
  registry.stop();
}

TEST_F(DownloadTest, what_is_not_there_is_an_error_with_the_words_of_the_registry) {
  oci::Descriptor descriptor = blob("x");
  descriptor.digest = oci::digest_of("y");
  const Result<std::string> bytes = read(descriptor);
  ASSERT_FALSE(bytes);
  EXPECT_EQ(bytes.error().code(), Code::NotFound);
  const std::string& text = bytes.error().message();
  EXPECT_NE(text.find("registry 'fake': GET http://127.0.0.1:"), std::string::npos) << text;
  EXPECT_NE(text.find("404 Not Found: nothing of that name (NOT_HERE)"), std::string::npos) << text;
}

TEST_F(DownloadTest, asks_again_when_the_registry_is_busy) {
  const std::string bytes = pattern(1000);
  const oci::Descriptor descriptor = blob(bytes);
  std::atomic<int> requests = 0;
  registry.before_all([&](http::Request&, http::ResponseWriter& response) -> Result<bool> {
    if (requests++ >= 2) return false;
    if (requests == 1) response.headers.set("Retry-After", "0");
    TRY(response.send(requests == 1 ? 429 : 503));
    return true;
  });
  EXPECT_EQ(MUST(read(descriptor)), bytes);
  EXPECT_EQ(requests, 3);
  registry.stop();
}

TEST_F(DownloadTest, does_not_wait_for_hours) {
  const oci::Descriptor descriptor = blob("x");
  registry.before_all([&](http::Request&, http::ResponseWriter& response) -> Result<bool> {
    response.headers.set("Retry-After", "7200");
    TRY(response.send(429));
    return true;
  });
  EXPECT_NE(error_of(descriptor).find("it asks to come back in 7200 s"), std::string::npos)
      << error_of(descriptor);
}

TEST_F(DownloadTest, a_redirect_leads_to_the_bytes_without_the_authorization) {
  FakeRegistry storage;
  const std::string bytes = pattern(1000);
  const oci::Descriptor descriptor = blob(bytes);
  std::string authorization = "none was asked for";
  storage.answer("GET /signed", [&](http::Request& request, http::ResponseWriter& response) {
    authorization = request.headers().get_or("Authorization", "");
    return response.send(200, bytes);
  });
  registry.answer(line(descriptor), [&](http::Request& request, http::ResponseWriter& response) {
    if (!request.headers().has("Authorization")) {
      response.headers.set("WWW-Authenticate", "Basic realm=\"x\"");
      return response.send(401);
    }
    response.headers.set("Location", "http://" + storage.host() + "/signed?key=1");
    return response.send(307);
  });
  RegistryClientOptions known = impatient();
  known.credentials = Credentials{.username = "alice", .password = "secret"};
  RegistryClient alice("fake", registry.url(), known);
  const auto source = download(alice, "app", descriptor, 0, options);
  EXPECT_EQ(MUST(read_all(*source, "blob", 1 << 20)), bytes);
  EXPECT_EQ(authorization, "");
  storage.stop();
  registry.stop();
}

TEST_F(DownloadTest, redirects_in_a_circle_and_to_other_schemes_are_errors) {
  const oci::Descriptor descriptor = blob("x");
  std::string location = line(descriptor).substr(4);
  registry.answer(line(descriptor), [&](http::Request&, http::ResponseWriter& response) {
    response.headers.set("Location", location);
    return response.send(302);
  });
  EXPECT_NE(error_of(descriptor).find("more than 5 redirects"), std::string::npos) << error_of(descriptor);
  for (const char* scheme : {"file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://127.0.0.1:25/x"}) {
    location = scheme;
    EXPECT_NE(error_of(descriptor), "no error") << scheme;
  }
  registry.stop();
}

TEST_F(DownloadTest, a_large_blob_that_comes_slowly_is_fetched_in_ranges) {
  const std::string bytes = pattern(3'000'001);
  const oci::Descriptor descriptor = blob(bytes);
  options = {.probe = 100'000, .worth = 100'000, .slow = 1e12, .connections = 3, .segment = 200'000};
  EXPECT_EQ(MUST(read(descriptor)), bytes);
  EXPECT_GE(registry.count(line(descriptor) + " Range: bytes="), 10U);
}

TEST_F(DownloadTest, one_range_that_cannot_be_had_is_the_error_of_all) {
  const std::string bytes = pattern(3'000'001);
  const oci::Descriptor descriptor = blob(bytes);
  options = {.probe = 100'000, .worth = 100'000, .slow = 1e12, .connections = 3, .segment = 200'000};
  registry.before_all([&](http::Request& request, http::ResponseWriter& response) -> Result<bool> {
    if (request.headers().get_or("Range", "").find("-2") == std::string_view::npos) return false;
    TRY(response.send(403));
    return true;
  });
  EXPECT_NE(error_of(descriptor).find("403"), std::string::npos);
}

TEST_F(DownloadTest, ends_at_once_when_it_is_cancelled) {
  Cancellation cancellation;
  options.control.cancellation = &cancellation;
  cancellation.cancel("layer 1 has failed");
  EXPECT_NE(error_of(blob("x")).find("given up: layer 1 has failed"), std::string::npos);
  EXPECT_TRUE(registry.requests().empty());
}

}  // namespace
}  // namespace gantry::image
