// SPDX-License-Identifier: Apache-2.0
#include "oci/image/platform.h"

#include <sys/auxv.h>
#if defined(__x86_64__)
#include <sys/platform/x86.h>
#endif

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <utility>

#include "base/json_codec.h"
#include "base/lower_case.h"
#include "base/printable.h"

namespace gantry::oci {

using enum json::Presence;

void fields(json::Fields& f, Platform& platform) {
  f("architecture", platform.architecture, Required);
  f("os", platform.os, Required);
  f("os.version", platform.os_version);
  f("os.features", platform.os_features);
  f("variant", platform.variant);
}

namespace {

constexpr std::string_view kSystems[] = {"aix",     "android", "darwin", "dragonfly", "freebsd",
                                         "illumos", "linux",   "macos",  "netbsd",    "openbsd",
                                         "plan9",   "solaris", "wasip1", "windows"};
constexpr std::string_view kArchitectures[] = {
    "386",    "aarch64",  "amd64",  "arm",   "arm64",   "armel",   "armhf", "i386", "loong64", "mips",
    "mips64", "mips64le", "mipsle", "ppc64", "ppc64le", "riscv64", "s390x", "wasm", "x86-64",  "x86_64"};

bool is_word(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](unsigned char c) {
    return std::isalnum(c) || c == '_' || c == '-' || c == '.';
  });
}

// "v8.2" as {8, 2} and "v7" as {7, 0}; {0, 0} is no version.
using Version = std::pair<unsigned, unsigned>;

Version version_of(std::string_view variant) {
  Version version;
  if (!variant.starts_with('v')) return {};
  const char* const end = variant.data() + variant.size();
  std::from_chars_result read = std::from_chars(variant.data() + 1, end, version.first);
  if (read.ec == std::errc{} && read.ptr != end && *read.ptr == '.')
    read = std::from_chars(read.ptr + 1, end, version.second);
  const bool is_version =
      read.ec == std::errc{} && read.ptr == end && version.first < 100 && version.second < 100;
  return is_version ? version : Version{};
}

// Both of one architecture and normalized: how much older `candidate` is. Empty if it is newer.
std::optional<unsigned> variant_distance(const Platform& wanted, const Platform& candidate) {
  if (wanted.variant == candidate.variant) return 0;
  const auto version = [](const Platform& platform, std::string_view usual) {
    return version_of(platform.variant.empty() ? usual : platform.variant);
  };
  const auto distance = [&](std::string_view usual) -> std::optional<unsigned> {
    const Version most = version(wanted, usual);
    const Version has = version(candidate, usual);
    if (has == Version{} || most < has) return std::nullopt;
    if (most.first == has.first) return most.second - has.second;
    return 10 * (most.first - has.first) + most.second;
  };
  if (wanted.architecture == "amd64") return distance("v1");
  if (wanted.architecture == "arm") return distance("v7");
  if (wanted.architecture == "arm64") {
    // Armv9.n has all of Armv8.(n+5), and none of what came later (Arm ARM, A2.2).
    const Version most = version(wanted, "v8");
    const Version has = version(candidate, "v8");
    if (most.first == 9 && has.first == 8) {
      if (has.second > most.second + 5) return std::nullopt;
      return 10 + most.second + 5 - has.second;
    }
    return distance("v8");
  }
  return std::nullopt;
}

// After everything that is of the wanted architecture itself.
constexpr unsigned kOtherArchitecture = 1000;

std::optional<unsigned> processor_distance(const Platform& wanted, const Platform& candidate) {
  if (wanted.architecture == candidate.architecture) return variant_distance(wanted, candidate);
  if (wanted.architecture == "amd64" && candidate.architecture == "386") return kOtherArchitecture;
  if (wanted.architecture == "arm64" && candidate.architecture == "arm") {
    const Platform arm8{.architecture = "arm", .variant = "v8"};
    if (const auto distance = variant_distance(arm8, candidate)) return kOtherArchitecture + *distance;
  }
  return std::nullopt;
}

// "10.0.17763" of "10.0.17763.1339": programs of one build of Windows run on all of its revisions.
std::string_view windows_build(std::string_view version) {
  std::size_t end = 0;
  for (int dots = 0; end < version.size(); ++end)
    if (version[end] == '.' && ++dots == 3) break;
  return version.substr(0, end);
}

bool version_matches(const Platform& wanted, const Platform& candidate) {
  if (wanted.os_version.empty() || candidate.os_version.empty()) return true;
  if (wanted.os == "windows") return windows_build(wanted.os_version) == windows_build(candidate.os_version);
  return wanted.os_version == candidate.os_version;
}

#if defined(__x86_64__)
// The levels of the psABI for x86-64, table 3.1, as far as the loader has found their features (and the
// kernel lets them be used). The compiler's own look asks the processor again, at the start of every program
// that could ask, and below a hypervisor each such instruction costs microseconds.
#define HAS(feature) CPU_FEATURE_ACTIVE(feature)
std::string_view x86_level() {
  const bool is_v2 = HAS(CMPXCHG16B) && HAS(LAHF64_SAHF64) && HAS(POPCNT) && HAS(SSE3) && HAS(SSSE3) &&
                     HAS(SSE4_1) && HAS(SSE4_2);
  const bool is_v3 = is_v2 && HAS(AVX) && HAS(AVX2) && HAS(BMI1) && HAS(BMI2) && HAS(F16C) && HAS(FMA) &&
                     HAS(LZCNT) && HAS(MOVBE);
  const bool is_v4 =
      is_v3 && HAS(AVX512F) && HAS(AVX512BW) && HAS(AVX512CD) && HAS(AVX512DQ) && HAS(AVX512VL);
  return is_v4 ? "v4" : is_v3 ? "v3" : is_v2 ? "v2" : "";
}
#undef HAS
#endif

