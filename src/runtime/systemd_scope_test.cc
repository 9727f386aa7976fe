// SPDX-License-Identifier: Apache-2.0
#include "runtime/systemd_scope.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <string_view>
#include <thread>

#include "testing/must.h"

namespace gantry::runtime {
namespace {

using dbus::Encoder;
using dbus::Message;
using dbus::MessageType;
using kernel::CgroupMode;
using std::string_view_literals::operator""sv;

TEST(ScopeName, is_made_from_three_parts) {
  const ScopeName name = MUST(scope_name("machine.slice:libpod:abc", "id", false));
  EXPECT_EQ(name.slice, "machine.slice");
  EXPECT_EQ(name.unit, "libpod-abc.scope");
  EXPECT_EQ(MUST(scope_name(":docker:abc", "id", false)).slice, "system.slice");
  EXPECT_EQ(MUST(scope_name("", "id", true)).slice, "user.slice");
  EXPECT_EQ(MUST(scope_name("", "id", false)).unit, "runc-id.scope");
  EXPECT_EQ(MUST(scope_name("a.slice:x:b.slice", "id", false)).unit, "b.slice");
}

TEST(ScopeName, that_is_not_three_parts_is_refused) {
  for (const char* path :
       {"/docker/abc", "a.slice:b", "a:b:c", "a.slice:b:c:d", "a.slice:b:", "a.slice:b:../c"})
    EXPECT_FALSE(scope_name(path, "id", false)) << path;
}

TEST(SlicePath, has_a_level_for_every_dash) {
  EXPECT_EQ(MUST(slice_path("system.slice")), "/system.slice");
  EXPECT_EQ(MUST(slice_path("a-b-c.slice")), "/a.slice/a-b.slice/a-b-c.slice");
  EXPECT_EQ(MUST(slice_path("-.slice")), "");
  for (const char* slice : {".slice", "a", "a--b.slice", "-a.slice", "a-.slice", "a/b.slice"})
    EXPECT_FALSE(slice_path(slice)) << slice;
}

TEST(CpuMask, has_a_bit_for_each) {
  EXPECT_EQ(MUST(cpu_mask("0-2,9")), (std::vector<std::uint8_t>{0x07, 0x02}));
  EXPECT_FALSE(cpu_mask("x"));
}

const dbus::Value* find(const std::vector<dbus::Property>& properties, std::string_view name) {
  for (auto property = properties.rbegin(); property != properties.rend(); ++property)
    if (property->name == name) return &property->value;
  return nullptr;
}

TEST(UnitProperties, say_what_the_limits_are) {
  oci::Resources resources;
  resources.memory = {.limit = 1000, .reservation = 500, .swap = 3000};
  resources.cpu = {.shares = 1024, .quota = 15500, .period = 100000, .cpus = "0-1"};
  resources.pids = oci::PidsResources{.limit = -1};
  const auto v2 = MUST(unit_properties(resources, CgroupMode::V2, limits::Purpose::Create));
  const auto number = [&](const char* name) { return std::get<std::uint64_t>(*find(v2, name)); };
  EXPECT_EQ(number("MemoryMax"), 1000U);
  EXPECT_EQ(number("MemoryLow"), 500U);
  EXPECT_EQ(number("MemorySwapMax"), 2000U);
  EXPECT_EQ(number("CPUWeight"), 100U);
  EXPECT_EQ(number("CPUQuotaPeriodUSec"), 100000U);
  EXPECT_EQ(number("CPUQuotaPerSecUSec"), 160000U);  // 15.5 % rounded up
  EXPECT_EQ(number("TasksMax"), ~0ULL);
  EXPECT_EQ(std::get<std::vector<std::uint8_t>>(*find(v2, "AllowedCPUs")), std::vector<std::uint8_t>{3});
  const auto v1 = MUST(unit_properties(resources, CgroupMode::Mixed, limits::Purpose::Create));
  EXPECT_EQ(std::get<std::uint64_t>(*find(v1, "MemoryLimit")), 1000U);
  EXPECT_EQ(std::get<std::uint64_t>(*find(v1, "CPUShares")), 1024U);
  EXPECT_EQ(find(v1, "MemoryMax"), nullptr);
}

TEST(UnitProperties, devices_are_a_strict_list) {
  oci::Resources resources;
  resources.devices.push_back({.allow = true, .type = "b", .major = 8, .access = "r"});
  const auto properties = MUST(unit_properties(resources, CgroupMode::V2, limits::Purpose::Create));
  EXPECT_EQ(std::get<std::string>(*find(properties, "DevicePolicy")), "strict");
  const auto& allowed = std::get<dbus::StringPairs>(*find(properties, "DeviceAllow"));
  const auto has = [&](const char* device, const char* access) {
    for (const auto& entry : allowed)
      if (entry.first == device && entry.second == access) return true;
    return false;
  };
  EXPECT_TRUE(has("block-8", "r"));
  EXPECT_TRUE(has("char-*", "m"));
  EXPECT_TRUE(has("/dev/char/1:3", "rwm"));
  EXPECT_TRUE(has("char-136", "rwm"));
  resources.devices = {{.allow = true}};
  EXPECT_EQ(std::get<std::string>(*find(
                MUST(unit_properties(resources, CgroupMode::V2, limits::Purpose::Create)), "DevicePolicy")),
            "auto");
}

TEST(UnitProperties, unified_keys_that_systemd_knows) {
  oci::Resources resources;
  resources.unified = {{"memory.high", "max"}, {"cpu.max", "50000 100000"}, {"pids.max", "7"}};
  const auto properties = MUST(unit_properties(resources, CgroupMode::V2, limits::Purpose::Create));
  EXPECT_EQ(std::get<std::uint64_t>(*find(properties, "MemoryHigh")), ~0ULL);
  EXPECT_EQ(std::get<std::uint64_t>(*find(properties, "CPUQuotaPerSecUSec")), 500000U);
  EXPECT_EQ(std::get<std::uint64_t>(*find(properties, "TasksMax")), 7U);
  resources.unified = {{"memory.high", "much"}};
  EXPECT_FALSE(unit_properties(resources, CgroupMode::V2, limits::Purpose::Create));
}

// Another systemd, at the other end of a socket pair: answers as a script says, and keeps what it was asked.
class FakeSystemd {
 public:
  // What to send after each call, in order: replies get the call's serial.
  explicit FakeSystemd(std::vector<std::vector<Message>> script) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) std::abort();
    client_ = UniqueFd(ends[0]);
    thread_ = std::thread([this, fd = ends[1], script = std::move(script)] { serve(UniqueFd(fd), script); });
  }
  ~FakeSystemd() { thread_.join(); }
  UniqueFd take_client() { return std::move(client_); }
  const std::vector<Message>& calls() const { return calls_; }  // when the client is gone
  void join() {
    thread_.join();
    thread_ = std::thread([] {});
  }

