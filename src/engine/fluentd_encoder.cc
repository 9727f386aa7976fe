// SPDX-License-Identifier: Apache-2.0
//
// Fluentd's forward protocol, version 1, in its mode for single messages: [tag, time, record, options] in
// MessagePack (https://github.com/fluent/fluentd/wiki/Forward-Protocol-Specification-v1). Where it is to be
// acknowledged, the options have a name for the event, a "chunk" of 16 bytes in base64, which is echoed.
#include <cstdint>
#include <map>
#include <string_view>
#include <utility>

#include "base/base64.h"
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
  FluentdEncoder(const LogSettings& settings, LogSource source)
      : has_nanoseconds_(settings.is_on("fluentd-sub-second-precision")),
        is_acknowledged_(settings.is_on("fluentd-request-ack")),
        attributes_(settings.attributes),
        source_(std::move(source)) {}

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
    put_time(message, time_of(record));
    message.map(fields.size());
    for (const auto& [name, value] : fields) {
      message.string(name);
      message.string(value);
    }
    put_options(message, record);
    return std::move(message).text();
  }

  std::string receipt(const LogRecord& record) const override {
    if (!is_acknowledged_) return {};
    MessagePack answer;
    answer.map(1);
    answer.string("ack");
    answer.string(chunk_of(record));
    return std::move(answer).text();
  }

 private:
  static std::uint64_t time_of(const LogRecord& record) {
    return static_cast<std::uint64_t>(parse_timestamp(record.time).value_or(0));
  }

  void put_options(MessagePack& message, const LogRecord& record) const {
    if (!is_acknowledged_) return message.map(0);
    message.map(1);
    message.string("chunk");
    message.string(chunk_of(record));
  }

  // The same whenever the record is sent again; a connection has one record under way.
  static std::string chunk_of(const LogRecord& record) {
    return to_base64(fmt::format("{:016x}", time_of(record)));
  }

  void put_time(MessagePack& message, std::uint64_t nanoseconds) const {
    constexpr std::uint64_t kSecond = 1'000'000'000;
    if (has_nanoseconds_)
      message.event_time(nanoseconds / kSecond, nanoseconds % kSecond);
    else
      message.unsigned64(nanoseconds / kSecond);
  }

  const bool has_nanoseconds_, is_acknowledged_;
  const std::map<std::string, std::string> attributes_;
  const LogSource source_;
};

}  // namespace

std::unique_ptr<LogEncoder> make_fluentd_encoder(const LogSettings& settings, const LogSource& source) {
  LogSource named = source;
  named.container_name = "/" + source.container_name;  // as Docker's API has it
  return std::make_unique<FluentdEncoder>(settings, std::move(named));
}

}  // namespace gantry::engine
