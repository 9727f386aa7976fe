// SPDX-License-Identifier: Apache-2.0
#include "dockerfile/dockerfile.h"

#include <gtest/gtest.h>

#include "testing/must.h"

namespace gantry::dockerfile {
namespace {

template <class T>
const T& body(const Dockerfile& file, std::size_t index = 0) {
  return std::get<T>(file.stages.back().instructions.at(index).body);
}

std::string failure(std::string_view text) {
  const auto file = parse(text, "Dockerfile");
  return file ? "it is fine" : file.error().message();
}

TEST(Dockerfile, HasStagesWithNamesAndArgumentsBefore) {
  const Dockerfile file =
      MUST(parse("# syntax=docker/dockerfile:1\nARG V=12\nFROM debian:$V as Build\nRUN make\n"
                 "from --platform=linux/arm64 scratch\ncopy --from=build /a /b\n",
                 "Dockerfile"));
  EXPECT_EQ(file.directives.syntax, "docker/dockerfile:1");
  ASSERT_EQ(file.arguments.size(), 1u);
  ASSERT_EQ(file.stages.size(), 2u);
  EXPECT_EQ(file.stages[0].from.name, "build");
  EXPECT_EQ(file.stages[0].from.image.text, "debian:$V");
  EXPECT_EQ(file.stages[1].from.platform.text, "linux/arm64");
  EXPECT_EQ(file.stages[1].display_name(), "stage-1");
  EXPECT_EQ(file.find_stage("BUILD", 1), &file.stages[0]);
  EXPECT_EQ(file.find_stage("0", 2), &file.stages[0]);
  EXPECT_EQ(file.find_stage("build", 0), nullptr);
}

TEST(Dockerfile, JoinsLinesAndKnowsWhereTheirWordsAre) {
  const Dockerfile file =
      MUST(parse("FROM a\nCOPY one \\\n  # not part of it\n\n   two \\\n dest\nENV x=1", "f"));
  const auto& copy = body<Copy>(file);
  ASSERT_EQ(copy.sources.size(), 2u);
  EXPECT_EQ(copy.sources[1].text, "two");
  EXPECT_EQ(copy.sources[1].at, (Position{5, 4}));
  EXPECT_EQ(copy.destination.at, (Position{6, 2}));
  EXPECT_EQ(file.stages[0].instructions[0].lines, (LineRange{2, 6}));
  EXPECT_EQ(file.warnings.size(), 1u);  // the empty line
}

TEST(Dockerfile, TheEscapeCharacterCanBeABacktick) {
  const Dockerfile file = MUST(parse("# escape=`\nFROM a\nRUN dir c:\\ `\n  && x\n", "f"));
  EXPECT_EQ(body<dockerfile::Run>(file).command.words[0], "dir c:\\   && x");
}

TEST(Dockerfile, CommandsAreForTheShellOrAList) {
  const Dockerfile file =
      MUST(parse("FROM a\nCMD [\"a\", \"b c\"]\nENTRYPOINT a \"b c\"\nCMD [a, b]\n", "f"));
  EXPECT_EQ(body<Cmd>(file).command, (CommandLine{false, {"a", "b c"}}));
  EXPECT_EQ(body<Entrypoint>(file, 1).command, (CommandLine{true, {"a \"b c\""}}));
  EXPECT_TRUE(body<Cmd>(file, 2).command.is_shell);
  EXPECT_EQ(file.warnings.size(), 1u);
}

TEST(Dockerfile, EnvAndLabelHaveAnOldAndANewForm) {
  const Dockerfile file =
      MUST(parse("FROM a\nENV a=1 b=\"2 3\" c=4\\ 5\nENV old  two words \nLABEL x.y=z\n", "f"));
  const auto& env = body<Env>(file).items;
  ASSERT_EQ(env.size(), 3u);
  EXPECT_EQ(env[1].value.text, "\"2 3\"");
  EXPECT_EQ(env[2].value.text, "4\\ 5");
  EXPECT_EQ(body<Env>(file, 1).items[0].value.text, "two words");
  EXPECT_EQ(body<Label>(file, 2).items[0].name.text, "x.y");
}

TEST(Dockerfile, HereDocumentsOfRun) {
  const Dockerfile file =
      MUST(parse("FROM a\nRUN <<EOF cat >x\n# kept\n$HOME\nEOF\nRUN <<-\"END\"\n\tx\n\tEND\nCMD y\n", "f"));
  const auto& first = body<dockerfile::Run>(file).documents;
  ASSERT_EQ(first.size(), 1u);
  EXPECT_EQ(first[0].content, "# kept\n$HOME\n");
  EXPECT_TRUE(first[0].expands);
  const auto& second = body<dockerfile::Run>(file, 1).documents;
  EXPECT_EQ(second[0].content, "x\n");
  EXPECT_EQ(second[0].verbatim, "\tx\n\tEND\n");
  EXPECT_FALSE(second[0].expands);
  EXPECT_EQ(file.stages[0].instructions[1].lines, (LineRange{6, 8}));
}

TEST(Dockerfile, HereDocumentsAreSourcesOfCopy) {
  const Dockerfile file = MUST(parse("FROM a\nCOPY <<one <<two real /d/\n1\none\n2\ntwo\n", "f"));
  const auto& copy = body<Copy>(file);
  ASSERT_EQ(copy.documents.size(), 2u);
  EXPECT_EQ(copy.documents[1].content, "2\n");
  ASSERT_EQ(copy.sources.size(), 1u);
  EXPECT_EQ(copy.sources[0].text, "real");
  EXPECT_NE(failure("FROM a\nRUN <<EOF\nx\n").find("has no end"), std::string::npos);
}

TEST(Dockerfile, AShellsOwnHereStringIsNoDocument) {
  const Dockerfile file = MUST(parse("FROM a\nRUN cat <<<EOF\nCMD x\n", "f"));
  EXPECT_TRUE(body<dockerfile::Run>(file).documents.empty());
}

TEST(Dockerfile, MountsOfRun) {
  const Dockerfile file =
      MUST(parse("FROM a\nRUN --mount=type=cache,id=x,target=/c,sharing=locked,mode=0700,uid=5 "
                 "--mount=from=build,source=/s,dst=/t,rw --mount=type=secret,id=k,env=KEY,required "
                 "--mount=type=tmpfs,target=/x,size=64m --network=none make --jobs=2\n",
                 "f"));
  const auto& run = body<dockerfile::Run>(file);
  ASSERT_EQ(run.mounts.size(), 4u);
  EXPECT_EQ(run.mounts[0].sharing, CacheSharing::Locked);
  EXPECT_EQ(run.mounts[0].mode, 0700u);
  EXPECT_FALSE(run.mounts[0].is_read_only);
  EXPECT_EQ(run.mounts[1].target.text, "/t");
  EXPECT_FALSE(run.mounts[1].is_read_only);
  EXPECT_TRUE(run.mounts[2].is_required);
  EXPECT_EQ(run.mounts[3].size, 64u << 20);
  EXPECT_EQ(run.network, RunNetwork::None);
  EXPECT_EQ(run.command.words[0], "make --jobs=2");
}

TEST(Dockerfile, HealthChecks) {
  const Dockerfile file =
      MUST(parse("FROM a\nHEALTHCHECK --interval=1m30s --retries=2 CMD curl x\nHEALTHCHECK none\n", "f"));
  using namespace std::chrono_literals;
  EXPECT_EQ(body<Healthcheck>(file).interval, 90s);
  EXPECT_EQ(body<Healthcheck>(file).retries, 2);
  EXPECT_EQ(body<Healthcheck>(file).command.words[0], "curl x");
  EXPECT_TRUE(body<Healthcheck>(file, 1).is_none);
}

TEST(Dockerfile, TriggersAreKeptAsTextAndParsedAgain) {
  const Dockerfile file = MUST(parse("FROM a\nONBUILD RUN <<EOF\nx\nEOF\n", "f"));
  const auto& trigger = body<OnBuild>(file);
  EXPECT_EQ(trigger.text, "RUN <<EOF\nx\nEOF");
  const Instruction instruction = MUST(parse_trigger(trigger.text));
  EXPECT_EQ(std::get<dockerfile::Run>(instruction.body).documents[0].content, "x\n");
}

TEST(Dockerfile, ErrorsHavePlaceAndHint) {
  Diagnostic problem;
  const auto file = parse("FROM a\n\n  RUM x\n", "Dockerfile", &problem);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().message(), "Dockerfile:3:3: unknown instruction 'RUM'; did you mean RUN?");
  EXPECT_EQ(problem.at, (Position{3, 3}));
  EXPECT_EQ(problem.hint, "did you mean RUN?");
}

TEST(Dockerfile, RefusesWhatCannotBeMeant) {
  for (const char* bad : {"",
                          "# only a comment\n",
                          "RUN x\n",
                          "FROM\n",
                          "FROM a b c\n",
                          "FROM a AS 9\n",
                          "FROM a AS scratch\n",
                          "FROM a\nRUN\n",
                          "FROM a\nCOPY x\n",
                          "FROM a\nENV x=1 y\n",
                          "FROM a\nENV x\n",
                          "FROM a\nARG 9x=1\n",
                          "FROM a\nSHELL bash\n",
                          "FROM a\nONBUILD ONBUILD RUN x\n",
                          "FROM a\nONBUILD FROM b\n",
                          "FROM a\nONBUILD RUM x\n",
                          "FROM a\nHEALTHCHECK curl\n",
                          "FROM a\nHEALTHCHECK --interval=3 CMD x\n",
                          "FROM a\nCOPY --form=b x y\n",
                          "FROM a\nCOPY --from= x y\n",
                          "FROM a\nCOPY --chown=a --chown=b x y\n",
                          "FROM a\nRUN --mount=type=disk x\n",
                          "FROM a\nRUN --mount=type=cache x\n",
                          "FROM a\nRUN --mount=type=tmpfs,target=/x,size=many x\n",
                          "FROM a\nRUN --network=web x\n",
                          "FROM a\nADD --from=b x y\n",
                          "# escape=x\nFROM a\n",
                          "# escape=\\\n# escape=`\nFROM a\n",
                          "FROM a\nEXPOSE\n",
                          "FROM a\nCOPY --exclude=[ x y\n"}) {
    const auto file = parse(bad, "f");
    EXPECT_FALSE(file) << bad;
    EXPECT_TRUE(file || file.error().message().starts_with("f:")) << file.error().message();
  }
  EXPECT_FALSE(parse(std::string_view("FROM a\0b", 8), "f"));
}

TEST(Dockerfile, SuggestsTheFlagThatWasMeant) {
  EXPECT_NE(failure("FROM a\nCOPY --form=b x y\n").find("did you mean --from?"), std::string::npos);
  EXPECT_NE(failure("FROM a\nRUN --mount=type=cache,targt=/x y\n").find("did you mean 'target'?"),
            std::string::npos);
}

TEST(Dockerfile, ExcerptsShowTheSurroundings) {
  EXPECT_EQ(excerpt("FROM a\nRUM x\nCMD y\n", {2, 2}),
            "   1 |     FROM a\n   2 | >>> RUM x\n   3 |     CMD y\n");
}

}  // namespace
}  // namespace gantry::dockerfile
