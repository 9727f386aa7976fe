// SPDX-License-Identifier: Apache-2.0
#include "engine/engine.h"

#include <gtest/gtest.h>

#include <string>

#include "engine/testing_host.h"

namespace gantry::engine {
namespace {

TEST(Engine, runs_a_container_and_says_how_it_ended) {
  NEEDS_ROOT();
  on_a_host([] {
    TestHost host(LogLevel::Debug);
    const std::string id = host.run({"sh", "-c", "echo hello; exit 7"});
    EXPECT_EQ(host.wait(id), 7);
    EXPECT_EQ(host.record(id)->state.status, Status::Exited);
    EXPECT_EQ(host.record(id)->state.exit_code, 7);
    EXPECT_EQ(host.log_of(id), "hello\n");
    MUST(host->remove(id));
    EXPECT_EQ(host->find(id).error().code(), Code::NotFound);
  });
}

}  // namespace
}  // namespace gantry::engine
