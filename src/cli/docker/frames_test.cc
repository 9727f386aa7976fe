// SPDX-License-Identifier: Apache-2.0
#include "cli/docker/frames.h"

#include <gtest/gtest.h>

namespace gantry::cli::docker {
namespace {

using namespace std::string_literals;

const std::string kStream =
    "\1\0\0\0\0\0\0\3out"s + "\2\0\0\0\0\0\0\3err"s + "\1\0\0\0\0\0\0\0"s + "\1\0\0\0\0\0\0\2!\n"s;

TEST(Frames, come_apart_however_they_arrive) {
  for (std::size_t piece = 1; piece <= kStream.size(); ++piece) {
    StringSink out, err;
    FrameSplitter splitter(true, out, err);
    for (std::size_t at = 0; at < kStream.size(); at += piece)
      ASSERT_TRUE(splitter.write(bytes_of(std::string_view(kStream).substr(at, piece))));
    EXPECT_EQ(out.text(), "out!\n");
    EXPECT_EQ(err.text(), "err");
  }
}

TEST(Frames, of_a_terminal_there_are_none) {
  StringSink out, err;
  FrameSplitter splitter(false, out, err);
  ASSERT_TRUE(splitter.write(bytes_of(kStream)));
  EXPECT_EQ(out.text(), kStream);
}

TEST(Frames, of_an_unknown_stream_are_refused) {
  StringSink out, err;
  FrameSplitter splitter(true, out, err);
  EXPECT_FALSE(splitter.write(bytes_of("HTTP/1.1")));
}

}  // namespace
}  // namespace gantry::cli::docker