 private:
  void serve(UniqueFd fd, const std::vector<std::vector<Message>>& script) {
    std::string received;
    const auto receive = [&] {
      char buffer[4096];
      const ssize_t size = ::recv(fd.get(), buffer, sizeof buffer, 0);
      if (size <= 0) return false;
      received.append(buffer, static_cast<std::size_t>(size));
      return true;
    };
    const auto send = [&](std::string_view bytes) {
      (void)::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    };
    constexpr std::string_view kLogin = "\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n"sv;
    while (received.size() < kLogin.size())
      if (!receive()) return;
    received.erase(0, kLogin.size());
    send("DATA\r\nOK 0123456789abcdef\r\n");
    for (const auto& answers : script) {
      while (received.size() < 16 || received.size() < MUST(dbus::message_size(received)))
        if (!receive()) return;
      const std::size_t size = MUST(dbus::message_size(received));
      calls_.push_back(MUST(dbus::decode(std::string_view(received).substr(0, size))));
      received.erase(0, size);
      for (Message answer : answers) {
        answer.serial = 100;
        if (answer.type != MessageType::Signal) answer.reply_serial = calls_.back().serial;
        send(dbus::encode(answer));
      }
    }
    while (receive()) {
    }
  }

  UniqueFd client_;
  std::thread thread_;
  std::vector<Message> calls_;
};

Message job_reply(const char* job) {
  Encoder body;
  body.string(job);
  return {.type = MessageType::MethodReturn, .signature = "o", .body = std::move(body).text()};
}

Message job_removed(const char* job, const char* result) {
  Encoder body;
  body.uint32(1).string(job).string("x.scope").string(result);
  return {.type = MessageType::Signal,
          .path = "/org/freedesktop/systemd1",
          .interface = "org.freedesktop.systemd1.Manager",
          .member = "JobRemoved",
          .signature = "uoss",
          .body = std::move(body).text()};
}

Message done() { return {.type = MessageType::MethodReturn}; }

Message refusal(const char* name, const char* words) {
  Encoder body;
  body.string(words);
  return {.type = MessageType::Error, .error_name = name, .signature = "s", .body = std::move(body).text()};
}

const ScopeName kName{"system.slice", "x.scope"};

TEST(UnitProperties, an_update_leaves_devices_alone_unless_it_names_some) {
  oci::Resources resources;
  EXPECT_TRUE(MUST(unit_properties(resources, CgroupMode::V2, limits::Purpose::Update)).empty());
  resources.devices.push_back({.allow = true, .type = "c", .major = 10, .minor = 200, .access = "rw"});
  EXPECT_NE(find(MUST(unit_properties(resources, CgroupMode::V2, limits::Purpose::Update)), "DeviceAllow"),
            nullptr);
}