#if defined(__arm__)
// The kernel's name of the processor: "v7l".
std::string_view arm_level() {
  const auto* name = reinterpret_cast<const char*>(::getauxval(AT_PLATFORM));
  const std::string_view level = name == nullptr ? "" : std::string_view(name).substr(0, 2);
  return version_of(level) == Version{} ? "v7" : level;
}
#endif

Platform read_host_platform() {
  Platform host{.os = "linux"};
#if defined(__x86_64__)
  host.architecture = "amd64";
  host.variant = x86_level();
#elif defined(__i386__)
  host.architecture = "386";
#elif defined(__aarch64__)
  host.architecture = "arm64";
#elif defined(__arm__)
  host.architecture = "arm";
  host.variant = arm_level();
#elif defined(__riscv) && __riscv_xlen == 64
  host.architecture = "riscv64";
#elif defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)
  host.architecture = "ppc64le";
#elif defined(__s390x__)
  host.architecture = "s390x";
#elif defined(__loongarch64)
  host.architecture = "loong64";
#else
#error "what does Go call this architecture?"
#endif
  return host;
}

}  // namespace

Result<Platform> Platform::parse(std::string_view text) {
  const auto refuse = [&](std::string_view reason) {
    return error(Code::InvalidArgument, "platform '{}': {}", printable(text), reason);
  };
  std::vector<std::string_view> parts;
  for (std::string_view rest = text;;) {
    const std::size_t slash = rest.find('/');
    parts.push_back(rest.substr(0, slash));
    if (slash == std::string_view::npos) break;
    rest.remove_prefix(slash + 1);
  }
  if (parts.size() > 3) return refuse("expected os/architecture/variant");

  Platform platform;
  if (const std::size_t open = parts[0].find('('); open != std::string_view::npos) {
    if (!parts[0].ends_with(')')) return refuse("the version of the system has no closing parenthesis");
    platform.os_version = parts[0].substr(open + 1, parts[0].size() - open - 2);
    if (!is_word(platform.os_version)) return refuse("the version of the system is not a word");
    parts[0] = parts[0].substr(0, open);
  }
  for (const std::string_view part : parts)
    if (!is_word(part)) return refuse("expected words of letters, digits, '_', '-' and '.'");

  if (parts.size() > 1) {
    platform.os = parts[0];
    platform.architecture = parts[1];
    if (parts.size() > 2) platform.variant = parts[2];
    return normalized(std::move(platform));
  }
  const std::string word = in_lower_case(std::string(parts[0]));
  if (std::ranges::find(kSystems, word) != std::end(kSystems)) {
    platform.os = word;
    platform.architecture = host_platform().architecture;
    platform.variant = host_platform().variant;
  } else if (platform.os_version.empty() &&
             std::ranges::find(kArchitectures, word) != std::end(kArchitectures)) {
    platform.os = host_platform().os;
    platform.architecture = word;
  } else {
    return refuse("neither an operating system nor an architecture is called so");
  }
  return normalized(std::move(platform));
}

std::string Platform::str() const {
  std::string text = os;
  if (!os_version.empty()) text += '(' + os_version + ')';
  text += '/' + architecture;
  if (!variant.empty()) text += '/' + variant;
  return text;
}

Platform normalized(Platform platform) {
  platform.os = in_lower_case(std::move(platform.os));
  std::string& architecture = platform.architecture = in_lower_case(std::move(platform.architecture));
  std::string& variant = platform.variant = in_lower_case(std::move(platform.variant));

  if (platform.os == "macos") platform.os = "darwin";
  if (architecture == "i386") architecture = "386";
  if (architecture == "x86_64" || architecture == "x86-64") architecture = "amd64";
  if (architecture == "aarch64") architecture = "arm64";
  if (architecture == "armhf" || architecture == "armel") {
    variant = architecture == "armhf" ? "v7" : "v6";
    architecture = "arm";
  }

  if (!variant.empty() && variant.front() >= '0' && variant.front() <= '9' &&
      (architecture == "arm" || architecture == "arm64"))
    variant.insert(0, 1, 'v');
  if (architecture == "arm" && variant.empty()) variant = "v7";
  if (architecture == "arm64" && (variant == "v8" || variant == "v8.0")) variant.clear();
  if (architecture == "amd64" && variant == "v1") variant.clear();
  return platform;
}

const Platform& host_platform() {
  static const Platform host = read_host_platform();
  return host;
}

std::optional<unsigned> match(const Platform& wanted_as_written, const Platform& candidate_as_written) {
  const Platform wanted = normalized(wanted_as_written);
  const Platform candidate = normalized(candidate_as_written);
  if (wanted.os != candidate.os || !version_matches(wanted, candidate)) return std::nullopt;
  for (const std::string& feature : candidate.os_features)
    if (std::ranges::find(wanted.os_features, feature) == wanted.os_features.end()) return std::nullopt;

  const std::optional<unsigned> distance = processor_distance(wanted, candidate);
  if (!distance) return std::nullopt;
  const bool is_same_revision = wanted.os_version.empty() || wanted.os_version == candidate.os_version;
  return 2 * *distance + (is_same_revision ? 0 : 1);
}

}  // namespace gantry::oci
