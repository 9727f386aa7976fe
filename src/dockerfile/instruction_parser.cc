// SPDX-License-Identifier: Apache-2.0
#include "dockerfile/instruction_parser.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "base/duration.h"
#include "base/lower_case.h"
#include "base/printable.h"
#include "base/trim.h"
#include "dockerfile/here_document.h"
#include "dockerfile/spelling.h"
#include "dockerfile/values.h"

namespace gantry::dockerfile {
namespace {

// A word for whoever wrote no more than the keyword.
Result<void> need_rest(const Statement& statement, std::string_view example) {
  if (!statement.rest().empty()) return {};
  return statement.problems().at(statement.line().position(0),
                                 fmt::format("{} needs something behind it", statement.keyword()),
                                 fmt::format("as in: {} {}", statement.keyword(), example));
}

bool is_variable_name(std::string_view name) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  return !name.empty() && is_letter(name[0]) &&
         std::ranges::all_of(name, [&](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
}

// "[a-z][a-z0-9-_.]*" once it is in lower case.
bool is_stage_name(std::string_view name) {
  const auto is_letter = [](char c) { return c >= 'a' && c <= 'z'; };
  return !name.empty() && is_letter(name[0]) && std::ranges::all_of(name, [&](char c) {
    return is_letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  });
}

std::string upper(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return result;
}

Result<InstructionBody> parse_from(Statement& statement) {
  static constexpr std::array<std::string_view, 1> kFlags = {"platform"};
  From from;
  if (auto platform = TRY(statement.flag("platform"))) from.platform = std::move(*platform);
  TRY(statement.no_more_flags(kFlags));
  TRY(need_rest(statement, "debian:12"));
  const std::vector<RawWord> words = statement.words();
  from.image = statement.word(words[0].text);
  if (words.size() == 1) return from;
  if (words.size() != 3 || upper(words[1].text) != "AS")
    return statement.fail(words[1].text, fmt::format("'{}' is not expected here", printable(words[1].text)),
                          "write FROM IMAGE or FROM IMAGE AS NAME");
  from.name = in_lower_case(words[2].text);
  if (!is_stage_name(from.name))
    return statement.fail(words[2].text,
                          fmt::format("'{}' cannot be the name of a stage", printable(words[2].text)),
                          "it begins with a letter, and has letters, digits, '-', '_' and '.'");
  if (from.name == "scratch")
    return statement.fail(words[2].text, "'scratch' cannot be the name of a stage", "it is the empty image");
  return from;
}

Result<InstructionBody> parse_arg(Statement& statement) {
  TRY(need_rest(statement, "VERSION=1"));
  Arg arg;
  for (const RawWord& raw : statement.words()) {
    const std::size_t equals = raw.text.find('=');
    Arg::Item item{.name = unquoted(raw.text.substr(0, equals), statement.escape()),
                   .value = std::nullopt,
                   .at = statement.position(raw.text)};
    if (!is_variable_name(item.name))
      return statement.fail(raw.text, fmt::format("'{}' is no name of an argument", printable(item.name)),
                            "write ARG NAME or ARG NAME=DEFAULT");
    if (equals != raw.text.npos) item.value = statement.word(raw.text.substr(equals + 1));
    arg.items.push_back(std::move(item));
  }
  return arg;
}

// ENV and LABEL: NAME=VALUE ..., or one NAME VALUE, which goes to the end of the line.
Result<std::vector<Assignment>> parse_assignments(Statement& statement) {
  TRY(need_rest(statement, "NAME=value"));
  const std::vector<RawWord> words = statement.words();
  if (words[0].text.find('=') == std::string_view::npos) {
    const std::string_view value = trimmed_left(statement.rest().substr(words[0].text.size()));
    if (value.empty())
      return statement.fail(words[0].text, fmt::format("'{}' has no value", printable(words[0].text)),
                            fmt::format("write {} NAME=VALUE", statement.keyword()));
    statement.problems().warn(
        statement.position(words[0].text), "LegacyKeyValueFormat",
        fmt::format("'{0} NAME VALUE' is an old form: write {0} NAME=VALUE", statement.keyword()));
    return std::vector{Assignment{statement.word(words[0].text), statement.word(value)}};
  }
  std::vector<Assignment> assignments;
  for (const RawWord& raw : words) {
    const std::size_t equals = raw.text.find('=');
    if (equals == raw.text.npos)
      return statement.fail(raw.text, fmt::format("'{}' has no '='", printable(raw.text)),
                            "a value with spaces needs quotes: NAME=\"two words\"");
    if (equals == 0)
      return statement.fail(raw.text, fmt::format("'{}' has no name before the '='", printable(raw.text)));
    assignments.push_back(
        {statement.word(raw.text.substr(0, equals)), statement.word(raw.text.substr(equals + 1))});
  }
  return assignments;
}

std::vector<Word> plain_words(Statement& statement) {
  std::vector<Word> words;
  for (const RawWord& raw : statement.words()) words.push_back(statement.word(raw.text));
  return words;
}

Result<InstructionBody> parse_volume(Statement& statement) {
  TRY(need_rest(statement, "/data"));
  Volume volume;
  if (const auto paths = parse_json_strings(statement.rest()))
    for (const std::string& path : *paths)
      volume.paths.push_back({path, statement.position(statement.rest())});
  else
    volume.paths = plain_words(statement);
  if (volume.paths.empty() || std::ranges::any_of(volume.paths, &Word::is_empty))
    return statement.fail(statement.rest(), "a volume has no path");
  return volume;
}

Result<InstructionBody> parse_shell(Statement& statement) {
  auto words = parse_json_strings(statement.rest());
  if (!words || words->empty())
    return statement.problems().at(statement.line().position(0), "SHELL needs a list in JSON",
                                   R"(as in: SHELL ["/bin/bash", "-c"])");
  return Shell{std::move(*words)};
}

Result<std::chrono::nanoseconds> duration_flag(Statement& statement, std::string_view name) {
  using namespace std::chrono_literals;
  const auto flag = TRY(statement.flag(name));
  if (!flag) return 0ns;
  const auto duration = parse_duration(flag->text);
  if (!duration)
    return statement.problems().at(flag->at, fmt::format("'{}' is no duration", printable(flag->text)),
                                   "as in: 30s, 1m30s, 500ms");
  if (*duration != 0ns && *duration < 1ms)
    return statement.problems().at(flag->at, fmt::format("--{} is less than a millisecond", name));
  return *duration;
}

Result<InstructionBody> parse_healthcheck(Statement& statement) {
  static constexpr std::array<std::string_view, 5> kFlags = {"interval", "timeout", "start-period",
                                                             "start-interval", "retries"};
  Healthcheck check;
  check.interval = TRY(duration_flag(statement, "interval"));
  check.timeout = TRY(duration_flag(statement, "timeout"));
  check.start_period = TRY(duration_flag(statement, "start-period"));
  check.start_interval = TRY(duration_flag(statement, "start-interval"));
  if (const auto retries = TRY(statement.flag("retries"))) {
    const auto count = parse_id(retries->text);
    if (!count || *count > 0x7fff'ffff)
      return statement.problems().at(
          retries->at, fmt::format("--retries is a number, not '{}'", printable(retries->text)));
    check.retries = *count;
  }
  TRY(statement.no_more_flags(kFlags));
  TRY(need_rest(statement, "CMD curl -f http://localhost/"));
  const std::string_view word = statement.words()[0].text;
  const std::string_view rest = trimmed_left(statement.rest().substr(word.size()));
  if (upper(word) == "NONE") {
    check.is_none = true;
    if (!rest.empty()) return statement.fail(rest, "nothing can follow HEALTHCHECK NONE");
    return check;
  }
  if (upper(word) != "CMD")
    return statement.fail(word, fmt::format("'{}' is no kind of health check", printable(word)),
                          "write HEALTHCHECK CMD COMMAND or HEALTHCHECK NONE");
  if (rest.empty()) return statement.fail(word, "the health check has no command");
  check.command = parse_command_line(statement, rest);
  return check;
}

Result<void> check_trigger(const Statement& statement) {
  const std::string_view word = statement.words()[0].text;
  const std::string keyword = upper(word);
  for (const char* refused : {"ONBUILD", "FROM", "MAINTAINER"})
    if (keyword == refused)
      return statement.fail(word, fmt::format("{} cannot be a trigger", keyword),
                            "ONBUILD takes any other instruction");
  return {};
}

// The here-documents are kept with the text, in the form in which it is read again.
Result<InstructionBody> parse_on_build(Statement& statement, std::span<const HereDocument> documents) {
  TRY(need_rest(statement, "RUN make"));
  TRY(check_trigger(statement));
  OnBuild trigger{std::string(statement.rest())};
  for (const HereDocument& document : documents) trigger.text.append("\n").append(document.verbatim);
  if (trigger.text.ends_with('\n')) trigger.text.pop_back();
  // What is wrong with it is found now, not by who builds on this image.
  LineReader reader(trigger.text);
  reader.set_escape(statement.escape());
  const auto line = reader.next();
  if (!line) return statement.fail(statement.rest(), "ONBUILD needs an instruction");
  Problems inner("ONBUILD", nullptr);
  const auto parsed = parse_instruction(*line, reader, statement.escape(), inner);
  if (!parsed) return statement.fail(statement.rest(), parsed.error().message());
  return trigger;
}

Result<Word> whole_rest(Statement& statement, std::string_view example) {
  TRY(need_rest(statement, example));
  return statement.word(statement.rest());
}

constexpr std::array<std::string_view, 18> kKeywords = {
    "ADD",   "ARG",        "CMD",     "COPY", "ENTRYPOINT", "ENV",        "EXPOSE", "FROM",   "HEALTHCHECK",
    "LABEL", "MAINTAINER", "ONBUILD", "RUN",  "SHELL",      "STOPSIGNAL", "USER",   "VOLUME", "WORKDIR"};

Result<InstructionBody> parse_body(Statement& statement, std::vector<HereDocument> documents) {
  const std::string& keyword = statement.keyword();
  if (keyword == "RUN") return TRY(parse_run(statement, std::move(documents)));
  if (keyword == "COPY" || keyword == "ADD") return TRY(parse_copy(statement, std::move(documents)));
  if (keyword == "FROM") return parse_from(statement);
  if (keyword == "HEALTHCHECK") return parse_healthcheck(statement);
  // "CMD --version" is a command.
  if (keyword == "CMD") return Cmd{parse_command_line(statement, statement.rest())};
  if (keyword == "ENTRYPOINT") return Entrypoint{parse_command_line(statement, statement.rest())};
  if (keyword == "ARG") return parse_arg(statement);
  if (keyword == "ENV") return Env{TRY(parse_assignments(statement))};
  if (keyword == "LABEL") return Label{TRY(parse_assignments(statement))};
  if (keyword == "EXPOSE") {
    TRY(need_rest(statement, "80/tcp"));
    return Expose{plain_words(statement)};
  }
  if (keyword == "VOLUME") return parse_volume(statement);
  if (keyword == "SHELL") return parse_shell(statement);
  if (keyword == "USER") return User{TRY(whole_rest(statement, "1000:1000"))};
  if (keyword == "WORKDIR") return Workdir{TRY(whole_rest(statement, "/app"))};
  if (keyword == "STOPSIGNAL") return StopSignal{TRY(whole_rest(statement, "SIGTERM"))};
  if (keyword == "ONBUILD") return parse_on_build(statement, documents);
  if (keyword == "MAINTAINER") {
    TRY(need_rest(statement, "name"));
    statement.problems().warn(statement.line().position(0), "MaintainerDeprecated",
                              "MAINTAINER is an old form: write LABEL org.opencontainers.image.authors=NAME");
    return Maintainer{std::string(statement.rest())};
  }
  const std::string_view meant = nearest(keyword, kKeywords);
  return statement.problems().at(statement.line().position(0),
                                 fmt::format("unknown instruction '{}'", printable(keyword, 32)),
                                 meant.empty() ? "" : fmt::format("did you mean {}?", meant));
}

bool may_have_documents(std::string_view keyword) {
  return keyword == "RUN" || keyword == "COPY" || keyword == "ADD";
}

bool has_flags(std::string_view keyword) {
  return may_have_documents(keyword) || keyword == "FROM" || keyword == "HEALTHCHECK";
}

// Of "ONBUILD RUN ..." it is the inner keyword that counts. JSON has no here-documents.
Result<std::vector<HereDocument>> read_documents(const Statement& statement, LineReader& reader) {
  std::vector<HereDocument> documents;
  std::string keyword = statement.keyword();
  if (keyword == "ONBUILD" && !statement.rest().empty()) keyword = upper(statement.words()[0].text);
  if (!may_have_documents(keyword) || statement.rest().find("<<") == std::string_view::npos ||
      parse_json_strings(statement.rest()))
    return documents;
  for (const HereMark& mark : here_marks(statement.rest(), statement.escape())) {
    auto document = read_here_document(mark, reader);
    if (!document) return statement.fail(statement.rest(), document.error().message());
    documents.push_back(std::move(*document));
  }
  return documents;
}

}  // namespace

CommandLine parse_command_line(Statement& statement, std::string_view text) {
  if (auto words = parse_json_strings(text)) return {.is_shell = false, .words = std::move(*words)};
  if (text.starts_with('['))
    statement.problems().warn(statement.position(text), "JSONArgsRecommended",
                              "this looks like JSON, but is no list of strings in JSON: a shell will run it");
  return {.is_shell = true, .words = {std::string(text)}};
}

Result<Instruction> parse_instruction(const LogicalLine& line, LineReader& reader, char escape,
                                      Problems& problems) {
  Statement statement(line, escape, problems);
  if (has_flags(statement.keyword())) statement.read_flags();
  std::vector<HereDocument> documents = TRY(read_documents(statement, reader));
  LineRange lines = line.lines();
  for (const HereDocument& document : documents)
    lines.last += static_cast<unsigned>(std::ranges::count(document.verbatim, '\n'));
  InstructionBody body = TRY(parse_body(statement, std::move(documents)));
  return Instruction{.keyword = statement.keyword(),
                     .text = std::string(trimmed(line.text())),
                     .at = line.position(0),
                     .lines = lines,
                     .body = std::move(body)};
}

}  // namespace gantry::dockerfile
