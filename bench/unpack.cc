// SPDX-License-Identifier: Apache-2.0
//
// Times a layer coming in from a file: hashed, decompressed, hashed again and unpacked, beside a floor that
// decompresses (ISA-L, libzstd) and writes the same files, with nothing hashed and nothing checked:
//
//   bench_unpack [--directory DIR] [--rounds N] [--small-files N] [--large-mib N]
//
// DIR (default: the current directory) gets the layers and what is unpacked of them, and is left as it was.
// The two take turns. Prints a line a layer and method: least and median wall time in ms of the floor and of
// ours, the CPU time of ours, the ratio of the medians; and at the end the peak of resident memory in KiB of
// a process that unpacked each layer once, with one thread more than its own.
#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/byte_stream.h"
#include "base/file.h"
#include "base/read_ahead.h"
#include "base/thread_pool.h"
#include "image/hashed_pieces.h"
#include "image/unpack.h"
#include "oci/archive/compression.h"
#include "oci/archive/tar_writer.h"
#include "oci/image/digest.h"
#include "unpack_floor.h"

namespace {

using namespace gantry;
using bench::fail;
using bench::Planned;

template <class T>
T must(Result<T> result) {
  if (!result) fail(result.error().message());
  return detail_take_value(std::move(result));
}

// ---- the layers

struct Layer {
  std::string name;
  std::string blob;  // its file
  oci::Compression compression;
  std::vector<Planned> plan;
  oci::Digest digest, diff_id;
};

// Text about as compressible as programs and their data (a third remains).
class Filler {
 public:
  std::string next(std::size_t size) {
    std::string text;
    text.reserve(size + 16);
    while (text.size() < size) {
      state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;
      const auto word = static_cast<std::uint32_t>(state_ >> 40);
      if ((state_ >> 33 & 7) < 5)
        text.append(reinterpret_cast<const char*>(&state_), 2).append("common part ", word % 13);
      else
        text.append(reinterpret_cast<const char*>(&word), sizeof word);
    }
    text.resize(size);
    return text;
  }

 private:
  std::uint64_t state_ = 1;
};

struct HashSink final : ByteSink {
  Result<void> write(std::span<const std::byte> from) override {
    hasher.update(from);
    return {};
  }
  oci::Hasher hasher;
};

class CountingSink final : public ByteSink {
 public:
  explicit CountingSink(ByteSink& to) : to_(to) {}
  Result<void> write(std::span<const std::byte> from) override {
    hash.hasher.update(from);
    return to_.write(from);
  }
  HashSink hash;

 private:
  ByteSink& to_;
};

Layer make_layer(const std::string& directory, const std::string& name, oci::Compression compression,
                 std::size_t files, std::size_t directories, std::size_t mean_size) {
  Layer layer{.name = name, .blob = directory + "/" + name, .compression = compression};
  const UniqueFd fd = must(open_at(AT_FDCWD, layer.blob, O_WRONLY | O_CREAT | O_TRUNC, 0600));
  FdSink file(fd.get(), layer.blob);
  CountingSink blob(file);
  const auto compressor = must(oci::compress(blob, {.compression = compression, .level = 1}));
  CountingSink tar(*compressor);
  oci::TarWriter writer(tar);
  Filler filler;
  std::uint64_t offset = 0;
  const timespec time{1'700'000'000, 123'456'789};
  // ustar and pax header, and the record with the nanoseconds.
  constexpr std::uint64_t kHeaders = 3 * 512;
  for (std::size_t i = 0; i < directories; ++i) {
    const std::string path = fmt::format("usr/share/d{}", i);
    if (i == 0) {
      for (const char* above : {"usr", "usr/share"}) {
        must(writer.add({.type = oci::TarType::Directory, .path = above, .mode = 0755, .mtime = time}));
        layer.plan.push_back({.path = above, .type = Planned::Type::Directory, .offset = offset += kHeaders});
      }
    }
    must(writer.add({.type = oci::TarType::Directory, .path = path, .mode = 0755, .mtime = time}));
    layer.plan.push_back({.path = path, .type = Planned::Type::Directory, .offset = offset += kHeaders});
    const std::size_t until = (i + 1) * files / directories;
    for (std::size_t j = i * files / directories; j < until; ++j) {
      const std::size_t size = mean_size / 2 + j * 7919 % mean_size;
      const std::string contents = filler.next(size);
      const std::string file_path = fmt::format("{}/file-{}", path, j);
      must(writer.add({.path = file_path, .mode = 0644, .size = size, .mtime = time}));
      must(writer.write(bytes_of(contents)));
      layer.plan.push_back({.path = file_path, .offset = offset += kHeaders, .size = size, .mode = 0644});
      offset += (size + 511) / 512 * 512;
    }
  }
  must(writer.finish());
  must(compressor->finish());
  layer.digest = blob.hash.hasher.finish();
  layer.diff_id = tar.hash.hasher.finish();
  return layer;
}

// ---- the floor

void run_floor(const Layer& layer, int root) {
  const UniqueFd fd = must(open_at(AT_FDCWD, layer.blob, O_RDONLY));
  bench::unpack_floor(layer.plan, layer.compression, fd.get(), root);
}

// ---- ours

struct Digests {
  oci::Digest blob, diff_id;
};

Digests run_ours(const std::string& path, int root) {
  const UniqueFd fd = must(open_at(AT_FDCWD, path, O_RDONLY));
  FdSource file(fd.get(), path);
  HashSink blob_hash;
  TeeSource blob(file, blob_hash);
  const auto decompressor = must(oci::decompress(blob));
  oci::Digest diff_id;
  {
    // As layers are imported (image/layer_import.cc).
    ReadAhead ahead(*decompressor);
    ThreadPool hashers({.name = "hash", .max_threads = 1});
    image::HashedPieces tar(ahead, oci::DigestAlgorithm::Sha256, hashers);
    must(image::unpack(tar, root, {}));
    diff_id = tar.finish();
  }
  return {blob_hash.hasher.finish(), diff_id};
}

// ---- measuring

double now_ms() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double, std::milli>(now).count();
}

double cpu_ms() {
  rusage usage{};
  (void)::getrusage(RUSAGE_SELF, &usage);
  const auto ms = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_usec) / 1e3;
  };
  return ms(usage.ru_utime) + ms(usage.ru_stime);
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

