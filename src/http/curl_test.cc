// SPDX-License-Identifier: Apache-2.0
//
// The server as curl(1) sees it.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "http/server.h"
#include "http/test_identity.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::http {
namespace {

using testing::TestAuthority;

// What `curl arguments` prints, and its exit status behind it.
std::string curl(const std::string& arguments) {
  const std::string command = "curl --noproxy '*' -sS --max-time 20 " + arguments + " 2>&1";
  FILE* pipe = ::popen(command.c_str(), "re");
  if (pipe == nullptr) std::abort();
  std::string output;
  char buffer[4096];
  while (const std::size_t got = std::fread(buffer, 1, sizeof buffer, pipe)) output.append(buffer, got);
  const int status = ::pclose(pipe);
  return output + "[" + std::to_string(WEXITSTATUS(status)) + "]";
}

class Curl : public ::testing::Test {
 protected:
  void SetUp() override {
    if (curl("--version").ends_with("[127]")) GTEST_SKIP() << "needs curl";
    std::string content;
    for (int i = 0; i < 200'000; ++i) content += std::to_string(i) + "\n";
    MUST(replace_file_at(directory_.fd(), "file", content, 0600));
    content_ = content;
    file_ = MUST(open_at(directory_.fd(), "file", O_RDONLY));
    std::vector<Listener> listeners;
    listeners.push_back(MUST(Listener::tcp("127.0.0.1", 0)));
    listeners.push_back(MUST(Listener::tcp("127.0.0.1", 0))
                            .with_tls(MUST(TlsContext::for_server(
                                {.identity = authority_.issue("server", "DNS:localhost,IP:127.0.0.1")}))));
    listeners.push_back(MUST(Listener::unix_socket(directory_ / "socket", 0600)));
    server_ = MUST(Server::start(std::move(listeners), [this](Request& request, ResponseWriter& response) {
      return handle(request, response);
    }));
  }

  Result<void> handle(Request& request, ResponseWriter& response) {
    if (request.path() == "/file")
      return send_ranged_file(request, response, file_.get(), content_.size(), "\"e\"");
    if (request.path() == "/refuse") return response.send(403, "no");
    if (request.path() == "/chunks") {
      TRY(response.start(200));
      for (int i = 0; i < 5; ++i) TRY(response.write(std::to_string(i)));
      return {};
    }
    const std::string body = TRY(request.read_body(64 << 20));
    return response.send(200, request.method() + " " + std::to_string(body.size()) + "\n");
  }

  std::string plain(const std::string& path) const {
    return "http://127.0.0.1:" + std::to_string(server_->listeners()[0].port()) + path;
  }
  std::string tls(const std::string& path) const {
    return "https://localhost:" + std::to_string(server_->listeners()[1].port()) + path;
  }

  gantry::testing::TempDir directory_;
  TestAuthority authority_;
  std::string content_;
  UniqueFd file_;
  std::unique_ptr<Server> server_;
};

TEST_F(Curl, GetsAndPosts) {
  EXPECT_EQ(curl(plain("/")), "GET 0\n[0]");
  EXPECT_EQ(curl("-d 12345 " + plain("/")), "POST 5\n[0]");
  EXPECT_EQ(curl("-I -o /dev/null -w '%{http_code}' " + plain("/")), "200[0]");
  EXPECT_EQ(curl("--http1.0 " + plain("/chunks")), "01234[0]");
  EXPECT_EQ(curl(plain("/chunks")), "01234[0]");
}

TEST_F(Curl, KeepsItsConnection) {
  EXPECT_EQ(curl("-w '%{num_connects} ' " + plain("/") + " " + plain("/") + " " + plain("/")),
            "GET 0\n1 GET 0\n0 GET 0\n0 [0]");
}

TEST_F(Curl, UploadsWithAndWithoutLengthAndAsksFirst) {
  const std::string size = std::to_string(content_.size());
  EXPECT_EQ(curl("-T " + (directory_ / "file") + " " + plain("/x")), "PUT " + size + "\n[0]");
  EXPECT_EQ(curl("-T - " + plain("/x") + " < " + (directory_ / "file")), "PUT " + size + "\n[0]");
  EXPECT_EQ(curl("-H 'Expect: 100-continue' --data-binary @" + (directory_ / "file") + " " + plain("/x")),
            "POST " + size + "\n[0]");
  EXPECT_EQ(curl("-H 'Expect: 100-continue' -w '%{size_upload}' -T " + (directory_ / "file") + " " +
                 plain("/refuse")),
            "no0[0]");
  EXPECT_EQ(curl("-H 'Expect:' -T " + (directory_ / "file") + " " + plain("/refuse")).substr(0, 2), "no");
}

TEST_F(Curl, GetsFilesAndRanges) {
  EXPECT_TRUE(curl(plain("/file")) == content_ + "[0]");
  EXPECT_EQ(curl("-r 100-119 " + plain("/file")), content_.substr(100, 20) + "[0]");
  EXPECT_EQ(curl("-r -4 " + tls("/file") + " --cacert " + authority_.ca_file()),
            content_.substr(content_.size() - 4) + "[0]");
  EXPECT_EQ(curl("-o /dev/null -w '%{http_code}' -r 99999999- " + plain("/file")), "416[0]");
}

TEST_F(Curl, SpeaksTls) {
  const std::string trust = " --cacert " + authority_.ca_file() + " ";
  EXPECT_EQ(curl(trust + tls("/")), "GET 0\n[0]");
  EXPECT_TRUE(curl(trust + tls("/file")) == content_ + "[0]");
  EXPECT_EQ(curl(trust + "-T " + (directory_ / "file") + " " + tls("/x")),
            "PUT " + std::to_string(content_.size()) + "\n[0]");
  EXPECT_TRUE(curl(tls("/")).ends_with("[60]"));
  EXPECT_TRUE(curl("--tls-max 1.1 --ciphers DEFAULT@SECLEVEL=0 " + trust + tls("/")).ends_with("[35]"));
  EXPECT_EQ(curl("--tls-max 1.2 " + trust + tls("/")), "GET 0\n[0]");
}

TEST_F(Curl, FindsTheUnixSocket) {
  EXPECT_EQ(curl("--unix-socket " + (directory_ / "socket") + " http://docker/_ping"), "GET 0\n[0]");
}

}  // namespace
}  // namespace gantry::http
