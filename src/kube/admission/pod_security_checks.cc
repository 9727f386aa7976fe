// SPDX-License-Identifier: Apache-2.0
#include "kube/admission/pod_security_checks.h"

#include <algorithm>
#include <charconv>
#include <span>

#include <fmt/format.h>

#include "kube/admission/pod_parts.h"

namespace gantry::kube::admission {
namespace {

using json::Tree;
using Words = std::span<const std::string_view>;
using Names = std::vector<std::string>;

constexpr std::string_view kDefaultCapabilities[] = {
    "AUDIT_WRITE",      "CHOWN",   "DAC_OVERRIDE", "FOWNER",  "FSETID", "KILL",      "MKNOD",
    "NET_BIND_SERVICE", "SETFCAP", "SETGID",       "SETPCAP", "SETUID", "SYS_CHROOT"};
constexpr std::string_view kRestrictedCapabilities[] = {"NET_BIND_SERVICE"};
struct Since {
  std::string_view name;
  int version;
};
constexpr Since kSafeSysctls[] = {{"kernel.shm_rmid_forced", 0},
                                  {"net.ipv4.ip_local_port_range", 0},
                                  {"net.ipv4.ip_unprivileged_port_start", 0},
                                  {"net.ipv4.ping_group_range", 0},
                                  {"net.ipv4.tcp_syncookies", 0},
                                  {"net.ipv4.ip_local_reserved_ports", 27},
                                  {"net.ipv4.tcp_fin_timeout", 29},
                                  {"net.ipv4.tcp_keepalive_intvl", 29},
                                  {"net.ipv4.tcp_keepalive_probes", 29},
                                  {"net.ipv4.tcp_keepalive_time", 29},
                                  {"net.ipv4.tcp_rmem", 32},
                                  {"net.ipv4.tcp_wmem", 32}};
constexpr Since kSafeSelinuxTypes[] = {
    {"", 0}, {"container_t", 0}, {"container_init_t", 0}, {"container_kvm_t", 0}, {"container_engine_t", 31}};
constexpr std::string_view kRestrictedVolumes[] = {"configMap", "csi",       "downwardAPI",
                                                   "emptyDir",  "ephemeral", "persistentVolumeClaim",
                                                   "projected", "secret"};
constexpr std::string_view kSafeSeccompProfiles[] = {"Localhost", "RuntimeDefault"};

bool contains(Words words, std::string_view word) { return std::ranges::find(words, word) != words.end(); }
bool contains(std::span<const Since> words, std::string_view word, int version) {
  return std::ranges::any_of(words,
                             [&](const Since& one) { return one.name == word && one.version <= version; });
}

// `"a", "b"`, each once.
std::string quoted(Names names) {
  std::ranges::sort(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  for (std::string& name : names) name = fmt::format("\"{}\"", name);
  return fmt::format("{}", fmt::join(names, ", "));
}

// `container "a"`, `containers "a", "b"`.
std::string counted(const char* what, const Names& names) {
  return fmt::format("{}{} {}", what, names.size() == 1 ? "" : "s", quoted(names));
}

const Tree& security_context(const Tree& object) {
  static const Tree kNone;
  const Tree* found = object.find("securityContext");
  return found == nullptr ? kNone : *found;
}

// Evaluates one pod; each check adds what it finds.
class Evaluation {
 public:
  Evaluation(const Tree& pod, int version) : pod_(pod), version_(version) {}

  // What the restricted level says more strictly is left to it.
  void check_baseline(bool is_only_baseline) {
    check_app_armor();
    if (is_only_baseline || version_ < 22)
      check_capabilities("non-default capabilities", kDefaultCapabilities, false);
    check_host_namespaces();
    if (is_only_baseline) check_host_path_volumes();
    check_host_ports();
    if (version_ >= 34) check_probed_hosts();
    check_privileged();
    if (!is_only_baseline || !is_in_user_namespace()) check_proc_mount();
    check_selinux();
    if (version_ < 19)
      check_seccomp_annotations();
    else if (is_only_baseline)
      check_seccomp_is_not_off();
    check_sysctls();
    check_windows_host_process();
  }

  void check_restricted() {
    const bool is_exempt = version_ >= 25 && is_windows();
    if (version_ >= 8 && !is_exempt) check_privilege_escalation();
    if (version_ >= 22 && !is_exempt)
      check_capabilities("unrestricted capabilities", kRestrictedCapabilities, true);
    check_volume_types();
    if (!is_in_user_namespace()) check_run_as_non_root();
    if (version_ >= 23 && !is_in_user_namespace()) check_run_as_user();
    if (version_ >= 19 && !is_exempt) check_seccomp_is_on();
  }

  std::vector<std::string> take() { return std::move(found_); }

 private:
  bool is_windows() const { return pod_.text_at("spec", "os", "name") == "windows"; }
  // Its root is nobody outside.
  bool is_in_user_namespace() const {
    const Tree* is_of_host = pod_.find("spec", "hostUsers");
    return version_ >= 35 && is_of_host != nullptr && !is_of_host->is_null() && !is_of_host->as_bool();
  }
  const Tree& pod_context() const {
    static const Tree kNone;
    const Tree* spec = pod_.find("spec");
    return security_context(spec == nullptr ? kNone : *spec);
  }

  void add(std::string_view title, std::string_view detail) {
    if (!detail.empty()) found_.push_back(fmt::format("{} ({})", title, detail));
  }

  template <class IsBad>
  Names containers_that(IsBad&& is_bad) const {
    Names names;
    for_each_container(pod_, [&](const Tree& container) {
      if (is_bad(container)) names.emplace_back(container.text_at("name"));
    });
    return names;
  }

  // `pod and container "a"`: who has set what they must not; empty: nobody.
  static std::string setters(bool is_pod, const Names& containers) {
    if (containers.empty()) return is_pod ? "pod" : "";
    return fmt::format("{}{}", is_pod ? "pod and " : "", counted("container", containers));
  }

  // ---- baseline

  // visit(key, value) for every annotation whose key begins like that.
  template <class Visit>
  void for_each_annotation(std::string_view prefix, Visit&& visit) const {
    if (const Tree* annotations = pod_.find("metadata", "annotations"))
      for (const auto& [key, value] : annotations->object())
        if (key.starts_with(prefix)) visit(std::string_view(key), value.as_string());
  }

  void check_app_armor_annotations() {
    Names set;
    for_each_annotation("container.apparmor.security.beta.kubernetes.io/", [&](std::string_view key,
                                                                               std::string_view profile) {
      if (profile.empty() || profile == "runtime/default" || profile.starts_with("localhost/")) return;
      set.push_back(fmt::format("{}=\"{}\"", key, profile));
    });
    add(set.size() == 1 ? "forbidden AppArmor profile" : "forbidden AppArmor profiles",
        fmt::format("{}", fmt::join(set, ", ")));
  }

  void check_app_armor() {
    check_app_armor_annotations();
    const auto is_bad = [](const Tree& context) {
      return context.text_at("appArmorProfile", "type") == "Unconfined";
    };
    const bool is_pod = is_bad(pod_context());
    const Names containers =
        containers_that([&](const Tree& container) { return is_bad(security_context(container)); });
    if (is_pod || !containers.empty())
      add("forbidden AppArmor profile", fmt::format("{} must not set AppArmor profile type to \"Unconfined\"",
                                                    setters(is_pod, containers)));
  }

  void check_capabilities(const char* title, Words allowed, bool has_to_drop) {
    Names keeping, adding, capabilities;
    for_each_container(pod_, [&](const Tree& container) {
      const Tree* dropped = security_context(container).find("capabilities", "drop");
      const bool drops_all =
          dropped != nullptr &&
          std::ranges::any_of(dropped->array(), [](const Tree& name) { return name.as_string() == "ALL"; });
      if (!drops_all) keeping.emplace_back(container.text_at("name"));
      if (const Tree* added = security_context(container).find("capabilities", "add"))
        for (const Tree& capability : added->array())
          if (!contains(allowed, capability.as_string())) {
            adding.emplace_back(container.text_at("name"));
            capabilities.emplace_back(capability.as_string());
          }
    });
    std::vector<std::string> details;
    if (has_to_drop && !keeping.empty())
      details.push_back(fmt::format("{} must set securityContext.capabilities.drop=[\"ALL\"]",
                                    counted("container", keeping)));
    std::ranges::sort(adding);
    adding.erase(std::unique(adding.begin(), adding.end()), adding.end());
    if (!adding.empty())
      details.push_back(fmt::format("{} must not include {} in securityContext.capabilities.add",
                                    counted("container", adding), quoted(capabilities)));
    add(title, fmt::format("{}", fmt::join(details, "; ")));
  }

  void check_host_namespaces() {
    std::vector<std::string> set;
    for (const char* name : {"hostNetwork", "hostPID", "hostIPC"})
      if (is_true(pod_.find("spec", name))) set.push_back(fmt::format("{}=true", name));
    add("host namespaces", fmt::format("{}", fmt::join(set, ", ")));
  }

  template <class Visit>
  void for_each_volume(Visit&& visit) const {
    if (const Tree* volumes = pod_.find("spec", "volumes"))
      for (const Tree& volume : volumes->array()) visit(volume);
  }

  void check_host_path_volumes() {
    Names names;
    for_each_volume([&](const Tree& volume) {
      if (volume.find("hostPath") != nullptr) names.emplace_back(volume.text_at("name"));
    });
    if (!names.empty()) add("hostPath volumes", counted("volume", names));
  }

  void check_host_ports() {
    std::vector<std::int64_t> ports;
    const Names names = containers_that([&](const Tree& container) {
      const std::size_t before = ports.size();
      if (const Tree* list = container.find("ports"))
        for (const Tree& port : list->array())
          if (const Tree* number = port.find("hostPort");
              number != nullptr && number->as_int64().value_or(0) != 0)
            ports.push_back(*number->as_int64());
      return ports.size() > before;
    });
    if (names.empty()) return;
    std::ranges::sort(ports);
    ports.erase(std::unique(ports.begin(), ports.end()), ports.end());
    add("hostPort",
        fmt::format("{} {} hostPort{} {}", counted("container", names), names.size() == 1 ? "uses" : "use",
                    ports.size() == 1 ? "" : "s", fmt::join(ports, ", ")));
  }

  // A probe of another host is the node's own request to it.
  void check_probed_hosts() {
    Names hosts;
    const Names names = containers_that([&](const Tree& container) {
      const std::size_t before = hosts.size();
      const auto look_at = [&](const Tree* handler) {
        for (const char* kind : {"httpGet", "tcpSocket"})
          if (const std::string_view host = handler == nullptr ? "" : handler->text_at(kind, "host");
              !host.empty())
            hosts.emplace_back(host);
      };
      for (const char* probe : {"livenessProbe", "readinessProbe", "startupProbe"})
        look_at(container.find(probe));
      for (const char* handler : {"postStart", "preStop"}) look_at(container.find("lifecycle", handler));
      return hosts.size() > before;
    });
    if (names.empty()) return;
    std::ranges::sort(hosts);
    hosts.erase(std::unique(hosts.begin(), hosts.end()), hosts.end());
    add("probe or lifecycle host",
        fmt::format("{} {} {}", counted("container", names), names.size() == 1 ? "uses" : "use",
                    counted("probe or lifecycle host", hosts)));
  }

  void check_privileged() {
    const Names names = containers_that(
        [](const Tree& container) { return is_true(security_context(container).find("privileged")); });
    if (!names.empty())
      add("privileged",
          fmt::format("{} must not set securityContext.privileged=true", counted("container", names)));
  }

  void check_proc_mount() {
    const Names names = containers_that([](const Tree& container) {
      const std::string_view mount = security_context(container).text_at("procMount");
      return !mount.empty() && mount != "Default";
    });
    if (!names.empty())
      add("procMount", fmt::format("{} must not set securityContext.procMount to \"Unmasked\"",
                                   counted("container", names)));
  }

  void check_selinux() {
    Names types;
    bool sets_user = false, sets_role = false;
    const auto is_bad = [&](const Tree& context) {
      const std::string_view type = context.text_at("seLinuxOptions", "type");
      const bool has_type = !contains(kSafeSelinuxTypes, type, version_);
      const bool has_user = !context.text_at("seLinuxOptions", "user").empty();
      const bool has_role = !context.text_at("seLinuxOptions", "role").empty();
      if (has_type) types.emplace_back(type);
      sets_user = sets_user || has_user;
      sets_role = sets_role || has_role;
      return has_type || has_user || has_role;
    };
    const bool is_pod = is_bad(pod_context());
    const Names containers =
        containers_that([&](const Tree& container) { return is_bad(security_context(container)); });
    if (!is_pod && containers.empty()) return;
    std::vector<std::string> details;
    if (!types.empty())
      details.push_back(fmt::format("type{} {}", types.size() == 1 ? "" : "s", quoted(types)));
    if (sets_user) details.emplace_back("user may not be set");
    if (sets_role) details.emplace_back("role may not be set");
    add("seLinuxOptions", fmt::format("{} set forbidden securityContext.seLinuxOptions: {}",
                                      setters(is_pod, containers), fmt::join(details, "; ")));
  }

  // Before there were fields for it.
  void check_seccomp_annotations() {
    Names set;
    const auto look_at = [&](std::string_view key, std::string_view profile) {
      if (profile != "runtime/default" && profile != "docker/default" && !profile.starts_with("localhost/"))
        set.push_back(fmt::format("{}=\"{}\"", key, profile));
    };
    for_each_annotation("seccomp.security.alpha.kubernetes.io/pod", look_at);
    for_each_annotation("container.seccomp.security.alpha.kubernetes.io/", look_at);
    if (set.empty()) return;
    add("seccompProfile",
        fmt::format("forbidden annotation{} {}", set.size() == 1 ? "" : "s", fmt::join(set, ", ")));
  }

  void check_seccomp_is_not_off() {
    const auto is_bad = [](const Tree& context) {
      const std::string_view type = context.text_at("seccompProfile", "type");
      return !type.empty() && !contains(kSafeSeccompProfiles, type);
    };
    const bool is_pod = is_bad(pod_context());
    const Names containers =
        containers_that([&](const Tree& container) { return is_bad(security_context(container)); });
    if (is_pod || !containers.empty())
      add("seccompProfile",
          fmt::format("{} must not set securityContext.seccompProfile.type to \"Unconfined\"",
                      setters(is_pod, containers)));
  }

  void check_sysctls() {
    Names names;
    if (const Tree* sysctls = pod_context().find("sysctls"))
      for (const Tree& sysctl : sysctls->array())
        if (!contains(kSafeSysctls, sysctl.text_at("name"), version_))
          names.emplace_back(sysctl.text_at("name"));
    add("forbidden sysctls", fmt::format("{}", fmt::join(names, ", ")));
  }

  void check_windows_host_process() {
    const auto is_bad = [](const Tree& context) {
      return is_true(context.find("windowsOptions", "hostProcess"));
    };
    const bool is_pod = is_bad(pod_context());
    const Names containers =
        containers_that([&](const Tree& container) { return is_bad(security_context(container)); });
    if (is_pod || !containers.empty())
      add("hostProcess", fmt::format("{} must not set securityContext.windowsOptions.hostProcess=true",
                                     setters(is_pod, containers)));
  }

  // ---- restricted

  void check_privilege_escalation() {
    const Names names = containers_that([](const Tree& container) {
      const Tree* allowed = security_context(container).find("allowPrivilegeEscalation");
      return allowed == nullptr || allowed->as_bool();
    });
    if (!names.empty())
      add("allowPrivilegeEscalation != false",
          fmt::format("{} must set securityContext.allowPrivilegeEscalation=false",
                      counted("container", names)));
  }

  void check_volume_types() {
    Names names, types;
    for_each_volume([&](const Tree& volume) {
      for (const auto& [key, value] : volume.object()) {
        if (key == "name" || contains(kRestrictedVolumes, key)) continue;
        names.emplace_back(volume.text_at("name"));
        types.push_back(key);
      }
    });
    if (names.empty()) return;
    const bool is_one = names.size() == 1;
    add("restricted volume types", fmt::format("{} {} restricted volume type{} {}", counted("volume", names),
                                               is_one ? "uses" : "use", is_one ? "" : "s", quoted(types)));
  }

  // What the pod says counts for containers that say nothing.
  void check_run_as_non_root() {
    const Tree* of_pod = pod_context().find("runAsNonRoot");
    const bool is_pod_bad = of_pod != nullptr && !of_pod->as_bool();
    const Names bad = containers_that([](const Tree& container) {
      const Tree* own = security_context(container).find("runAsNonRoot");
      return own != nullptr && !own->as_bool();
    });
    const Names silent = containers_that([&](const Tree& container) {
      return security_context(container).find("runAsNonRoot") == nullptr && !is_true(of_pod);
    });
    if (is_pod_bad || !bad.empty())
      add("runAsNonRoot != true",
          fmt::format("{} must not set securityContext.runAsNonRoot=false", setters(is_pod_bad, bad)));
    else if (!silent.empty())
      add("runAsNonRoot != true",
          fmt::format("pod or {} must set securityContext.runAsNonRoot=true", counted("container", silent)));
  }

  void check_run_as_user() {
    const auto is_bad = [](const Tree& context) {
      const Tree* user = context.find("runAsUser");
      return user != nullptr && user->as_int64() == 0;
    };
    const bool is_pod = is_bad(pod_context());
    const Names containers =
        containers_that([&](const Tree& container) { return is_bad(security_context(container)); });
    if (is_pod || !containers.empty())
      add("runAsUser=0", fmt::format("{} must not set runAsUser=0", setters(is_pod, containers)));
  }

  void check_seccomp_is_on() {
    const auto type_of = [](const Tree& context) { return context.text_at("seccompProfile", "type"); };
    const std::string_view of_pod = type_of(pod_context());
    const bool is_pod_bad = !of_pod.empty() && !contains(kSafeSeccompProfiles, of_pod);
    const Names bad = containers_that([&](const Tree& container) {
      const std::string_view own = type_of(security_context(container));
      return !own.empty() && !contains(kSafeSeccompProfiles, own);
    });
    const Names silent = containers_that([&](const Tree& container) {
      return type_of(security_context(container)).empty() && of_pod.empty();
    });
    if (is_pod_bad || !bad.empty())
      add("seccompProfile",
          fmt::format("{} must not set securityContext.seccompProfile.type to \"Unconfined\"",
                      setters(is_pod_bad, bad)));
    else if (!silent.empty())
      add("seccompProfile",
          fmt::format(
              "pod or {} must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\"",
              counted("container", silent)));
  }

  const Tree& pod_;
  const int version_;
  std::vector<std::string> found_;
};

}  // namespace

std::optional<SecurityLevel> parse_security_level(std::string_view text) {
  if (text == "privileged") return SecurityLevel::Privileged;
  if (text == "baseline") return SecurityLevel::Baseline;
  if (text == "restricted") return SecurityLevel::Restricted;
  return std::nullopt;
}

std::optional<int> parse_standard_version(std::string_view text) {
  if (text == "latest") return kLatestStandard;
  if (!text.starts_with("v1.")) return std::nullopt;
  text.remove_prefix(3);
  int version = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), version);
  const bool is_number = failed == std::errc{} && end == text.data() + text.size() && text.front() != '-';
  return is_number ? std::optional(version) : std::nullopt;
}

std::vector<std::string> security_violations(SecurityLevel level, int version, const Tree& pod) {
  if (level == SecurityLevel::Privileged) return {};
  Evaluation evaluation(pod, version);
  evaluation.check_baseline(level == SecurityLevel::Baseline);
  if (level == SecurityLevel::Restricted) evaluation.check_restricted();
  return evaluation.take();
}

}  // namespace gantry::kube::admission
