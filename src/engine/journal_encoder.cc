// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <string_view>
#include <utility>

#include "engine/log_encoder.h"

namespace gantry::engine {
namespace {

// Names of fields: capitals, digits and underscores.
std::string field_name(std::string_view name) {
  std::string field;
  for (const char c : name) {
    if (c >= 'a' && c <= 'z')
      field += static_cast<char>(c - 'a' + 'A');
    else if ((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9' && !field.empty()))
      field += c;
    else if (!field.empty())
      field += '_';  // the first one would be the journal's own
  }
  return field;
}

// A value with newlines is written with its length (systemd, "Native Journal Protocol").
void put_field(std::string& out, std::string_view name, std::string_view value) {
  out += name;
  if (value.find('\n') == std::string_view::npos) {
    out += '=';
  } else {
    out += '\n';
    for (unsigned byte = 0; byte < 8; ++byte) out += static_cast<char>(value.size() >> (8 * byte));
  }
  out += value;
  out += '\n';
}

class JournalEncoder final : public LogEncoder {
 public:
  JournalEncoder(std::map<std::string, std::string> attributes, LogSource source)
      : attributes_(std::move(attributes)), source_(std::move(source)) {}

  std::string encode(const LogRecord& record) const override {
    std::string out;
    put_field(out, "MESSAGE", record.text);
    put_field(out, "PRIORITY", record.stream == Stream::Stderr ? "3" : "6");
    put_field(out, "CONTAINER_ID", std::string_view(source_.container_id).substr(0, 12));
    put_field(out, "CONTAINER_ID_FULL", source_.container_id);
    put_field(out, "CONTAINER_NAME", source_.container_name);
    put_field(out, "CONTAINER_TAG", source_.tag);
    put_field(out, "SYSLOG_IDENTIFIER", source_.tag);
    put_field(out, "IMAGE_NAME", source_.image_name);
    put_field(out, "SYSLOG_TIMESTAMP", record.time);
    if (record.is_partial) put_field(out, "CONTAINER_PARTIAL_MESSAGE", "true");
    for (const auto& [name, value] : attributes_)
      if (const std::string field = field_name(name); !field.empty()) put_field(out, field, value);
    return out;
  }

 private:
  const std::map<std::string, std::string> attributes_;
  const LogSource source_;
};

}  // namespace

std::unique_ptr<LogEncoder> make_journal_encoder(const LogSettings& settings, const LogSource& source) {
  return std::make_unique<JournalEncoder>(settings.attributes, source);
}

}  // namespace gantry::engine
