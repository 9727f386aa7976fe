// SPDX-License-Identifier: Apache-2.0
#include "kube/http/watch_frames.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

#include "kube/protobuf/envelope.h"
#include "kube/schema/catalog.h"

namespace gantry::kube {
namespace {

constexpr std::size_t kLengthBytes = 4;  // in front of an event in protocol buffers

std::string_view word_of(WatchEvent::Type type) {
  switch (type) {
    case WatchEvent::Type::Added: return "ADDED";
    case WatchEvent::Type::Modified: return "MODIFIED";
    case WatchEvent::Type::Deleted: return "DELETED";
    case WatchEvent::Type::Bookmark: return "BOOKMARK";
    case WatchEvent::Type::Error: return "ERROR";
  }
  return {};
}

// Of an event: a Status is whole in every form that has it.
AnswerForm form_of(const AnswerForm& form, WatchEvent::Type type) {
  AnswerForm own = form;
  if (type != WatchEvent::Type::Error) return own;
  own.wanted.shape = Shape::Whole;
  own.type = Catalog::built_in().find_type("io.k8s.apimachinery.pkg.apis.meta.v1.Status");
  return own;
}

// A message has a length of its own.
SharedBytes message_of(const std::vector<SharedBytes>& pieces, Encoding encoding) {
  std::string message;
  for (const SharedBytes& piece : pieces) message += piece.view();
  return SharedBytes(std::string_view(message).substr(encoding == Encoding::Protobuf ? kLengthBytes : 0));
}

}  // namespace

http::FrameSource::State WatchFrames::take(std::vector<SharedBytes>& frames, std::size_t bytes) {
  std::vector<WatchEvent> events;
  const WatchStream::State state = stream_->take(events, bytes);
  for (const WatchEvent& event : events)
    if (!add(frames, event)) return State::Cut;
  return state == WatchStream::State::Open ? State::Open : State::End;
}

Result<std::vector<SharedBytes>> frames_of(const WatchEvent& event, const AnswerForm& form,
                                           bool with_columns) {
  const bool is_protobuf = form.wanted.encoding == Encoding::Protobuf;
  SharedBytes object = event.object;
  if (is_protobuf || form.wanted.shape != Shape::Whole)
    object = TRY(reshape(event.object, form_of(form, event.type), with_columns));
  if (is_protobuf)
    return std::vector<SharedBytes>{SharedBytes(protobuf::watch_frame(word_of(event.type), object.view()))};
  return std::vector<SharedBytes>{frame_head(event.type), std::move(object), frame_tail()};
}

// False for an object that has no such form: the client lists again, and is told why there.
bool WatchFrames::add(std::vector<SharedBytes>& frames, const WatchEvent& event) {
  auto made = frames_of(event, form_, !has_told_columns_);
  if (!made) return false;
  has_told_columns_ = true;
  if (events_ == Events::AsMessages)
    frames.push_back(message_of(*made, form_.wanted.encoding));
  else
    std::ranges::move(*made, std::back_inserter(frames));
  return true;
}

}  // namespace gantry::kube
