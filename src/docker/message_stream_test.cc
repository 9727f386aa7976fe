// SPDX-License-Identifier: Apache-2.0
#include "docker/message_stream.h"

#include <gtest/gtest.h>

#include "docker/test_answer.h"
#include "docker/transfer_progress.h"
#include "oci/image/media_type.h"

namespace gantry::docker {
namespace {

TEST(MessageStream, is_an_object_a_line) {
  const Answer answer = answer_of([](http::ResponseWriter& response) {
    MessageStream messages(response);
    messages.status("Pulling from library/busybox", "latest");
    messages.status("Digest: sha256:0");
    messages.progress("Downloading", "0123", 5, 10);
    messages.stream("hello\n");
    messages.aux(R"({"ID":"x"})");
    return messages.finish({});
  });
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body,
            "{\"status\":\"Pulling from library/busybox\",\"progressDetail\":{},\"id\":\"latest\"}\r\n"
            "{\"status\":\"Digest: sha256:0\"}\r\n"
            "{\"status\":\"Downloading\",\"progressDetail\":{\"current\":5,\"total\":10},\"progress\":"
            "\"[=========================>                        ]       5B/10B\",\"id\":\"0123\"}\r\n"
            "{\"stream\":\"hello\\n\"}\r\n"
            "{\"aux\":{\"ID\":\"x\"}}\r\n");
}

TEST(MessageStream, leaves_a_failure_before_the_first_message_to_the_status) {
  const Answer answer = answer_of([](http::ResponseWriter& response) {
    MessageStream messages(response);
    return messages.finish(error(Code::NotFound, "no such thing"));
  });
  EXPECT_EQ(answer.status, 404);
}

TEST(MessageStream, tells_a_later_failure_as_its_last_message) {
  const Answer answer = answer_of([](http::ResponseWriter& response) {
    MessageStream messages(response);
    messages.status("begun");
    return messages.finish(error(Code::NotFound, "no such thing"));
  });
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body,
            "{\"status\":\"begun\"}\r\n"
            "{\"errorDetail\":{\"message\":\"no such thing\"},\"error\":\"no such thing\"}\r\n");
}

TEST(MessageStream, without_a_message_is_an_empty_answer) {
  const Answer answer =
      answer_of([](http::ResponseWriter& response) { return MessageStream(response).finish({}); });
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "");
}

TEST(ProgressBar, is_as_long_as_what_is_done) {
  EXPECT_EQ(progress_bar(0, 100), "[>                                                 ]       0B/100B");
  EXPECT_EQ(progress_bar(100, 100), "[==================================================]     100B/100B");
  EXPECT_EQ(progress_bar(200, 100), "[==================================================]     200B/100B");
  EXPECT_EQ(progress_bar(1500, 0), "1.5kB");
}

// ---- Transfers

std::string told(const std::function<void(TransferProgress&)>& events) {
  const Answer answer = answer_of([&](http::ResponseWriter& response) {
    MessageStream messages(response);
    TransferProgress progress(messages, Direction::Pull, {"Pulling from x", "1"});
    events(progress);
    return messages.finish({});
  });
  std::string lines;
  for (const json::Document& message : messages_in(answer.body))
    lines += fmt::format("{} {}\n", message.root().find("status")->as_string(),
                         message.root().find("id") ? message.root().find("id")->as_string() : "-");
  return lines;
}

oci::Descriptor layer() { return oci::describe(oci::media_type::kOciLayer, "bytes"); }

TEST(TransferProgress, tells_each_change_of_a_layer_once) {
  const oci::Descriptor blob = layer();
  const std::string id = blob.digest.hex().substr(0, 12);
  using enum image::TransferState;
  EXPECT_EQ(told([&](TransferProgress& progress) {
              progress.on_blob({.blob = blob, .state = Waiting});
              progress.on_blob({.blob = blob, .state = Waiting});
              progress.on_blob({.blob = blob, .state = Downloading, .done = 1, .total = 5});
              progress.on_blob({.blob = blob, .state = Unpacking});
              progress.on_blob({.blob = blob, .state = Done});
            }),
            fmt::format("Pulling from x 1\nPulling fs layer {0}\nDownloading {0}\nDownload complete {0}\n"
                        "Extracting {0}\nPull complete {0}\n",
                        id));
}

TEST(TransferProgress, keeps_notes_back_until_it_has_begun) {
  EXPECT_EQ(told([](TransferProgress& progress) { progress.on_note("a mirror has failed"); }), "");
  EXPECT_EQ(told([](TransferProgress& progress) {
              progress.on_note("a mirror has failed");
              progress.begin();
              progress.on_note("another");
            }),
            "Pulling from x 1\na mirror has failed -\nanother -\n");
}

}  // namespace
}  // namespace gantry::docker
