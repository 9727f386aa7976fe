// SPDX-License-Identifier: Apache-2.0
//
//   bench_store DIR
//
// What the image store costs without a network: pushes of small and of larger blobs by 1 and 16 threads (each
// acknowledged one is on disk), leases, and a listing of a thousand images. Prints one figure a line. DIR is
// made, and removed at the end; it should be on the file system that is asked about.
#include <fcntl.h>

#include <chrono>
#include <cstdio>
#include <ctime>
#include <thread>

#include "base/file.h"
#include "base/random.h"
#include "image/repositories.h"
#include "testing/must.h"

namespace gantry::image {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

void push(ImageStore& store, std::string bytes) {
  bytes += random_hex(16);
  Ingest ingest = MUST(store.content().ingest());
  MUST(ingest.write(bytes_of(bytes)));
  MUST(store.repositories().commit_blob("bench", std::move(ingest), {.size = bytes.size()}));
}

void pushes(ImageStore& store, std::size_t size, int threads) {
  const int each = size > kSmallBlob ? 200 / threads + 10 : 2000 / threads + 10;
  const std::string bytes(size, 'x');
  const auto start = Clock::now();
  std::vector<std::thread> pushing;
  for (int t = 0; t < threads; ++t)
    pushing.emplace_back([&] {
      for (int i = 0; i < each; ++i) push(store, bytes);
    });
  for (std::thread& thread : pushing) thread.join();
  const double seconds = seconds_since(start);
  std::printf("push of %zu bytes, %d threads: %.0f/s, %.1f MB/s\n", size, threads, threads * each / seconds,
              static_cast<double>(size) * threads * each / seconds / 1e6);
}

void leases(ImageStore& store) {
  constexpr int kCount = 2000;
  const auto start = Clock::now();
  for (int i = 0; i < kCount; ++i) {
    Lease lease = MUST(store.lease("bench"));
    (void)MUST(lease.hold(oci::digest_of("x")));
  }
  std::printf("lease, hold, release: %.0f us\n", seconds_since(start) / kCount * 1e6);
}

void listing(const std::string& root) {
  {
    ImageStore store = MUST(ImageStore::open(root));
    Lease lease = MUST(store.lease("bench"));
    for (int i = 0; i < 1000; ++i) {
      const Digest manifest = MUST(lease.add(fmt::format("manifest {}", i)));
      const std::string name = fmt::format("docker.io/library/image{}:latest", i);
      MUST(
          store.put_image({.id = oci::digest_of(name),
                           .manifest = manifest,
                           .platform = "linux/amd64",
                           .created = i,
                           .labels = {{"org.opencontainers.image.version", "1"}, {"maintainer", "somebody"}}},
                          std::array{NewName{name, manifest}}));
    }
  }
  const auto opening = Clock::now();
  ImageStore store = MUST(ImageStore::open(root));
  const double open = seconds_since(opening);
  const auto first = Clock::now();
  if (MUST(store.images()).size() != 1000) std::abort();
  const double cold = seconds_since(first);
  const auto again = Clock::now();
  const std::clock_t processor = std::clock();
  for (int i = 0; i < 20; ++i) (void)MUST(store.images());
  const double busy = static_cast<double>(std::clock() - processor) / CLOCKS_PER_SEC / 20;
  std::printf("listing of 1000 images: %.2f ms (%.2f of the processor; first %.2f, opening the store %.2f)\n",
              seconds_since(again) / 20 * 1e3, busy * 1e3, cold * 1e3, open * 1e3);
}

}  // namespace
}  // namespace gantry::image

int main(int argc, char** argv) {
  using namespace gantry;
  using namespace gantry::image;
  if (argc != 2) {
    std::fprintf(stderr, "usage: bench_store DIR\n");
    return 2;
  }
  const std::string root = argv[1];
  {
    ImageStore store = MUST(ImageStore::open(root));
    for (const std::size_t size : {2'000U, 20'000U, 200'000U, 5'000'000U})
      for (const int threads : {1, 16}) pushes(store, size, threads);
    leases(store);
    const auto start = Clock::now();
    const Collected collected = MUST(store.collect({.pending_blobs = std::chrono::seconds(-1)}));
    std::printf("collection: %.0f blobs/s\n", static_cast<double>(collected.blobs) / seconds_since(start));
  }
  listing(root + "/listing");
  MUST(remove_tree_at(AT_FDCWD, root));
  return 0;
}
