// SPDX-License-Identifier: Apache-2.0
//
// What ImageStore::collect() does, step by step. Every transaction is short, so that others get in between.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"
#include "database/database.h"
#include "image/content_store.h"
#include "image/image_store.h"

namespace gantry::image {

class Collector {
 public:
  // `root` is the store's directory. All outlive the collector.
  Collector(database::Database& database, const ContentStore& content, int root)
      : database_(database), content_(content), root_(root) {}

  Result<Collected> run(const CollectOptions& options);

 private:
  Result<void> end_leases();
  Result<void> give_up_pending(std::chrono::nanoseconds age);
  Result<void> free_candidates();
  Result<void> clear_ingests(std::chrono::nanoseconds age);
  Result<void> clear_ingest(const std::string& name, std::chrono::nanoseconds age);
  Result<bool> finish_commit(std::uint64_t inode);
  Result<void> finish_removals();
  Result<void> shrink();

  database::Database& database_;
  const ContentStore& content_;
  int root_;
  Collected collected_;
};

// In a transaction: whether something holds the blob.
Result<bool> is_held(database::Connection& connection, std::string_view digest);

}  // namespace gantry::image
