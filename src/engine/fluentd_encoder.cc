// SPDX-License-Identifier: Apache-2.0
//
// Fluentd's forward protocol, version 1, in its mode for single messages: [tag, time, record, options] in
// MessagePack (https://github.com/fluent/fluentd/wiki/Forward-Protocol-Specification-v1).
#include <cstdint>
#include <map>
#include <string_view>
#include <utility>

#include "base/timestamp.h"
#include "engine/log_encoder.h"

namespace gantry::engine {
namespace {

// As much of MessagePack as events have.
class MessagePack {
 public:
  void array(std::size_t size) { header(size, 15, 0x90, 0, 0xdc, 0xdd); }
  void map(std::size_t size) { header(size, 15, 0x80, 0, 0xde, 0xdf); }
  void string(std::string_view text) {
    header(text.size(), 31, 0xa0, 0xd9, 0xda, 0xdb);
    out_ += text;
  }
  void unsigned64(std::uint64_t number) {
    byte(0xcf);
    big_endian(number, 8);
  }
  // Fluentd's EventTime: an extension of type 0.
  void event_time(std::uint64_t seconds, std::uint64_t nanoseconds) {
    byte(0xd7);
    byte(0);
    big_endian(seconds, 4);
    big_endian(nanoseconds, 4);
  }
  std::string text() && { return std::move(out_); }

 private:
  void byte(unsigned value) { out_ += static_cast<char>(value); }
  void big_endian(std::uint64_t number, unsigned bytes) {
    while (bytes-- > 0) byte(static_cast<std::uint8_t>(number >> (8 * bytes)));
  }
  // A size in its shortest form; `with8` is 0 where there is none of one byte.
  void header(std::size_t size, std::size_t most_fixed, unsigned fixed, unsigned with8, unsigned with16,
              unsigned with32) {
    if (size <= most_fixed) return byte(fixed | static_cast<unsigned>(size));
    if (with8 != 0 && size <= 0xff) {
      byte(with8);
      return big_endian(size, 1);
    }
    byte(size <= 0xffff ? with16 : with32);
    big_endian(size, size <= 0xffff ? 2 : 4);
  }
  std::string out_;
};

class FluentdEncoder final : public LogEncoder {
 public:
  FluentdEncoder(bool has_nanoseconds, std::map<std::string, std::string> attributes, LogSource source)
      : has_nanoseconds_(has_nanoseconds), attributes_(std::move(attributes)), source_(std::move(source)) {}

  std::string encode(const LogRecord& record) const override {
    // In the words of Docker's driver; what the container's labels and variables say goes before them.
    std::map<std::string_view, std::string_view> fields = {
        {"container_id", source_.container_id},
        {"container_name", source_.container_name},
        {"log", record.text},
        {"source", record.stream == Stream::Stderr ? "stderr" : "stdout"}};
    if (record.is_partial) fields["partial_message"] = "true";
    for (const auto& [name, value] : attributes_) fields[name] = value;

    MessagePack message;
    message.array(4);
    message.string(source_.tag);
    put_time(message, static_cast<std::uint64_t>(parse_timestamp(record.time).value_or(0)));
    message.map(fields.size());
    for (const auto& [name, value] : fields) {
      message.string(name);
      message.string(value);
    }
    message.map(0);
    return std::move(message).text();
  }

 private:
  void put_time(MessagePack& message, std::uint64_t nanoseconds) const {
    constexpr std::uint64_t kSecond = 1'000'000'000;
    if (has_nanoseconds_)
      message.event_time(nanoseconds / kSecond, nanoseconds % kSecond);
    else
      message.unsigned64(nanoseconds / kSecond);
  }

  const bool has_nanoseconds_;
  const std::map<std::string, std::string> attributes_;
  const LogSource source_;
};

}  // namespace

std::unique_ptr<LogEncoder> make_fluentd_encoder(const LogSettings& settings, const LogSource& source) {
  LogSource named = source;
  named.container_name = "/" + source.container_name;  // as Docker's API has it
  return std::make_unique<FluentdEncoder>(settings.is_on("fluentd-sub-second-precision"), settings.attributes,
                                          std::move(named));
}

}  // namespace gantry::engine
