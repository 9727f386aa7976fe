// SPDX-License-Identifier: Apache-2.0
#include "engine/log_drivers.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "base/file.h"
#include "engine/log_file.h"
#include "engine/log_tag.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::engine {
namespace {

std::string line(int second, const std::string& text, const char* stream = "stdout") {
  return fmt::format("2026-11-21T10:20:{:02}.123456789Z {} F {}\n", second, stream, text);
}

// A syslog daemon.
struct Service {
  explicit Service(const std::string& path)
      : socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    sockaddr_un address{.sun_family = AF_UNIX};
    std::strcpy(address.sun_path, path.c_str());
    EXPECT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0) << errno;
  }
  // The texts that have come, behind "]: ".
  std::string received() {
    std::string texts;
    char datagram[4096];
    for (ssize_t size; (size = ::recv(socket.get(), datagram, sizeof datagram, 0)) > 0;) {
      const std::string_view text(datagram, static_cast<std::size_t>(size));
      texts += std::string(text.substr(text.find("]: ") + 3)) + " ";
    }
    return texts;
  }
  UniqueFd socket;
};

struct Forwarding : ::testing::Test {
  testing::TempDir dir;
  Logger log{::open("/dev/null", O_WRONLY | O_CLOEXEC)};
  ThreadPool dialers{{}};
  std::unique_ptr<EventLoop> loop;
  std::unique_ptr<LogChanges> changes;
  std::unique_ptr<LogForwarder> forwarder;

  Forwarding() {
    loop = std::make_unique<EventLoop>(MUST(EventLoop::make()));
    changes = std::make_unique<LogChanges>(*loop);
    MUST(changes->open());
  }
  std::string socket_path() { return dir / "syslog"; }
  void write(const std::string& text) {
    const UniqueFd file = MUST(open_at(dir.fd(), "log", O_WRONLY | O_CREAT | O_APPEND, 0600));
    MUST(write_all(file.get(), text, "log"));
  }
  void start() {
    LogSettings settings{.driver = LogDriver::Syslog};
    settings.options["syslog-address"] = "unixgram://" + socket_path();
    forwarder = std::make_unique<LogForwarder>(*loop, dialers, *changes,
                                               LogForwarderOptions{.log_path = dir / "log",
                                                                   .position_path = dir / "position",
                                                                   .settings = settings,
                                                                   .container_id = std::string(64, 'c')},
                                               log);
    MUST(forwarder->start());
  }
};

TEST_F(Forwarding, EveryRecordIsSentOnceAlsoAfterARestart) {
  Service service(socket_path());
  write(line(1, "one") + line(1, "two"));
  start();
  EXPECT_EQ(service.received(), "one two ");
  write(line(1, "three"));
  MUST(loop->run_once());
  EXPECT_EQ(service.received(), "three ");
  forwarder.reset();
  write(line(1, "four") + line(2, "five"));
  start();
  EXPECT_EQ(service.received(), "four five ");
  forwarder->finish();
  EXPECT_TRUE(forwarder->is_done());
  EXPECT_EQ(service.received(), "");
}

TEST_F(Forwarding, AServiceThatIsAwayGetsEverythingWhenItIsBack) {
  write(line(1, "one"));
  start();
  write(line(2, "two"));
  forwarder->finish();
  EXPECT_FALSE(forwarder->is_done());
  Service service(socket_path());
  while (!forwarder->is_done()) MUST(loop->run_once());
  EXPECT_EQ(service.received(), "one two ");
}

TEST_F(Forwarding, AServiceThatIsStartedAnewIsFoundAgain) {
  {
    Service service(socket_path());
    start();
    write(line(1, "one"));
    MUST(loop->run_once());
    EXPECT_EQ(service.received(), "one ");
  }
  ASSERT_EQ(::unlink(socket_path().c_str()), 0);
  Service again(socket_path());
  write(line(2, "two"));
  std::string text;
  while (text.empty()) {
    MUST(loop->run_once());
    text = again.received();
  }
  EXPECT_EQ(text, "two ");
}

TEST_F(Forwarding, AServiceThatIsSlowHoldsUpNobodyAndLosesNothing) {
  Service service(socket_path());
  std::string lines, expected;
  for (int i = 0; i < 2000; ++i)
    lines += line(i % 60, std::to_string(i)), expected += std::to_string(i) + " ";
  write(lines);
  start();
  forwarder->finish();
  std::string text;
  while (!forwarder->is_done()) {
    text += service.received();
    if (!forwarder->is_done()) MUST(loop->run_once());
  }
  text += service.received();
  EXPECT_EQ(text, expected);
}

TEST(LogTag, HasWordsOfTheContainer) {
  const LogTagWords words{
      .id = std::string(64, 'c'), .name = "web", .image_name = "busybox", .image_id = "0123456789abcdef"};
  EXPECT_EQ(MUST(expand_log_tag("", words)), "cccccccccccc");
  EXPECT_EQ(MUST(expand_log_tag("a/{{.Name}}/{{ .ImageName }}/{{.ImageID}}", words)),
            "a/web/busybox/0123456789ab");
  EXPECT_EQ(expand_log_tag("{{.Nope}}", words).error().message(), "log opt 'tag': '{{.Nope}}' is not known");
  EXPECT_FALSE(expand_log_tag("{{.Name", words));
}

}  // namespace
}  // namespace gantry::engine
