// SPDX-License-Identifier: Apache-2.0
//
// The one daemon of a host. What it does is its configuration's to say: docs/formats/gantryd-config.md. Under
// the name dockerd it takes Docker's flags instead.
#include <unistd.h>

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/file.h"
#include "base/log.h"
#include "base/options.h"
#include "daemon/activation.h"
#include "daemon/config.h"
#include "daemon/control_plane_config.h"
#include "daemon/control_plane_service.h"
#include "daemon/dockerd_options.h"
#include "daemon/engine_service.h"
#include "daemon/serve.h"
#include "docker/api_version.h"
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

Result<void> say(const std::string& text) { return write_all(STDOUT_FILENO, text, "standard output"); }

Result<LogOptions> log_options(const std::string& level_word, const std::string& format) {
  // dockerd has two levels more at the end, which stand for errors here.
  const auto level = parse_log_level(level_word == "fatal" || level_word == "panic" ? "error" : level_word);
  if (!level || (format != "text" && format != "json"))
    return error(Code::InvalidArgument, "wrong log level or log format; see --help");
  return LogOptions{.level = *level, .format = format == "json" ? LogFormat::Json : LogFormat::Text};
}

Result<LogOptions> log_options(const daemon::DockerdOptions& options) {
  return log_options(options.debug ? "debug" : options.log_level, options.log_format);
}

// `read_engine` reads the engine's part of the configuration again.
Result<void> serve(const daemon::Config& config, daemon::ReadConfig read_engine, const Logger& log) {
  auto activated = TRY(daemon::take_activated_sockets());
  const auto signals = TRY(daemon::Signals::block());
  TRY_DURING(make_directories(config.root, 0711), "make the store's directory");
  auto store = TRY(image::ImageStore::open(config.root));
  std::vector<std::unique_ptr<daemon::Service>> services;
  if (config.control_plane)
    services.push_back(TRY(daemon::start_control_plane(TRY(config.control_plane->options()), log)));
  if (config.engine)
    services.push_back(
        TRY(daemon::start_engine(*config.engine, std::move(read_engine), store, std::move(activated), log)));
  if (config.registry) services.push_back(TRY(daemon::start_registry(*config.registry, store, log)));
  return daemon::serve(services, signals, log);
}

Result<int> run(std::span<const std::string> arguments) {
  Options options;
  const std::vector<Option> table = options.table();
  const std::vector<std::string> words = TRY(parse_options(table, arguments, Operands::Anywhere));
  if (options.help) {
    TRY(
        say("Usage: gantryd [options]\n\nRuns the roles of its configuration until SIGTERM; SIGHUP reads "
            "certificates and opens logs anew.\n\nOptions:\n" +
            describe_options(table)));
    return 0;
  }
  if (options.version) {
    TRY(say("gantryd version " GANTRY_VERSION "\n"));
    return 0;
  }
  if (!words.empty()) return error(Code::InvalidArgument, "wrong operand '{}'; see --help", words.front());
  const Logger log(STDERR_FILENO, TRY(log_options(options.log_level, options.log_format)));
  const auto config = TRY(daemon::Config::load(options.config));
  if (options.check) return 0;
  const auto read_engine = [&]() -> Result<daemon::EngineConfig> {
    auto fresh = TRY(daemon::Config::load(options.config));
    if (!fresh.engine) return error(Code::InvalidArgument, "roles.engine is gone from '{}'", options.config);
    return *std::move(fresh.engine);
  };
  TRY(serve(config, read_engine, log));
  return 0;
}

// `gantry server`: a control plane and nothing else, told by flags.
Result<int> run_server(std::span<const std::string> arguments) {
  daemon::ControlPlaneConfig config;
  std::string log_level = "info", log_format = "text";
  bool help = false;
  std::vector<Option> table = config.flags();
  table.push_back({'l', "log-level", "LEVEL", &log_level, "debug, info, warning or error"});
  table.push_back({0, "log-format", "FORMAT", &log_format, "text or json"});
  table.push_back({'h', "help", "", &help, "Show this text"});
  const std::vector<std::string> words = TRY(parse_options(table, arguments, Operands::Anywhere));
  if (help) {
    TRY(say("Usage: gantry server [options]\n\nServes the Kubernetes API until SIGTERM.\n\nOptions:\n" +
            describe_options(table)));
    return 0;
  }
  if (!words.empty()) return error(Code::InvalidArgument, "wrong operand '{}'; see --help", words.front());
  const Logger log(STDERR_FILENO, TRY(log_options(log_level, log_format)));
  const auto options = TRY(config.options());
  const auto signals = TRY(daemon::Signals::block());
  std::vector<std::unique_ptr<daemon::Service>> services;
  services.push_back(TRY(daemon::start_control_plane(options, log)));
  TRY(daemon::serve(services, signals, log));
  return 0;
}

// The same program under the name of Docker's daemon: its flags and its file make the configuration.
Result<int> run_as_dockerd(std::span<const std::string> arguments) {
  const auto options = TRY(daemon::DockerdOptions::parse(arguments));
  if (options.help) {
    TRY(say(daemon::DockerdOptions::help_text()));
    return 0;
  }
  if (options.version) {
    TRY(say(fmt::format("Docker version {}, build gantry-{}\n", docker::kEngineVersion, GANTRY_VERSION)));
    return 0;
  }
  Logger log(STDERR_FILENO, TRY(log_options(options)));
  daemon::Config config;
  config.root = options.data_root;
  config.engine = TRY(options.engine());
  for (const std::string& note : options.notes) log.warn("an option has no effect", {{"reason", note}});
  if (options.validate) {
    TRY(say("configuration OK\n"));
    return 0;
  }
  const auto read_engine = [&]() -> Result<daemon::EngineConfig> {
    const auto fresh = TRY(daemon::DockerdOptions::parse(arguments));
    log.set_level(TRY(log_options(fresh)).level);
    return fresh.engine();
  };
  TRY(serve(config, read_engine, log));
  return 0;
}

std::string_view base_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const std::string_view name = argc > 0 ? base_name(argv[0]) : "gantryd";
  const bool is_server = !arguments.empty() && arguments.front() == "server";
  const Result<int> status = name == "dockerd" ? run_as_dockerd(arguments)
                             : is_server       ? run_server(std::span(arguments).subspan(1))
                                               : run(arguments);
  if (status) return *status;
  (void)write_all(STDERR_FILENO, fmt::format("{}: {}\n", name, status.error().message()), "standard error");
  return status.error().code() == Code::InvalidArgument ? kUsage : 1;
}
