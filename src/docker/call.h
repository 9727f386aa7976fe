// SPDX-License-Identifier: Apache-2.0
//
// One request of the Docker Engine API on its way to its handler: what the client asked for, in the words of
// specs/docker-engine-api.yaml, and the ways to answer.
//
//   Result<void> rename_container(const Context& context, Call& call) {
//     TRY(context.engine.rename(call.parameter(0), call.text("name")));
//     return call.send(204);
//   }
//
// A handler that returns an Error has it answered with the status of its code (errors.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/json_codec.h"
#include "docker/api_version.h"
#include "http/server.h"
#include "http/url.h"

namespace gantry::docker {

// Bytes of a JSON body: what a client may make us hold.
inline constexpr std::size_t kMostJson = 8 << 20;

struct Call {
  http::Request& request;
  http::ResponseWriter& response;
  ApiVersion version;
  http::Query query;
  std::vector<std::string> parameters;  // what the pattern's braces matched, in order, percent-decoded

  const std::string& parameter(std::size_t index) const { return parameters[index]; }

  // ---- the query

  // Empty when it is not there.
  std::string text(std::string_view name) const;
  // As Docker reads them: "", "0", "no", "false" and "none" in any case are false, all else is true.
  bool flag(std::string_view name, bool otherwise = false) const;
  // Nullopt when it is absent or empty; InvalidArgument when it is no integer of 64 bits.
  Result<std::optional<std::int64_t>> number(std::string_view name) const;

  // The JSON in a parameter, as T; T{} when it is absent or null. InvalidArgument names the parameter.
  template <class T>
  Result<T> json(std::string_view name) const {
    const std::string json_text = text(name);
    if (json_text.empty() || json_text == "null") return T{};
    const json::Document document = TRY_DURING(json::Document::parse(json_text), "parameter '{}'", name);
    return TRY_DURING(json::decode<T>(document.root()), "parameter '{}'", name);
  }

  // `h` and `w`: rows and columns.
  Result<std::pair<std::uint16_t, std::uint16_t>> terminal_size() const;

  // ---- the body

  // The JSON object in the body, as T. InvalidArgument for other content types, broken JSON and wrong types
  // (the message names the field). An absent body is an error, unless it is a T without any field set.
  enum class Body : std::uint8_t { Required, Optional };
  template <class T>
  Result<T> body(Body presence = Body::Required) {
    T object{};
    TRY(read_body(&object, json::type_of<T>, presence));
    return object;
  }

  // ---- the answer

  // A status without a body: 204, 304, or 200 and 201 where Docker says no more.
  Result<void> send(int status);
  Result<void> send_json(std::string_view json, int status = 200);
  template <class T>
  Result<void> send_object(const T& object, int status = 200) {
    return send_json(json::encode(object), status);
  }
  // {"message": ...} with a status of its own.
  Result<void> refuse(int status, std::string_view message);

 private:
  Result<void> read_body(void* object, const json::Type& type, Body presence);
};

}  // namespace gantry::docker
