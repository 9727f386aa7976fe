// SPDX-License-Identifier: Apache-2.0
#include "cli/template_members.h"

#include <algorithm>

namespace gantry::cli {
namespace {

enum class Form : std::uint8_t { Text, Flag, List, Map, Pointer };

struct Member {
  std::string_view beside;  // a member that only its struct has, and always
  std::string_view name;
  Form form;
};

// The members that Docker's API leaves out (types/container, types/network, types/volume).
constexpr Member kLeftOut[] = {
    // of a container
    {"RestartCount", "SizeRw", Form::Pointer},
    {"RestartCount", "SizeRootFs", Form::Pointer},
    {"OOMKilled", "Health", Form::Pointer},
    {"OpenStdin", "ArgsEscaped", Form::Flag},
    {"OpenStdin", "ExposedPorts", Form::Map},
    {"OpenStdin", "Healthcheck", Form::Pointer},
    {"OpenStdin", "MacAddress", Form::Text},
    {"OpenStdin", "NetworkDisabled", Form::Flag},
    {"OpenStdin", "Shell", Form::List},
    {"OpenStdin", "StopSignal", Form::Text},
    {"OpenStdin", "StopTimeout", Form::Pointer},
    {"NetworkMode", "Annotations", Form::Map},
    {"NetworkMode", "Init", Form::Pointer},
    {"NetworkMode", "Mounts", Form::List},
    {"NetworkMode", "StorageOpt", Form::Map},
    {"NetworkMode", "Sysctls", Form::Map},
    {"NetworkMode", "Tmpfs", Form::Map},
    {"Destination", "Driver", Form::Text},
    {"Destination", "Name", Form::Text},
    {"Destination", "Type", Form::Text},
    // of a volume
    {"Mountpoint", "Status", Form::Map},
    {"Mountpoint", "UsageData", Form::Pointer},
    // of an image
    {"RepoTags", "Author", Form::Text},
    {"RepoTags", "Comment", Form::Text},
    {"RepoTags", "Parent", Form::Text},
    {"RepoTags", "Variant", Form::Text},
    // of /version
    {"MinAPIVersion", "BuildTime", Form::Text},
    {"MinAPIVersion", "Experimental", Form::Flag},
    {"MinAPIVersion", "KernelVersion", Form::Text},
};

TemplateValue empty_of(Form form) {
  switch (form) {
    case Form::Text: return std::string();
    case Form::Flag: return false;
    case Form::List: return TemplateValue::Empty{"[]"};
    case Form::Map: return TemplateValue::Empty{"map[]"};
    case Form::Pointer: return TemplateValue::Empty{"<nil>"};
  }
  return {};
}

}  // namespace

bool has_users_keys(std::string_view member) {
  constexpr std::string_view kMaps[] = {"Annotations",  "Attributes", "Containers", "DriverOpts",
                                        "ExposedPorts", "Labels",     "Networks",   "Options",
                                        "Ports",        "Sysctls",    "Tmpfs",      "Volumes"};
  return std::ranges::find(kMaps, member) != std::end(kMaps);
}

std::optional<TemplateValue> left_out(const json::Value& object, std::string_view member) {
  for (const Member& known : kLeftOut)
    if (known.name == member && object.find(known.beside)) return empty_of(known.form);
  return std::nullopt;
}

}  // namespace gantry::cli
