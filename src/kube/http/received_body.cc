// SPDX-License-Identifier: Apache-2.0
#include "kube/http/received_body.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>

#include "kube/schema/decode.h"

namespace gantry::kube {
namespace {

// Most bodies are short and cost no large buffer; what fills one gets a larger one.
constexpr std::size_t kFirstBuffer = 8 << 10, kLargestBuffer = 256 << 10;  // bytes

}  // namespace

Answer<void> ReceivedBody::receive(BodyRoom& room, std::string_view user) {
  if (origin_.body_length() == std::uint64_t{0}) return {};
  place_.emplace(TRY(room.enter(user)));
  is_whole_ = false;
  std::size_t size = kFirstBuffer;
  auto buffer = std::make_unique_for_overwrite<std::byte[]>(size);
  while (bytes_.size() <= kObjectLimits.bytes) {
    const auto got = origin_.body().read({buffer.get(), size});
    if (!got) return bad_request(got.error().message());
    is_whole_ = *got == 0;
    if (is_whole_) break;
    TRY(place_->add(*got));
    bytes_.append(text_of(std::span(buffer.get(), *got)));
    if (*got < size || size >= kLargestBuffer) continue;
    size *= 2;
    buffer = std::make_unique_for_overwrite<std::byte[]>(size);
  }
  if (is_whole_) place_->arrive();
  received_.emplace(origin_.head(), origin_.peer(), *this, is_whole_ ? bytes_.size() : origin_.body_length());
  return {};
}

Result<std::size_t> ReceivedBody::read(std::span<std::byte> into) {
  const std::string_view left = std::string_view(bytes_).substr(read_);
  if (left.empty()) return is_whole_ ? 0 : origin_.body().read(into);
  const std::size_t size = std::min(left.size(), into.size());
  std::ranges::copy(bytes_of(left.substr(0, size)), into.begin());
  read_ += size;
  return size;
}

}  // namespace gantry::kube
