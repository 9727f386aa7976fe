// SPDX-License-Identifier: Apache-2.0
//
// Writes a tar archive: ustar, with pax headers for what that cannot say (long names, large numbers,
// fractions of seconds, extended attributes, sparse files). Equal entries make equal bytes, whoever writes
// them, when and where.
//
//   TarWriter writer(sink);
//   TRY(writer.add({.path = "etc/motd", .mode = 0644, .size = text.size()}));
//   TRY(writer.write(bytes_of(text)));
//   TRY(writer.finish());
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/byte_stream.h"
#include "oci/archive/tar_entry.h"

namespace gantry::oci {

class TarWriter final : public ByteSink {
 public:
  explicit TarWriter(ByteSink& sink);
  TarWriter(const TarWriter&) = delete;
  TarWriter& operator=(const TarWriter&) = delete;

  // Begins the next entry. All contents of the one before have to be written.
  Result<void> add(const TarEntry& entry);
  // Contents of the entry; of a sparse file those of its segments, one after the other.
  Result<void> write(std::span<const std::byte> contents) override;
  // Ends the archive. Without it the archive is cut.
  Result<void> finish();

 private:
  Result<void> put(std::span<const std::byte> bytes);
  Result<void> pad();
  Result<void> flush();

  ByteSink& sink_;
  std::vector<std::byte> buffer_;  // what was not handed on yet
  std::string path_;               // of the entry, for errors
  std::uint64_t left_ = 0;         // bytes of contents to come
  std::size_t padding_ = 0;        // and, after them, up to the end of a block
};

}  // namespace gantry::oci
