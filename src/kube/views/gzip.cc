// SPDX-License-Identifier: Apache-2.0
#include "kube/views/gzip.h"

#include <libdeflate.h>

#include <cstring>
#include <memory>

namespace gantry::kube::views {
namespace {

constexpr int kLevel = 6;  // of 12

template <class T, void (*Free)(T*)>
struct Freer {
  void operator()(T* pointer) const { Free(pointer); }
};
using Compressor =
    std::unique_ptr<libdeflate_compressor, Freer<libdeflate_compressor, ::libdeflate_free_compressor>>;
using Decompressor =
    std::unique_ptr<libdeflate_decompressor, Freer<libdeflate_decompressor, ::libdeflate_free_decompressor>>;

// The size that the last four bytes tell (RFC 1952), modulo 4 GiB.
std::size_t told_size(std::string_view bytes) {
  std::uint32_t size = 0;
  if (bytes.size() >= sizeof size) std::memcpy(&size, bytes.data() + bytes.size() - sizeof size, sizeof size);
  return size;
}

}  // namespace

std::string gzip(std::string_view bytes) {
  const Compressor compressor(::libdeflate_alloc_compressor(kLevel));
  std::string out(::libdeflate_gzip_compress_bound(compressor.get(), bytes.size()), '\0');
  out.resize(
      ::libdeflate_gzip_compress(compressor.get(), bytes.data(), bytes.size(), out.data(), out.size()));
  return out;
}

Result<std::string> gunzip(std::string_view bytes, std::size_t limit) {
  if (told_size(bytes) > limit) return error(Code::DataLoss, "decompress gzip: more than {} bytes", limit);
  const Decompressor decompressor(::libdeflate_alloc_decompressor());
  std::string out(told_size(bytes), '\0');
  if (::libdeflate_gzip_decompress(decompressor.get(), bytes.data(), bytes.size(), out.data(), out.size(),
                                   nullptr) != LIBDEFLATE_SUCCESS)
    return error(Code::DataLoss, "decompress gzip: the data is damaged");
  return out;
}

}  // namespace gantry::kube::views
