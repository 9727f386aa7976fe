// SPDX-License-Identifier: Apache-2.0
#include "kube/http/watch_frames.h"

#include <string_view>

#include "kube/protobuf/envelope.h"
#include "kube/schema/catalog.h"

namespace gantry::kube {
namespace {

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

}  // namespace

http::FrameSource::State WatchFrames::take(std::vector<SharedBytes>& frames, std::size_t bytes) {
  std::vector<WatchEvent> events;
  const WatchStream::State state = stream_->take(events, bytes);
  for (const WatchEvent& event : events)
    if (!add(frames, event)) return State::Cut;
  return state == WatchStream::State::Open ? State::Open : State::End;
}

// False for an object that has no such form: the client lists again, and is told why there.
bool WatchFrames::add(std::vector<SharedBytes>& frames, const WatchEvent& event) {
  const bool is_plain = form_.wanted.encoding != Encoding::Protobuf && form_.wanted.shape == Shape::Whole;
  SharedBytes object = event.object;
  if (!is_plain) {
    auto reshaped = reshape(event.object, form_of(form_, event.type), !has_told_columns_);
    if (!reshaped) return false;
    has_told_columns_ = true;
    object = std::move(*reshaped);
  }
  if (form_.wanted.encoding == Encoding::Protobuf) {
    frames.emplace_back(protobuf::watch_frame(word_of(event.type), object.view()));
    return true;
  }
  frames.push_back(frame_head(event.type));
  frames.push_back(std::move(object));
  frames.push_back(frame_tail());
  return true;
}

}  // namespace gantry::kube
