// SPDX-License-Identifier: Apache-2.0
//
// The one daemon of a host. What it does is its configuration's to say: docs/formats/gantryd-config.md.
#include <unistd.h>

#include <span>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/file.h"
#include "base/log.h"
#include "base/options.h"
#include "daemon/config.h"
#include "daemon/serve.h"
#include "image/image_store.h"

namespace {

using namespace gantry;

constexpr int kUsage = 125;

struct Options {
  std::string config = "/etc/gantry/gantryd.json";
  std::string log_level = "info";
  std::string log_format = "text";
  bool check = false;
  bool version = false;
  bool help = false;

  std::vector<Option> table() {
    return {{'c', "config", "FILE", &config, "What to do (default: /etc/gantry/gantryd.json)"},
            {0, "check", "", &check, "Only read the configuration and say whether it is right"},
            {'l', "log-level", "LEVEL", &log_level, "debug, info, warning or error"},
            {0, "log-format", "FORMAT", &log_format, "text or json"},
            {'v', "version", "", &version, "Show the version"},
            {'h', "help", "", &help, "Show this text"}};
  }
};

Result<int> run(std::span<const std::string> arguments) {
  Options options;
  const std::vector<Option> table = options.table();
  const std::vector<std::string> words = TRY(parse_options(table, arguments, Operands::Anywhere));
  if (options.help) {
    TRY(write_all(
        STDOUT_FILENO,
        "Usage: gantryd [options]\n\nRuns the roles of its configuration until SIGTERM; SIGHUP reads "
        "certificates and opens logs anew.\n\nOptions:\n" +
            describe_options(table),
        "standard output"));
    return 0;
  }
  if (options.version) {
    TRY(write_all(STDOUT_FILENO, fmt::format("gantryd version {}\n", GANTRY_VERSION), "standard output"));
    return 0;
  }
  const auto level = parse_log_level(options.log_level);
  if (!words.empty() || !level || (options.log_format != "text" && options.log_format != "json"))
    return error(Code::InvalidArgument, "wrong operand, log level or log format; see 'gantryd --help'");
  const auto signals = TRY(daemon::Signals::block());
  const auto config = TRY(daemon::Config::load(options.config));
  if (options.check) return 0;
  const Logger log(
      STDERR_FILENO,
      {.level = *level, .format = options.log_format == "json" ? LogFormat::Json : LogFormat::Text});
  TRY_DURING(make_directories(config.root, 0700), "make the store's directory");
  auto store = TRY(image::ImageStore::open(config.root));
  TRY(daemon::serve_registry(*config.registry, store, signals, log));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const Result<int> status = run(arguments);
  if (status) return *status;
  (void)write_all(STDERR_FILENO, fmt::format("gantryd: {}\n", status.error().message()), "standard error");
  return status.error().code() == Code::InvalidArgument ? kUsage : 1;
}
