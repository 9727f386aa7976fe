// SPDX-License-Identifier: Apache-2.0
//
// gantry info, laid out as docker's.
#include <unistd.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/file.h"
#include "cli/docker/document_format.h"
#include "cli/docker/engine_client.h"
#include "cli/docker/verbs.h"

namespace gantry::cli::docker {
namespace {

class InfoText {
 public:
  explicit InfoText(const json::Value& info) : info_(info) {}

  std::string text() && {
    out_ = fmt::format("Client: Gantry\n Version:    {}\n Context:    default\n\nServer:\n", GANTRY_VERSION);
    containers();
    storage();
    plugins();
    runtimes();
    security();
    host();
    registries();
    line("Live Restore Enabled", yes("LiveRestoreEnabled"));
    out_ += '\n';
    return std::move(out_);
  }

 private:
  void line(std::string_view name, std::string_view value, int depth = 1) {
    fmt::format_to(std::back_inserter(out_), "{:{}}{}: {}\n", "", depth, name, value);
  }
  void title(std::string_view name) { fmt::format_to(std::back_inserter(out_), " {}:\n", name); }
  void item(std::string_view value, int depth = 2) {
    fmt::format_to(std::back_inserter(out_), "{:{}}{}\n", "", depth, value);
  }
  std::string text(std::string_view key) const { return text_in(info_, key); }
  std::string number(std::string_view key) const { return std::to_string(number_in(info_, key)); }
  std::string_view yes(std::string_view key) const { return flag_in(info_, key) ? "true" : "false"; }

  std::vector<std::string> words(std::string_view key) const { return words_in(info_, key); }

  void containers() {
    line("Containers", number("Containers"));
    line("Running", number("ContainersRunning"), 2);
    line("Paused", number("ContainersPaused"), 2);
    line("Stopped", number("ContainersStopped"), 2);
    line("Images", number("Images"));
    line("Server Version", text("ServerVersion"));
  }

  void storage() {
    line("Storage Driver", text("Driver"));
    const auto pairs = info_.find("DriverStatus");
    for (std::size_t i = 0; pairs && i < pairs->size(); ++i)
      if (const json::Value pair = pairs->at(i); pair.size() == 2)
        line(pair.at(0).as_string(), pair.at(1).as_string(), 2);
    line("Logging Driver", text("LoggingDriver"));
    line("Cgroup Driver", text("CgroupDriver"));
    line("Cgroup Version", text("CgroupVersion"));
  }

  void plugins() {
    title("Plugins");
    const auto plugins = info_.find("Plugins");
    for (const char* kind : {"Volume", "Network", "Authorization", "Log"}) {
      const auto names = plugins ? words_in(*plugins, kind) : std::vector<std::string>();
      if (!names.empty()) line(kind, fmt::format("{}", fmt::join(names, " ")), 2);
    }
    const auto swarm = info_.find("Swarm");
    line("Swarm", swarm ? text_in(*swarm, "LocalNodeState") : "");
  }

  void runtimes() {
    std::vector<std::string> names;
    const auto runtimes = info_.find("Runtimes");
    for (std::size_t i = 0; runtimes && i < runtimes->size(); ++i) names.emplace_back(runtimes->key(i));
    line("Runtimes", fmt::format("{}", fmt::join(names, " ")));
    line("Default Runtime", text("DefaultRuntime"));
    line("Init Binary", text("InitBinary"));
  }

  // "name=seccomp,profile=builtin" is two lines.
  void security() {
    title("Security Options");
    for (const std::string& option : words("SecurityOptions")) {
      const std::size_t comma = option.find(',');
      constexpr std::string_view kName = "name=", kProfile = "profile=";
      const std::string name = option.substr(0, comma);
      item(name.starts_with(kName) ? name.substr(kName.size()) : name);
      if (comma == option.npos) continue;
      const std::string rest = option.substr(comma + 1);
      line("Profile", rest.starts_with(kProfile) ? rest.substr(kProfile.size()) : rest, 3);
    }
  }

  void host() {
    line("Kernel Version", text("KernelVersion"));
    line("Operating System", text("OperatingSystem"));
    line("OSType", text("OSType"));
    line("Architecture", text("Architecture"));
    line("CPUs", number("NCPU"));
    line("Total Memory", gibibytes(number_in(info_, "MemTotal")));
    line("Name", text("Name"));
    line("ID", text("ID"));
    line("Docker Root Dir", text("DockerRootDir"));
    line("Debug Mode", yes("Debug"));
    title("Labels");
    for (const std::string& label : words("Labels")) item(label);
    line("Experimental", yes("ExperimentalBuild"));
  }

  // By powers of 1024, as docker counts memory.
  static std::string gibibytes(std::int64_t bytes) {
    constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    double value = static_cast<double>(bytes);
    std::size_t unit = 0;
    for (; value >= 1024 && unit + 1 < std::size(kUnits); ++unit) value /= 1024;
    return fmt::format("{:.4g}{}", value, kUnits[unit]);
  }

  void registries() {
    const auto config = info_.find("RegistryConfig");
    if (!config) return;
    std::vector<std::string> insecure;
    const auto registries = config->find("IndexConfigs");
    for (std::size_t i = 0; registries && i < registries->size(); ++i)
      if (!flag_in(registries->at(i), "Secure")) insecure.emplace_back(registries->key(i));
    for (const std::string& range : words_in(*config, "InsecureRegistryCIDRs")) insecure.push_back(range);
    if (!insecure.empty()) title("Insecure Registries");
    for (const std::string& host : insecure) item(host);
    const auto mirrors = words_in(*config, "Mirrors");
    if (!mirrors.empty()) title("Registry Mirrors");
    for (const std::string& mirror : mirrors) item(mirror);
  }

  const json::Value info_;
  std::string out_;
};

Result<int> info(Context& context, const DocumentFormat& options, const Words&) {
  EngineClient engine = TRY(EngineClient::of(context));
  const json::Document answer = TRY(engine.get("/info"));
  if (!options.format.empty()) {
    TRY(print(TRY(formatted(answer.root(), options.format))));
    return 0;
  }
  TRY(print(InfoText(answer.root()).text()));
  const auto warnings = answer.root().find("Warnings");
  for (std::size_t i = 0; warnings && i < warnings->size(); ++i)
    TRY(write_all(STDERR_FILENO, fmt::format("{}\n", warnings->at(i).as_string()), "standard error"));
  return 0;
}

}  // namespace

const Verb kInfo = make_verb<DocumentFormat, info>("info", "", {0, 0}, "Show what the daemon says of itself");

}  // namespace gantry::cli::docker
