// SPDX-License-Identifier: Apache-2.0
//
// The files of one log: the current one and the rotated ones, plain or compressed, each known again by what
// it is rather than by its name, which changes under whoever reads it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/byte_stream.h"
#include "base/error.h"
#include "base/unique_fd.h"
#include "oci/archive/compression.h"

namespace gantry::engine {

class LogFile {
 public:
  // Nothing if there is no file of that name.
  static Result<std::optional<LogFile>> open(const std::string& path);
  LogFile(LogFile&&) = default;
  LogFile& operator=(LogFile&&) = default;

  bool is_compressed() const { return is_compressed_; }
  // Bytes as they were when it was opened, compressed or not.
  std::uint64_t size() const { return size_; }
  // Whether `path` names this file, without a look at what is in it. False if it names nothing.
  bool is_named(const std::string& path) const;
  // Whether the two hold the same log, though one of them may have been compressed meanwhile. For that each
  // has to know the beginning of its text, of which there may have been little when it was opened.
  bool is_same(const LogFile& other) const;
  Result<void> read_head();

  // From `offset` of the plain text on; for a compressed file this costs reading what is before.
  Result<void> start_at(std::uint64_t offset);
  // The plain text, on from there; 0: there is no more now.
  Result<std::size_t> read(std::span<char> into);
  // Part of a plain file, wherever read() stands.
  Result<std::size_t> read_at(std::uint64_t offset, std::span<char> into) const;

 private:
  explicit LogFile(UniqueFd fd) : fd_(std::make_unique<UniqueFd>(std::move(fd))) {}
  Result<void> identify();

  std::unique_ptr<UniqueFd> fd_;  // at an address that stays: the source below borrows it
  dev_t device_ = 0;
  ino_t inode_ = 0;
  std::uint64_t size_ = 0;
  std::string head_;  // the first bytes of the text: they have a time and are like those of no other file
  bool is_compressed_ = false;
  std::uint64_t offset_ = 0;              // of a plain file
  std::unique_ptr<FdSource> compressed_;  // of a compressed one
  std::unique_ptr<oci::Decompressor> plain_;
};

// Those that there are, the current one (`path`) first. One that is renamed while they are opened is among
// them once; none is missed unless it is removed.
Result<std::vector<LogFile>> open_log_files(const std::string& path);
// Only those that are younger than `known`, the youngest first; all if `known` has gone.
Result<std::vector<LogFile>> open_log_files_after(const std::string& path, LogFile& known);

// "<path>.<index>"; `path` itself for 0.
std::string rotated_log_name(const std::string& path, unsigned index);
// The highest index that a rotated file has; 0: there is none.
Result<unsigned> last_rotated_index(const std::string& path);

}  // namespace gantry::engine
