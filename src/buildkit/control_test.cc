// SPDX-License-Identifier: Apache-2.0
//
// The history of builds, as clients newer than the tests' end-to-end ones ask for it.
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <string>
#include <vector>

#include "buildkit/buildkit.h"
#include "buildkit/message.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::buildkit {
namespace {

using testing::TempDir;

class Control : public ::testing::Test {
 protected:
  Control() : buildkit_({.kept = directory_.path(), .run = directory_.path(), .version = "0"}) {
    std::array<int, 2> fds{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()), 0);
    MUST(buildkit_.serve(MUST(http::Stream::over(UniqueFd(fds[0])))));
    client_ = MUST(http::Http2Connection::connect(MUST(http::Stream::over(UniqueFd(fds[1])))));
  }

  template <class Request>
  Result<std::string> call(const char* method, const Request& request) {
    return grpc::call_unary(*client_, std::string("/moby.buildkit.v1.Control/") + method,
                            request.SerializeAsString());
  }

  // One that fails at once: nothing is there to build it.
  void build(const std::string& ref) {
    pb::SolveRequest request;
    request.set_ref(ref);
    request.set_frontend("none");
    EXPECT_FALSE(call("Solve", request));
  }

  std::vector<pb::BuildHistoryRecord> history() {
    pb::BuildHistoryRequest request;
    request.set_early_exit(true);
    auto listening = MUST(grpc::ClientCall::begin(*client_, "/moby.buildkit.v1.Control/ListenBuildHistory"));
    MUST(listening.write(request.SerializeAsString()));
    MUST(listening.finish_writing());
    std::vector<pb::BuildHistoryRecord> records;
    while (const auto message = MUST(listening.read())) {
      const auto event = MUST(parse<pb::BuildHistoryEvent>(*message, "event"));
      EXPECT_EQ(event.type(), pb::BuildHistoryEvent::COMPLETE);
      records.push_back(event.record());
    }
    return records;
  }

  const TempDir directory_;
  BuildKit buildkit_;
  std::unique_ptr<http::Http2Connection> client_;
};

TEST_F(Control, RemembersBuildsThatEndedTheLatestFirst) {
  build("one");
  build("two");
  const auto records = history();
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].ref(), "two");
  EXPECT_EQ(records[1].ref(), "one");
  EXPECT_EQ(records[0].error().message(), "there is no front end 'none'");
  EXPECT_TRUE(records[0].has_completed_at());
}

TEST_F(Control, ForgetsABuildThatIsRemoved) {
  build("one");
  pb::UpdateBuildHistoryRequest request;
  request.set_ref("one");
  request.set_delete_(true);
  MUST(call("UpdateBuildHistory", request));
  EXPECT_TRUE(history().empty());
  EXPECT_EQ(call("UpdateBuildHistory", request).error().code(), Code::NotFound);
}

TEST_F(Control, TheLogOfABuildThatIsOverEnds) {
  build("one");
  pb::StatusRequest request;
  request.set_ref("one");
  auto following = MUST(grpc::ClientCall::begin(*client_, "/moby.buildkit.v1.Control/Status"));
  MUST(following.write(request.SerializeAsString()));
  MUST(following.finish_writing());
  EXPECT_EQ(MUST(following.read()), std::nullopt);
}

TEST_F(Control, GraphsAndCachesOfOtherKindsAreRefused) {
  pb::SolveRequest graph;
  graph.set_ref("graph");
  graph.mutable_definition()->add_def();
  EXPECT_EQ(call("Solve", graph).error().message(),
            "graphs of operations (LLB) are not supported, only Dockerfiles");
  pb::SolveRequest cached;
  cached.set_ref("cached");
  cached.mutable_cache()->add_exports()->set_type("registry");
  EXPECT_NE(call("Solve", cached).error().message().find("type=inline"), std::string::npos);
  EXPECT_EQ(history().size(), 2u);
}

}  // namespace
}  // namespace gantry::buildkit
