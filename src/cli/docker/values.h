// SPDX-License-Identifier: Apache-2.0
//
// Values of docker's options that are more than a text: amounts, lists in files, KEY=VALUE.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace gantry::cli::docker {

using StringMap = std::map<std::string, std::string>;

// Each error names the option. Empty texts are 0.
Result<std::int64_t> bytes_option(std::string_view option, std::string_view text);  // "512m"; "-1" is -1
Result<std::int64_t> nanoseconds_option(std::string_view option, std::string_view text);  // "1m30s"
Result<std::int64_t> nano_cpus_option(std::string_view option, std::string_view text);    // "1.5"

// Whether the texts may be values of such options (Option::accepts).
bool is_size(std::string_view text);      // "512m", "-1"
bool is_cpus(std::string_view text);      // "1.5"
bool has_value(std::string_view text);    // "KEY=VALUE"
bool is_variable(std::string_view text);  // "NAME", "NAME=VALUE"
bool is_address(std::string_view text);   // "192.0.2.1", "fd00::1"

// "KEY=VALUE", or "KEY" with an empty value.
std::pair<std::string, std::string> key_value(std::string_view text);
StringMap key_values(const std::vector<std::string>& texts);
// The same, where the value has to be there.
Result<StringMap> key_values_option(std::string_view option, const std::vector<std::string>& texts);

// Variables for a container: those of files, then `texts`. "NAME" alone takes the value from our own
// environment, and is left out if there is none.
Result<std::vector<std::string>> environment_option(const std::vector<std::string>& files,
                                                    const std::vector<std::string>& texts);
Result<StringMap> labels_option(const std::vector<std::string>& files, const std::vector<std::string>& texts);

// "a=1,b=2" with quotes as in CSV, as `--mount` and `--network` have it.
Result<std::vector<std::string>> comma_fields(std::string_view text);

}  // namespace gantry::cli::docker
