// SPDX-License-Identifier: Apache-2.0
#include "cli/template.h"

#include <gtest/gtest.h>

#include "testing/must.h"

namespace gantry::cli {
namespace {

constexpr std::string_view kJson = R"({
  "Name": "/web", "Running": true, "Dead": false, "Pid": 42, "Share": 0.5, "Nothing": null, "Options": null,
  "Config": {"Labels": {"b": "2", "a": "1"}, "Cmd": ["sh", "-c", "x y"], "Empty": []},
  "Networks": {"shop": {"IP": "10.0.0.2"}, "back": {"IP": "10.1.0.2"}}
})";

std::string rendered(std::string_view text) {
  const auto document = MUST(json::Document::parse(std::string(kJson)));
  const auto parsed = Template::parse(text);
  if (!parsed) return parsed.error().message();
  const auto result = parsed->render(document.root());
  return result ? *result : result.error().message();
}

TEST(Template, writes_values_as_go_does) {
  EXPECT_EQ(rendered("{{.Name}} {{.Running}} {{.Pid}} {{.Share}}"), "/web true 42 0.5");
  EXPECT_EQ(rendered("{{.Config.Cmd}} {{.Config.Labels}}"), "[sh -c x y] map[a:1 b:2]");
  EXPECT_EQ(rendered("{{.Nothing}}"), "<no value>");
  EXPECT_EQ(rendered("no action"), "no action");
}

TEST(Template, takes_a_key_that_a_map_lacks_for_no_value) {
  EXPECT_EQ(rendered("{{.Config.Labels.z}}"), "<no value>");
  EXPECT_EQ(rendered("{{.Networks.none}}"), "<no value>");
  EXPECT_EQ(rendered("{{.Networks.none.IP}}"), "template: there is no field '.IP' here");
  EXPECT_EQ(rendered("{{.Networks.shop.Missing}}"), "template: there is no field '.Missing' here");
  EXPECT_EQ(rendered("{{.Options.x}}"), "<no value>");
}

TEST(Template, knows_what_docker_leaves_out_of_json) {
  const auto of_mount = [](std::string_view format) {
    const json::Document mount = MUST(json::Document::parse(R"({"Destination":"/x","NetworkMode":"none"})"));
    const auto result = MUST(Template::parse(format)).render(mount.root());
    return result ? *result : result.error().message();
  };
  EXPECT_EQ(of_mount("{{.Driver}}|{{json .Driver}}"), R"(|"")");
  EXPECT_EQ(of_mount("{{.Tmpfs}} {{json .Tmpfs}} {{.Mounts}} {{json .Mounts}} {{len .Mounts}}"),
            "map[] null [] null 0");
  EXPECT_EQ(of_mount("{{.Init}} {{if .Init}}yes{{else}}no{{end}} {{range .Tmpfs}}x{{else}}none{{end}}"),
            "<nil> no none");
  EXPECT_EQ(of_mount("{{.Health}}"), "template: there is no field '.Health' here") << "not of this struct";
}

TEST(Template, chooses) {
  EXPECT_EQ(rendered("{{if .Running}}up{{else}}down{{end}}"), "up");
  EXPECT_EQ(rendered("{{if .Dead}}a{{else if eq .Pid 42}}b{{else}}c{{end}}"), "b");
  EXPECT_EQ(rendered("{{with .Config.Empty}}{{.}}{{else}}none{{end}}"), "none");
  EXPECT_EQ(rendered("{{with .Config}}{{len .Cmd}}{{end}}{{.Pid}}"), "342");
  EXPECT_EQ(rendered("{{if and .Running (gt .Pid 40) (not .Dead)}}yes{{end}}"), "yes");
}