TEST(Systemd, a_scope_is_there_when_its_job_is_done) {
  // The signals come before the reply and among those of others, as they may.
  FakeSystemd systemd(
      {{job_removed("/job/7", "failed"), job_removed("/job/8", "done"), job_reply("/job/8")}});
  {
    Systemd client(MUST(dbus::Connection::over(systemd.take_client(), dbus::Peer::Direct)), false);
    MUST(client.start_scope(kName, 42, CgroupMode::V2, {{"MemoryMax", std::uint64_t{1000}}}));
  }
  systemd.join();
  ASSERT_EQ(systemd.calls().size(), 1U);
  const Message& call = systemd.calls()[0];
  EXPECT_EQ(call.member, "StartTransientUnit");
  EXPECT_EQ(call.signature, "ssa(sv)a(sa(sv))");
  EXPECT_EQ(call.destination, "");
  for (const char* word : {"x.scope", "system.slice", "PIDs", "Delegate", "IOAccounting", "MemoryMax"})
    EXPECT_NE(call.body.find(word), std::string::npos) << word;
}

TEST(Systemd, a_leftover_unit_is_reset_and_started_once_more) {
  FakeSystemd systemd({{refusal("org.freedesktop.systemd1.UnitExists", "Unit x.scope already exists.")},
                       {done()},
                       {job_reply("/job/1"), job_removed("/job/1", "done")}});
  {
    Systemd client(MUST(dbus::Connection::over(systemd.take_client(), dbus::Peer::Direct)), false);
    MUST(client.start_scope(kName, 42, CgroupMode::V2, {}));
  }
  systemd.join();
  EXPECT_EQ(systemd.calls()[1].member, "ResetFailedUnit");
}

TEST(Systemd, errors_are_in_its_own_words) {
  FakeSystemd systemd({{refusal("org.freedesktop.DBus.Error.AccessDenied", "Permission denied")},
                       {job_reply("/job/1"), job_removed("/job/1", "failed")}});
  {
    Systemd client(MUST(dbus::Connection::over(systemd.take_client(), dbus::Peer::Direct)), false);
    const auto refused = client.start_scope(kName, 42, CgroupMode::V2, {});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Code::PermissionDenied);
    EXPECT_EQ(refused.error().message(),
              "start unit 'x.scope': StartTransientUnit: Permission denied "
              "(org.freedesktop.DBus.Error.AccessDenied)");
    EXPECT_EQ(client.start_scope(kName, 42, CgroupMode::V2, {}).error().message(),
              "start unit 'x.scope': systemd says 'failed'");
  }
}

TEST(Systemd, over_a_bus_it_says_hello_and_asks_for_signals) {
  Encoder id;
  id.string(":1.5");
  FakeSystemd systemd(
      {{Message{.type = MessageType::MethodReturn, .signature = "s", .body = std::move(id).text()}},
       {done()},
       {done()},
       {job_reply("/job/1"), job_removed("/job/1", "done")},
       {done()}});
  {
    Systemd client(MUST(dbus::Connection::over(systemd.take_client(), dbus::Peer::Bus)), false);
    MUST(client.stop("x.scope"));
  }
  systemd.join();
  std::vector<std::string> members;
  for (const Message& call : systemd.calls()) members.push_back(call.member);
  EXPECT_EQ(members,
            (std::vector<std::string>{"Hello", "AddMatch", "Subscribe", "StopUnit", "ResetFailedUnit"}));
  EXPECT_EQ(systemd.calls()[3].destination, "org.freedesktop.systemd1");
}

TEST(Systemd, stopping_a_unit_that_is_gone_is_fine) {
  FakeSystemd systemd({{refusal("org.freedesktop.systemd1.NoSuchUnit", "Unit x.scope not loaded.")}});
  Systemd client(MUST(dbus::Connection::over(systemd.take_client(), dbus::Peer::Direct)), false);
  MUST(client.stop("x.scope"));
}

TEST(Systemd, a_change_is_through_when_systemd_listens_again) {
  FakeSystemd systemd({{done()}, {done()}});
  {
    Systemd client(MUST(dbus::Connection::over(systemd.take_client(), dbus::Peer::Direct)), false);
    MUST(client.set_properties("x.scope", {{"MemoryMax", std::uint64_t{1000}}}));
  }
  systemd.join();
  EXPECT_EQ(systemd.calls()[0].member, "SetUnitProperties");
  EXPECT_EQ(systemd.calls()[1].member, "Ping");
}

TEST(Systemd, a_rootless_group_is_below_the_users_manager) {
  Encoder body;
  body.signature("s").string("/user.slice/user-1000.slice/user@1000.service");
  FakeSystemd systemd(
      {{Message{.type = MessageType::MethodReturn, .signature = "v", .body = std::move(body).text()}}});
  Systemd client(MUST(dbus::Connection::over(systemd.take_client(), dbus::Peer::Direct)), true);
  EXPECT_EQ(MUST(client.group_path({"user.slice", "x.scope"})),
            "/user.slice/user-1000.slice/user@1000.service/user.slice/x.scope");
}

}  // namespace
}  // namespace gantry::runtime
