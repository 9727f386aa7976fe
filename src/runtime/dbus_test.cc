// SPDX-License-Identifier: Apache-2.0
#include "runtime/dbus.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <bit>
#include <string_view>

#include "testing/must.h"

namespace gantry::runtime::dbus {
namespace {

using std::string_view_literals::operator""sv;

std::string hex(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) {
    constexpr char kDigits[] = "0123456789abcdef";
    text += kDigits[static_cast<unsigned char>(byte) >> 4];
    text += kDigits[static_cast<unsigned char>(byte) & 15];
  }
  return text;
}

class LittleEndian : public ::testing::Test {
 protected:
  void SetUp() override {
    if (std::endian::native != std::endian::little)
      GTEST_SKIP() << "the bytes are those of a little-endian machine";
  }
};
using Bytes = LittleEndian;

TEST_F(Bytes, values_are_aligned_and_arrays_tell_their_length) {
  Encoder e;
  e.byte(7).string("foo").uint64(0x0102);
  // y 07, padding to 4, length 3, "foo" NUL, padding to 8 (12 -> 16), t
  EXPECT_EQ(hex(std::move(e).text()), "0700000003000000666f6f00000000000201000000000000");
}

TEST_F(Bytes, the_padding_before_an_arrays_first_element_does_not_count) {
  Encoder e;
  e.properties({{"A", true}});
  // length (of what follows the padding), padding, "A", signature "b", padding, 1
  EXPECT_EQ(hex(std::move(e).text()),
            "10000000"
            "00000000"
            "010000004100"
            "016200"
            "000000"
            "01000000");
  Encoder empty;
  empty.uint32(1).properties({});
  EXPECT_EQ(hex(std::move(empty).text()), "0100000000000000");
  Encoder shifted;
  shifted.uint32(1).uint32(2).properties({});
  EXPECT_EQ(hex(std::move(shifted).text()), "01000000020000000000000000000000");
}

TEST_F(Bytes, variants_carry_their_type) {
  Encoder e;
  e.variant(std::vector<std::uint8_t>{7, 2});
  EXPECT_EQ(hex(std::move(e).text()), "02617900020000000702");
  Encoder pids;
  pids.variant(std::vector<std::uint32_t>{5});
  EXPECT_EQ(hex(std::move(pids).text()), "026175000400000005000000");
  Encoder pairs;
  pairs.variant(StringPairs{{"a", "r"}});
  // signature (7 bytes), padding, length 14, padding to 8 is none, "a", padding, "r"
  EXPECT_EQ(hex(std::move(pairs).text()),
            "0561287373290000"
            "0e000000"
            "00000000"
            "0100000061000000"
            "010000007200");
}

// The Hello of every client, as the reference implementation sends it.
TEST_F(Bytes, a_call_is_what_others_send) {
  const std::string bytes = encode({.serial = 1,
                                    .path = "/org/freedesktop/DBus",
                                    .interface = "org.freedesktop.DBus",
                                    .member = "Hello",
                                    .destination = "org.freedesktop.DBus"});
  EXPECT_EQ(bytes,
            "l\1\0\1\0\0\0\0\1\0\0\0\x6d\0\0\0"
            "\1\1o\0\x15\0\0\0/org/freedesktop/DBus\0\0\0"
            "\2\1s\0\x14\0\0\0org.freedesktop.DBus\0\0\0\0"
            "\3\1s\0\5\0\0\0Hello\0\0\0"
            "\6\1s\0\x14\0\0\0org.freedesktop.DBus\0\0\0\0"sv);
}

TEST(Message, comes_back_as_it_was_sent) {
  Encoder body;
  body.string("x").uint32(4);
  const Message sent{.type = MessageType::Signal,
                     .serial = 9,
                     .path = "/a",
                     .interface = "b.c",
                     .member = "D",
                     .signature = "su",
                     .body = std::move(body).text()};
  const std::string bytes = encode(sent);
  EXPECT_EQ(MUST(message_size(bytes)), bytes.size());
  const Message back = MUST(decode(bytes));
  EXPECT_EQ(back.type, MessageType::Signal);
  EXPECT_EQ(back.member, "D");
  EXPECT_EQ(back.signature, "su");
  Decoder decoder(back.body);
  EXPECT_EQ(MUST(decoder.string()), "x");
  EXPECT_EQ(MUST(decoder.uint32()), 4U);
  EXPECT_FALSE(decoder.uint32());
}

TEST(Message, cut_anywhere_it_is_an_error) {
  const std::string bytes = encode({.serial = 1, .path = "/a", .member = "D", .body = "1234"});
  for (std::size_t size = 0; size < bytes.size(); ++size) EXPECT_FALSE(decode(bytes.substr(0, size))) << size;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    std::string broken = bytes;
    broken[at] = '\xff';
    (void)decode(broken);  // it may be right or wrong, but it comes to an end inside its bytes
  }
}

TEST(Connection, a_refused_login_says_what_the_other_side_said) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  UniqueFd ours(ends[0]), theirs(ends[1]);
  ASSERT_EQ(::send(theirs.get(), "REJECTED EXTERNAL\r\n", 19, 0), 19);
  const auto connection = Connection::over(std::move(ours), Peer::Direct);
  ASSERT_FALSE(connection);
  EXPECT_EQ(connection.error().message(), "log in to D-Bus: the other side answers 'REJECTED EXTERNAL'");
  char sent[64];
  const ssize_t size = ::recv(theirs.get(), sent, sizeof sent, 0);
  EXPECT_EQ(std::string_view(sent, static_cast<std::size_t>(size)), "\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n"sv);
}

TEST(Connection, that_closes_is_unavailable) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  UniqueFd ours(ends[0]);
  (void)::close(ends[1]);
  EXPECT_FALSE(Connection::over(std::move(ours), Peer::Direct));
}

TEST(Address, names_a_unix_socket) {
  EXPECT_EQ(MUST(socket_of_address("unix:path=/run/user/1000/bus,guid=12")), "/run/user/1000/bus");
  EXPECT_EQ(MUST(socket_of_address("tcp:host=x;unix:guid=1,path=/a%20b")), "/a b");
  EXPECT_EQ(MUST(socket_of_address("unix:abstract=/tmp/x")), "\0/tmp/x"sv);
  EXPECT_FALSE(socket_of_address("tcp:host=x"));
  EXPECT_FALSE(socket_of_address(""));
}

}  // namespace
}  // namespace gantry::runtime::dbus