TEST(Template, goes_through_lists_and_maps) {
  EXPECT_EQ(rendered("{{range .Config.Cmd}}<{{.}}>{{end}}"), "<sh><-c><x y>");
  EXPECT_EQ(rendered("{{range $i, $x := .Config.Cmd}}{{if $i}}, {{end}}{{$x}}{{end}}"), "sh, -c, x y");
  EXPECT_EQ(rendered("{{range $k, $v := .Networks}}{{$k}}={{$v.IP}};{{end}}"),
            "shop=10.0.0.2;back=10.1.0.2;");
  EXPECT_EQ(rendered("{{range .Config.Empty}}x{{else}}none{{end}}"), "none");
  EXPECT_EQ(rendered("{{range .Config.Cmd}}{{if eq . \"-c\"}}{{break}}{{end}}{{.}}{{end}}"), "sh");
  EXPECT_EQ(rendered("{{range .Config.Cmd}}{{if eq . \"-c\"}}{{continue}}{{end}}{{.}}|{{end}}{{$.Pid}}"),
            "sh|x y|42");
}

TEST(Template, knows_docker_s_functions) {
  EXPECT_EQ(rendered("{{json .Config.Labels}}"), R"({"b":"2","a":"1"})");
  EXPECT_EQ(rendered("{{json .Config.Cmd}}"), R"(["sh","-c","x y"])");
  EXPECT_EQ(rendered("{{join .Config.Cmd \"+\"}} {{upper .Name}} {{title \"a bc\"}}"), "sh+-c+x y /WEB A Bc");
  EXPECT_EQ(rendered("{{index .Config.Labels \"a\"}}{{index .Config.Labels \"z\"}}{{index .Config.Cmd 1}}"),
            "1-c");
  EXPECT_EQ(rendered("{{index (split .Name \"/\") 1}} {{truncate .Name 3}}"), "web /we");
  EXPECT_EQ(rendered("{{printf \"%s-%5d|%-4s|%q\" .Name .Pid \"x\" \"y\"}}"), "/web-   42|x   |\"y\"");
  EXPECT_EQ(rendered("{{.Name | printf \"<%s>\" | upper}}"), "</WEB>");
  EXPECT_EQ(rendered("{{println .Pid}}"), "42\n");
  EXPECT_EQ(rendered("{{(index .Networks \"shop\").IP}}"), "10.0.0.2");
}

TEST(Template, has_variables_comments_and_trim_marks) {
  EXPECT_EQ(rendered("{{$x := .Pid}}{{$x}}{{$x = 1}}{{$x}}"), "421");
  EXPECT_EQ(rendered("a {{- /* nothing */ -}} b"), "ab");
  EXPECT_EQ(rendered("a\n {{- .Pid -}} \n b"), "a42b");
  EXPECT_EQ(rendered("{{\"}}\"}}{{`\"`}}"), "}}\"");
}

TEST(Template, says_what_is_wrong) {
  EXPECT_EQ(rendered("{{.Missing}}"), "template: there is no field '.Missing' here");
  EXPECT_EQ(rendered("{{.Name.Inner}}"), "template: there is no field '.Inner' here");
  EXPECT_EQ(rendered("{{nothing .Name}}"), "template: function 'nothing' is not defined");
  EXPECT_EQ(rendered("{{len}}"), "template: wrong number of arguments for len");
  for (const char* text : {"{{", "{{.Name", "{{if .Name}}", "{{end}}", "{{range}}{{end}}", "{{.Name | }}",
                           "{{(.Name}}", "{{\"x}}", "{{define \"x\"}}{{end}}", "{{/* x }}", "{{.Name)}}"})
    EXPECT_TRUE(rendered(text).starts_with("template parsing error")) << text << ": " << rendered(text);
}

TEST(Template, depth_is_bounded) {
  std::string text;
  for (int i = 0; i < 10000; ++i) text += "{{if .Pid}}";
  EXPECT_TRUE(rendered(text).starts_with("template parsing error"));
  EXPECT_TRUE(rendered("{{" + std::string(10000, '(')).starts_with("template parsing error"));
  EXPECT_TRUE(rendered("{{" + std::string(10000, '(') + "}}").starts_with("template parsing error"));
}

}  // namespace
}  // namespace gantry::cli
