// SPDX-License-Identifier: Apache-2.0
#include "build/config_steps.h"

#include <algorithm>
#include <charconv>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "base/printable.h"
#include "kernel/rooted_path.h"

namespace gantry::build {

using dockerfile::Word;

namespace {

Result<void> count_expanded(StageState& state, std::size_t bytes) {
  state.expanded += bytes;
  if (state.expanded <= kMostExpanded) return {};
  return error(Code::ResourceExhausted, "variables have become more than {} bytes", kMostExpanded);
}

}  // namespace

Result<std::string> expand_in(StageState& state, std::string_view text,
                              const dockerfile::ExpandOptions& options) {
  std::string expanded =
      TRY(dockerfile::expand(text, state.arguments.lookup(state.image.config.env), options));
  TRY(count_expanded(state, expanded.size()));
  return expanded;
}

std::vector<std::string> command_words(const dockerfile::CommandLine& command, const StageState& state) {
  if (!command.is_shell) return command.words;
  std::vector<std::string> words = state.image.config.shell;
  if (words.empty()) words = {"/bin/sh", "-c"};
  words.insert(words.end(), command.words.begin(), command.words.end());
  return words;
}

Result<std::string> working_directory(const dockerfile::Workdir& step, StageState& state, char escape) {
  const std::string path = TRY(expand_in(state, step.path.text, {.escape = escape}));
  if (path.empty()) return error(Code::InvalidArgument, "the path is empty once its variables are expanded");
  return kernel::clean_path(path.starts_with('/') ? path : state.image.config.working_dir + "/" + path);
}

namespace {

// "80", "80/udp", "8000-8010/tcp": each as "80/tcp".
Result<void> add_ports(std::string_view text, oci::StringSet& ports) {
  const auto malformed = [text] {
    return error(Code::InvalidArgument, "'{}' is no port: 80, 80/udp and 8000-8010 are", printable(text));
  };
  const std::size_t slash = std::min(text.find('/'), text.size());
  std::string protocol(text.substr(std::min(slash + 1, text.size())));
  if (slash == text.size()) protocol = "tcp";
  for (char& c : protocol)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  if (protocol != "tcp" && protocol != "udp" && protocol != "sctp") return malformed();
  const auto number = [](std::string_view digits) -> std::optional<unsigned> {
    unsigned value = 0;
    const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (failure != std::errc() || end != digits.data() + digits.size() || value > 65535) return std::nullopt;
    return value;
  };
  const std::string_view range = text.substr(0, slash);
  const std::size_t dash = range.find('-');
  const auto first = number(range.substr(0, dash));
  const auto last = dash == range.npos ? first : number(range.substr(dash + 1));
  if (!first || !last || *last < *first) return malformed();
  for (unsigned port = *first; port <= *last; ++port) ports[fmt::format("{}/{}", port, protocol)] = {};
  return {};
}

class ConfigStep {
 public:
  ConfigStep(const GlobalArguments& globals, char escape, StageState& state)
      : globals_(globals), escape_(escape), state_(state), config_(state.image.config) {}

  Result<bool> operator()(const dockerfile::Arg& step) {
    for (const auto& item : step.items) {
      std::optional<std::string> value;
      if (item.value) value = TRY(expand(*item.value));
      if (!item.value || globals_.is_given(item.name)) value = globals_.value(item.name);
      state_.arguments.set(item.name, value);
    }
    return true;
  }
  Result<bool> operator()(const dockerfile::Env& step) {
    // All of one instruction see what was set before it.
    std::vector<std::pair<std::string, std::string>> values;
    for (const auto& item : step.items) {
      std::string name = TRY(expand(item.name));
      if (name.empty() || name.find('=') != name.npos)
        return error(Code::InvalidArgument, "'{}' cannot be the name of a variable", printable(name));
      values.emplace_back(std::move(name), TRY(expand(item.value)));
    }
    for (const auto& [name, value] : values) set_variable(config_.env, name, value);
    return true;
  }
  Result<bool> operator()(const dockerfile::Label& step) {
    for (const auto& item : step.items) config_.labels[TRY(expand(item.name))] = TRY(expand(item.value));
    return true;
  }
  Result<bool> operator()(const dockerfile::Maintainer& step) {
    state_.image.author = step.name;
    return true;
  }
  Result<bool> operator()(const dockerfile::Expose& step) {
    for (const Word& word : step.ports)
      for (const std::string& port : TRY(expand_to_words(word))) TRY(add_ports(port, config_.exposed_ports));
    return true;
  }
  Result<bool> operator()(const dockerfile::User& step) {
    config_.user = TRY(expand(step.user));
    if (config_.user.empty())
      return error(Code::InvalidArgument, "the user is empty once its variables are expanded");
    return true;
  }
  Result<bool> operator()(const dockerfile::StopSignal& step) {
    config_.stop_signal = TRY(expand(step.signal));
    return true;
  }
  Result<bool> operator()(const dockerfile::Volume& step) {
    for (const Word& word : step.paths)
      for (const std::string& path : TRY(expand_to_words(word))) config_.volumes[path] = {};
    return true;
  }
  Result<bool> operator()(const dockerfile::Shell& step) {
    config_.shell = step.words;
    return true;
  }
  Result<bool> operator()(const dockerfile::Cmd& step) {
    config_.cmd = command_words(step.command, state_);
    state_.has_own_command = true;
    return true;
  }
  Result<bool> operator()(const dockerfile::Entrypoint& step) {
    config_.entrypoint = command_words(step.command, state_);
    // What the base's image would run is not meant for this entry point.
    if (!state_.has_own_command) config_.cmd.clear();
    return true;
  }
  Result<bool> operator()(const dockerfile::Healthcheck& step) {
    oci::Healthcheck& check = config_.healthcheck.emplace();
    if (step.is_none) {
      check.test = {"NONE"};
      return true;
    }
    check.test = {step.command.is_shell ? "CMD-SHELL" : "CMD"};
    check.test.insert(check.test.end(), step.command.words.begin(), step.command.words.end());
    check.interval = step.interval.count();
    check.timeout = step.timeout.count();
    check.start_period = step.start_period.count();
    check.start_interval = step.start_interval.count();
    check.retries = step.retries;
    return true;
  }
  Result<bool> operator()(const dockerfile::OnBuild& step) {
    config_.on_build.push_back(step.text);
    return true;
  }
  Result<bool> operator()(const dockerfile::From&) { return false; }
  Result<bool> operator()(const dockerfile::Workdir&) { return false; }
  Result<bool> operator()(const dockerfile::Run&) { return false; }
  Result<bool> operator()(const dockerfile::Copy&) { return false; }

 private:
  Result<std::string> expand(const Word& word) { return expand_in(state_, word.text, {.escape = escape_}); }
  Result<std::vector<std::string>> expand_to_words(const Word& word) {
    std::vector<std::string> words = TRY(
        dockerfile::expand_to_words(word.text, state_.arguments.lookup(config_.env), {.escape = escape_}));
    for (const std::string& part : words) TRY(count_expanded(state_, part.size()));
    return words;
  }

  const GlobalArguments& globals_;
  char escape_;
  StageState& state_;
  oci::ContainerConfig& config_;
};

}  // namespace

Result<bool> apply_config_step(const dockerfile::Instruction& instruction, const GlobalArguments& globals,
                               char escape, StageState& state) {
  return std::visit(ConfigStep(globals, escape, state), instruction.body);
}

}  // namespace gantry::build
