// SPDX-License-Identifier: Apache-2.0
#include "engine/log_encoder.h"

#include <gtest/gtest.h>

#include "engine/log_address.h"
#include "testing/must.h"

namespace gantry::engine {
namespace {

using namespace std::string_literals;
using Options = std::map<std::string, std::string>;

LogRecord record(std::string_view text, Stream stream = Stream::Stdout) {
  return {.time = "2026-11-21T10:20:01.123456789Z", .text = text, .stream = stream};
}

std::string encoded(LogDriver driver, Options options, const LogRecord& what, Options attributes = {}) {
  const LogSettings settings{
      .driver = driver, .attributes = std::move(attributes), .options = std::move(options)};
  const LogSource source{
      .container_id = std::string(64, 'c'), .container_name = "web", .image_name = "busybox", .tag = "t"};
  return MUST(make_log_encoder(settings, source))->encode(what);
}

TEST(LogEncoder, SyslogHasItsForms) {
  const auto syslog = [](const char* format, const char* address, Stream stream = Stream::Stdout) {
    return encoded(LogDriver::Syslog,
                   {{"syslog-facility", "local3"}, {"syslog-format", format}, {"syslog-address", address}},
                   record("hi", stream));
  };
  const std::string micro = syslog("rfc5424micro", "udp://127.0.0.1:514");
  EXPECT_TRUE(micro.starts_with("<158>1 2026-11-21T10:20:01.123456Z ")) << micro;
  EXPECT_TRUE(micro.ends_with(" t - hi")) << micro;
  EXPECT_TRUE(syslog("rfc5424", "unixgram:///x", Stream::Stderr).starts_with("<155>1 2026-11-21T10:20:01Z "));
  EXPECT_TRUE(syslog("", "unixgram:///x").ends_with("]: hi"));
}

TEST(LogEncoder, SyslogOverStreamsSaysWhereAMessageEnds) {
  const auto syslog = [](const char* format, const char* address) {
    return encoded(LogDriver::Syslog, {{"syslog-format", format}, {"syslog-address", address}}, record("hi"));
  };
  EXPECT_TRUE(syslog("rfc3164", "tcp://127.0.0.1:514").ends_with("]: hi\n"));
  EXPECT_TRUE(syslog("rfc5424", "tcp://127.0.0.1:514").ends_with(" hi\n"));
  EXPECT_TRUE(syslog("rfc3164", "tcp+tls://127.0.0.1").ends_with("]: hi\n"));
  const std::string framed = syslog("rfc5424", "tcp+tls://127.0.0.1");
  const std::size_t space = framed.find(' ');
  EXPECT_EQ(framed.substr(0, space), std::to_string(framed.size() - space - 1));
}

TEST(LogEncoder, JournalFieldsHoldAnyBytes) {
  const std::string text =
      encoded(LogDriver::Journald, {}, record("hello", Stream::Stderr), {{"com.x", "a\nb"}, {"_boot", "no"}});
  EXPECT_NE(text.find("MESSAGE=hello\nPRIORITY=3\n"), std::string::npos);
  EXPECT_NE(text.find("CONTAINER_NAME=web\n"), std::string::npos);
  EXPECT_NE(text.find("COM_X\n\3\0\0\0\0\0\0\0a\nb\n"s), std::string::npos);
  EXPECT_NE(text.find("\nBOOT=no\n"), std::string::npos) << "names with a first underscore are the journal's";
}

TEST(LogEncoder, FluentdGetsAMessageOfItsForwardProtocol) {
  const std::string id(64, 'c');
  // 1795256401 seconds are 0x6B017051.
  EXPECT_EQ(encoded(LogDriver::Fluentd, {}, record("hi")),
            "\x94"s + "\xa1t" + "\xcf\0\0\0\0\x6b\x01\x70\x51"s + "\x84" + "\xac"s + "container_id" +
                "\xd9\x40"s + id + "\xae"s + "container_name" + "\xa4/web" + "\xa3log" + "\xa2hi" +
                "\xa6source" + "\xa6stdout" + "\x80"s);
}

TEST(LogEncoder, FluentdGetsNanosecondsWhereTheyAreAskedFor) {
  const std::string text =
      encoded(LogDriver::Fluentd, {{"fluentd-sub-second-precision", "true"}}, record("hi"));
  EXPECT_EQ(text.substr(3, 10), "\xd7\0\x6b\x01\x70\x51\x07\x5b\xcd\x15"s);  // 123456789
}

TEST(LogEncoder, FluentdGetsAttributesAndLongTexts) {
  const std::string line(70'000, 'x');
  const std::string text = encoded(LogDriver::Fluentd, {}, record(line, Stream::Stderr), {{"tier", "front"}});
  EXPECT_NE(text.find("\xa4tier\xa5"
                      "front"),
            std::string::npos);
  EXPECT_NE(text.find("\xdb\0\x01\x11\x70xxx"s), std::string::npos);
  EXPECT_NE(text.find("\xa6stderr"), std::string::npos);
}

TEST(LogEncoder, FluentdNamesWhatItIsToAcknowledge) {
  const LogSettings settings{.driver = LogDriver::Fluentd, .options = {{"fluentd-request-ack", "true"}}};
  const auto encoder = MUST(make_log_encoder(settings, {.tag = "t"}));
  const LogRecord line = record("hi");
  // In base64: the nanoseconds since 1970 in hexadecimal digits.
  const std::string chunk = "\xb8"s + "MThlYTA4MmY2NWI1YjcxNQ==";
  EXPECT_TRUE(
      encoder->encode(line).ends_with("\x81\xa5"
                                      "chunk" +
                                      chunk))
      << encoder->encode(line);
  EXPECT_EQ(encoder->receipt(line),
            "\x81\xa3"
            "ack" +
                chunk);
}

TEST(LogEncoder, WhatCannotBeIsRefused) {
  const auto failure = [](LogDriver driver, Options options) {
    const LogSettings settings{.driver = driver, .options = std::move(options)};
    const auto encoder = make_log_encoder(settings, {});
    const auto address = LogAddress::of(settings);
    if (!encoder) return encoder.error().code();
    return address ? Code::Internal : address.error().code();
  };
  for (const char* address : {"nonsense", "http://127.0.0.1", "tcp://127.0.0.1:0", "tcp://127.0.0.1:port",
                              "tcp://host/path", "unix://"})
    EXPECT_EQ(failure(LogDriver::Syslog, {{"syslog-address", address}}), Code::InvalidArgument) << address;
  EXPECT_EQ(failure(LogDriver::Syslog, {{"syslog-address", "unix://" + std::string(200, 'x')}}),
            Code::InvalidArgument);
  EXPECT_EQ(failure(LogDriver::Syslog, {{"syslog-facility", "moon"}}), Code::InvalidArgument);
  EXPECT_EQ(failure(LogDriver::Syslog, {{"syslog-format", "xml"}}), Code::InvalidArgument);
  EXPECT_EQ(failure(LogDriver::Fluentd, {{"fluentd-address", "udp://127.0.0.1"}}), Code::InvalidArgument);
}

TEST(LogAddress, HasThePortsThatServicesUsuallyHave) {
  const auto address = [](LogDriver driver, Options options) {
    return MUST(LogAddress::of({.driver = driver, .options = std::move(options)})).str();
  };
  EXPECT_EQ(address(LogDriver::Fluentd, {}), "tcp://localhost:24224");
  EXPECT_EQ(address(LogDriver::Fluentd, {{"fluentd-address", "logs:1"}}), "tcp://logs:1");
  EXPECT_EQ(address(LogDriver::Fluentd, {{"fluentd-address", "unix:///run/f.sock"}}), "unix:///run/f.sock");
  EXPECT_EQ(address(LogDriver::Syslog, {{"syslog-address", "tcp+tls://[::1]"}}), "tcp+tls://::1:6514");
  EXPECT_EQ(address(LogDriver::Syslog, {}), "unix:///dev/log");
}

}  // namespace
}  // namespace gantry::engine