struct Times {
  std::vector<double> wall, cpu;
};

template <class Run>
void measure(Times& times, const std::string& directory, Run run) {
  must(remove_tree_at(AT_FDCWD, directory));
  must(make_directories(directory, 0755));
  ::sync();  // what the turn before left to be written is not this one's
  const UniqueFd root = must(open_at(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY));
  const double cpu = cpu_ms(), wall = now_ms();
  run(root.get());
  times.wall.push_back(now_ms() - wall);
  times.cpu.push_back(cpu_ms() - cpu);
}

// In a process of its own, which begins with nothing (see main). It says its peak itself: wait4(2) would
// answer that of the process that spawned it, if that was higher.
long peak_of_unpacking(const Layer& layer, const std::string& directory) {
  must(remove_tree_at(AT_FDCWD, directory));
  must(make_directories(directory, 0755));
  std::string words[] = {"bench_unpack", "--once", layer.blob, directory};
  char* arguments[] = {words[0].data(), words[1].data(), words[2].data(), words[3].data(), nullptr};
  pid_t child = -1;
  if (::posix_spawn(&child, "/proc/self/exe", nullptr, nullptr, arguments, environ) != 0) fail("spawn");
  int status = 0;
  if (::waitpid(child, &status, 0) != child || status != 0) fail("the measured process failed");
  return std::strtol(must(read_file(directory + ".peak")).c_str(), nullptr, 10);
}

struct Arguments {
  std::string directory = ".";
  std::size_t rounds = 7, small_files = 50'000, large_mib = 1024;
};

Arguments parse(int count, char** words) {
  Arguments arguments;
  for (int i = 1; i < count; ++i) {
    const std::string word = words[i];
    if (i + 1 == count) fail("no value for " + word);
    const char* value = words[++i];
    if (word == "--directory")
      arguments.directory = value;
    else if (word == "--rounds")
      arguments.rounds = std::strtoul(value, nullptr, 10);
    else if (word == "--small-files")
      arguments.small_files = std::strtoul(value, nullptr, 10);
    else if (word == "--large-mib")
      arguments.large_mib = std::strtoul(value, nullptr, 10);
    else
      fail("unknown option " + word);
  }
  if (arguments.rounds == 0) fail("no rounds");
  return arguments;
}

}  // namespace

int main(int count, char** words) {
  if (count == 4 && std::strcmp(words[1], "--once") == 0) {
    const UniqueFd root = must(open_at(AT_FDCWD, words[3], O_RDONLY | O_DIRECTORY));
    (void)run_ours(words[2], root.get());
    const std::string status = must(read_file("/proc/self/status"));
    const std::size_t peak = status.find("VmHWM:");
    if (peak == std::string::npos) fail("no VmHWM in /proc/self/status");
    must(replace_file_at(AT_FDCWD, std::string(words[3]) + ".peak", status.substr(peak + 6, 16), 0600));
    return 0;
  }
  const Arguments arguments = parse(count, words);
  (void)::umask(022);
  std::string work = arguments.directory + "/bench_unpack.XXXXXX";
  if (::mkdtemp(work.data()) == nullptr) fail("make '" + work + "'");

  std::vector<Layer> layers;
  for (const oci::Compression method : {oci::Compression::Gzip, oci::Compression::Zstd}) {
    const std::string suffix = method == oci::Compression::Gzip ? " gzip" : " zstd";
    layers.push_back(make_layer(work, fmt::format("{} small files", arguments.small_files) + suffix, method,
                                arguments.small_files, std::max<std::size_t>(arguments.small_files / 20, 1),
                                4096));
    layers.push_back(make_layer(work, fmt::format("{} MiB", arguments.large_mib) + suffix, method,
                                std::max<std::size_t>(arguments.large_mib / 16, 1), 4, 16 << 20));
  }
  std::printf("%-26s %24s %24s\n", "", "floor", "ours");
  std::printf("%-26s %8s%8s%8s %8s%8s%8s %6s %8s\n", "", "least", "median", "CPU", "least", "median", "CPU",
              "ratio", "RSS");
  for (const Layer& layer : layers) {
    Times floor, ours;
    for (std::size_t round = 0; round < arguments.rounds; ++round) {
      measure(floor, work + "/floor", [&](int root) { run_floor(layer, root); });
      measure(ours, work + "/ours", [&](int root) {
        const Digests digests = run_ours(layer.blob, root);
        if (digests.blob != layer.digest || digests.diff_id != layer.diff_id) fail("wrong digest");
      });
    }
    const long peak = peak_of_unpacking(layer, work + "/ours");
    const auto least = [](const std::vector<double>& values) {
      return *std::min_element(values.begin(), values.end());
    };
    std::printf("%-26s %8.0f%8.0f%8.0f %8.0f%8.0f%8.0f %6.2f %8ld\n", layer.name.c_str(), least(floor.wall),
                median(floor.wall), median(floor.cpu), least(ours.wall), median(ours.wall), median(ours.cpu),
                median(ours.wall) / median(floor.wall), peak);
    std::fflush(stdout);
  }
  must(remove_tree_at(AT_FDCWD, work));
  return 0;
}
