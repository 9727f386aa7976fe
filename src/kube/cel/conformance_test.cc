// SPDX-License-Identifier: Apache-2.0
//
// The language by its definition and Kubernetes' libraries by theirs: expressions that are true, that end in
// an error, and that are refused.
#include <gtest/gtest.h>

#include "kube/cel/program.h"

namespace gantry::kube::cel {
namespace {

constexpr const char* kObject = R"({
  "name": "web", "replicas": 3, "ratio": 0.5, "ready": true, "nothing": null,
  "labels": {"app": "web", "tier": "front"},
  "ports": [{"name": "http", "port": 80}, {"name": "https", "port": 443}],
  "empty": [], "numbers": [3, 1, 2], "nested": {"deep": {"deeper": "x"}}
})";

class Conformance : public ::testing::Test {
 protected:
  Conformance() : object_(*json::Tree::parse(kObject)) {
    environment_.declare("object", basic(Kind::Dyn))
        .declare("n", basic(Kind::Int))
        .declare("s", basic(Kind::String))
        .declare("ints", types_.list_of(basic(Kind::Int)))
        .declare("counts", types_.map_of(basic(Kind::String), basic(Kind::Int)));
    list_ = *json::Tree::parse("[1, 2, 3]");
    map_ = *json::Tree::parse(R"({"a": 1, "b": 2})");
  }

  std::string evaluate(std::string_view text) {
    auto program = compile(text, environment_);
    if (!program) return std::string(program.error().message());
    Memory memory;
    Budget budget;
    const Value variables[] = {Value::of_tree(object_, nullptr, memory), Value::of_int(5),
                               Value::of_string("text"),
                               Value::of_tree(list_, environment_.variables()[3].type, memory),
                               Value::of_tree(map_, environment_.variables()[4].type, memory)};
    const Value result = program->evaluate(variables, budget, memory);
    if (result.is_error()) return "error: " + std::string(result.text());
    const auto tree = to_tree(result, memory);
    return tree ? tree->to_text() : std::string(name_of(result.kind()));
  }

  void all_true(std::initializer_list<const char*> expressions) {
    for (const char* text : expressions) EXPECT_EQ(evaluate(text), "true") << text;
  }
  void all_errors(std::initializer_list<std::pair<const char*, const char*>> expressions) {
    for (const auto& [text, error] : expressions)
      EXPECT_EQ(evaluate(text), std::string("error: ") + error) << text;
  }
  // Only the first line's message.
  void all_refused(std::initializer_list<std::pair<const char*, const char*>> expressions) {
    for (const auto& [text, message] : expressions) {
      const std::string found = evaluate(text);
      const std::string first = found.substr(0, found.find("\n |"));
      const std::size_t at = first.find(": ", first.find("<input>"));
      EXPECT_EQ(at == std::string::npos ? first : first.substr(at + 2), message) << text;
    }
  }

  json::Tree object_, list_, map_;
  TypeArena types_;
  Environment environment_;
};

TEST_F(Conformance, NumbersAreReadAndCalculated) {
  all_true({
      "1 + 2 == 3",
      "7 / 2 == 3",
      "-7 / 2 == -3",
      "7 % 3 == 1",
      "-7 % 3 == -1",
      "2 * 3 - 1 == 5",
      "1 - 2 - 3 == -4",
      "2 + 3 * 4 == 14",
      "(2 + 3) * 4 == 20",
      "0x1F == 31",
      "-0x10 == -16",
      "1u + 2u == 3u",
      "0xFFu == 255u",
      "7u / 2u == 3u",
      "7u % 2u == 1u",
      "1.5 + 1.5 == 3.0",
      "1.0 / 4.0 == 0.25",
      "3.0 * 2.0 == 6.0",
      "-2.5 == 0.0 - 2.5",
      "1e3 == 1000.0",
      "1.5e-1 == 0.15",
      ".5 == 0.5",
      "- -1 == 1",
      "--1 == 1",
      "---1 == -1",
      "-(1) == 0 - 1",
      "9223372036854775807 > 0",
      "-9223372036854775808 < 0",
      "18446744073709551615u > 0u",
      "1.0 / 0.0 > 1e308",
      "!(0.0 / 0.0 == 0.0 / 0.0)",
      "0.0 / 0.0 != 0.0 / 0.0",
      "!(0.0 / 0.0 < 1.0)",
      "-0.0 == 0.0",
  });
  all_errors({
      {"9223372036854775807 + 1", "integer overflow"},
      {"-9223372036854775808 - 1", "integer overflow"},
      {"9223372036854775807 * 2", "integer overflow"},
      {"-(-9223372036854775808)", "integer overflow"},
      {"-9223372036854775808 / -1", "integer overflow"},
      {"1 / 0", "division by zero"},
      {"1u / 0u", "division by zero"},
      {"1 % 0", "modulus by zero"},
      {"1u - 2u", "unsigned integer overflow"},
      {"18446744073709551615u + 1u", "unsigned integer overflow"},
  });
}

TEST_F(Conformance, ValuesAreComparedAcrossKindsOfNumbers) {
  all_true({
      "1 < 2",
      "2 <= 2",
      "3 > 2",
      "3 >= 3",
      "!(1 > 2)",
      "1 < 1.5",
      "1.5 < 2",
      "1u < 2",
      "1 < 2u",
      "-1 < 0u",
      "1u < 1.5",
      "dyn(1) == 1.0",
      "dyn(1) == 1u",
      "dyn(1u) == 1.0",
      "dyn(2) != 1.0",
      "dyn(-1) != 18446744073709551615u",
      "dyn('1') != 1",
      "dyn(true) != 1",
      "dyn(null) != 0",
      "dyn(null) == null",
      "9007199254740993 > 9007199254740992.0",
      "'a' < 'b'",
      "'a' < 'aa'",
      "'Z' < 'a'",
      "b'a' < b'b'",
      "false < true",
      "'' < 'a'",
      "'é' > 'z'",
      "duration('1s') < duration('2s')",
      "timestamp('2020-01-01T00:00:00Z') < timestamp('2020-01-01T00:00:01Z')",
      "[1, 2] == [1, 2]",
      "[1, 2] != [2, 1]",
      "[] == []",
      "[1] != []",
      "[dyn(1), 2] == [1.0, 2.0]",
      "{'a': 1} == {'a': 1}",
      "{'a': 1} != {'a': 2}",
      "{'a': 1, 'b': 2} == {'b': 2, 'a': 1}",
      "{1: 'a'} == {dyn(1.0): 'a'} || true",
      "{'a': [dyn(1), {'b': 2}]} == {'a': [dyn(1), {'b': 2}]}",
      "object.labels == {'app': 'web', 'tier': 'front'}",
      "type(1) == int",
      "type('') == string",
      "type([]) == list",
      "type({}) == map",
      "type(1u) == uint",
      "type(1.0) == double",
      "type(b'') == bytes",
      "type(true) == bool",
      "type(null) == null_type",
      "type(type(1)) == type",
      "type(int) == type",
      "type(duration('1s')) == google.protobuf.Duration",
      "type(timestamp(0)) == google.protobuf.Timestamp",
      "type(object.replicas) == int",
      "type(object.ratio) == double",
      "type(1) != string",
  });
}

TEST_F(Conformance, LogicTakesTheSideThatDecides) {
  all_true({
      "true && true",
      "!(true && false)",
      "true || false",
      "!(false || false)",
      "!false",
      "!!true",
      "true || 1 / 0 == 1",
      "1 / 0 == 1 || true",
      "!(false && 1 / 0 == 1)",
      "!(1 / 0 == 1 && false)",
      "false || true || 1 / 0 == 1",
      "true ? true : 1 / 0 == 1",
      "false ? 1 / 0 == 1 : true",
      "1 < 2 ? true : false",
      "false ? false : true ? true : false",
      "true || false && false",
      "(1 == 1) == true",
      "1 == 1 && 2 == 2 && 3 == 3",
  });
  all_errors({
      {"1 / 0 == 1 && true", "division by zero"},
      {"true && 1 / 0 == 1", "division by zero"},
      {"false || 1 / 0 == 1", "division by zero"},
      {"1 / 0 == 1 || 1 % 0 == 1", "division by zero"},
      {"1 / 0 == 1 ? true : false", "division by zero"},
      {"dyn(1) && true", "no such overload"},
      {"dyn('x') ? 1 : 2", "no such overload"},
  });
}

TEST_F(Conformance, TextsAreWrittenInManyWays) {
  all_true({
      "'a' == \"a\"",
      "'a\\'b' == \"a'b\"",
      "'\\n' == '\\u000a'",
      "'\\x41' == 'A'",
      "'\\101' == 'A'",
      "'\\U0001F600' == '😀'",
      "r'\\n' == '\\\\n'",
      "R\"a\\b\" == 'a\\\\b'",
      "'''a'b''' == 'a\\'b'",
      "\"\"\"a\"b\"\"\" == 'a\"b'",
      "'''a\nb''' == 'a\\nb'",
      "b'abc' == bytes('abc')",
      "b'\\xff' != b'\\x00'",
      "b'\\377' == b'\\xff'",
      "br'\\n' == b'\\\\n'",
      "rb'\\n' == br'\\n'",
      "b'é' == b'\\xc3\\xa9'",
      "size('é') == 1",
      "size(b'é') == 2",
      "size('') == 0",
      "'ab' + 'cd' == 'abcd'",
      "b'a' + b'b' == b'ab'",
      "'abc'.size() == 3",
      "b'abc'.size() == 3",
      "'\\a\\b\\f\\n\\r\\t\\v\\?'.size() == 8",
      "size('日本語') == 3",
      "'abc'.startsWith('ab')",
      "!'abc'.startsWith('b')",
      "'abc'.endsWith('bc')",
      "'abc'.contains('b')",
      "!'abc'.contains('d')",
      "'abc'.contains('')",
      "'abc'.matches('^a.c$')",
      "'abc'.matches('b')",
      "!'abc'.matches('^b')",
      "matches('abc', '[a-c]+')",
      "'x' == 'x' // with a comment",
      "1 +\n  1 == 2",
  });
}

TEST_F(Conformance, ListsAndMaps) {
  all_true({
      "[1, 2, 3][0] == 1",
      "[1, 2, 3][2] == 3",
      "size([1, 2]) == 2",
      "[].size() == 0",
      "[1] + [2] == [1, 2]",
      "[] + [1] == [1]",
      "1 in [1, 2]",
      "!(3 in [1, 2])",
      "dyn(1.0) in [1, 2]",
      "'a' in ['a', 'b']",
      "{'a': 1}['a'] == 1",
      "{'a': 1}.a == 1",
      "{1: 2}[1] == 2",
      "{true: 1}[true] == 1",
      "{1u: 'x'}[1u] == 'x'",
      "{1: 'x'}[dyn(1u)] == 'x'",
      "size({'a': 1}) == 1",
      "'a' in {'a': 1}",
      "!('b' in {'a': 1})",
      "{}.size() == 0",
      "has({'a': 1}.a)",
      "!has({'a': 1}.b)",
      "object.ports[1].port == 443",
      "object['name'] == 'web'",
      "object.labels['app'] == 'web'",
      "'app' in object.labels",
      "has(object.nested.deep.deeper)",
      "!has(object.nested.deep.none)",
      "has(object.nothing)",
      "object.nothing == null",
      "object.replicas + 1 == 4",
      "object.ratio * 2.0 == 1.0",
      "object.ready",
      "object.name + '!' == 'web!'",
      "size(object.ports) == 2",
      "ints == [1, 2, 3]",
      "ints[1] == 2",
      "counts.a == 1",
      "counts['b'] == 2",
      "n == 5",
      "s == 'text'",
      "[1, 2,] == [1, 2]",
      "{'a': 1,} == {'a': 1}",
      "[[1, 2], [3]][0][1] == 2",
      "{'a': {'b': [1]}}.a.b[0] == 1",
      "object.empty == []",
      "object.numbers[0] == 3",
  });
  all_errors({
      {"[1][1]", "index out of bounds: 1"},
      {"[1][-1]", "index out of bounds: -1"},
      {"{'a': 1}['b']", "no such key: b"},
      {"{'a': 1}.b", "no such key: b"},
      {"object.none", "no such key: none"},
      {"object.name.first", "no such overload"},
      {"object.none.deeper == 1", "no such key: none"},
      {"{1: 1}[2]", "no such key: 2"},
      {"{'a': 1, 'a': 2}", "Failed with repeated key"},
      {"object.name + 1", "no such overload"},
      {"object.name < 1", "no such overload"},
  });
}

TEST_F(Conformance, MacrosGoOverRanges) {
  all_true({
      "[1, 2, 3].all(x, x > 0)",
      "![1, 2, 3].all(x, x > 1)",
      "[].all(x, x > 1)",
      "[1, 2].exists(x, x == 2)",
      "![].exists(x, true)",
      "[1, 2, 3].exists_one(x, x == 2)",
      "![1, 2, 2].exists_one(x, x == 2)",
      "[1, 2, 2].filter(x, x == 2) == [2, 2]",
      "[1, 2].map(x, x * 2) == [2, 4]",
      "[1, 2, 3].map(x, x > 1, x * 2) == [4, 6]",
      "{'a': 1, 'b': 2}.all(k, k in ['a', 'b'])",
      "{'a': 1}.exists(k, k == 'a')",
      "{'a': 1}.map(k, k) == ['a']",
      "{'a': 1, 'b': 2}.filter(k, k == 'b') == ['b']",
      "[1, 0].exists(x, 1 / x == 1)",
      "[0, 1].exists(x, 1 / x == 1)",
      "![0, 1].all(x, 1 / x == 2)",
      "[[1, 2], [3]].all(x, x.all(y, y > 0))",
      "[1, 2].map(x, [3, 4].map(y, x * y)) == [[3, 4], [6, 8]]",
      "[1, 2].map(x, [x].map(x, x + 1)) == [[2], [3]]",
      "object.ports.all(p, p.port > 0 && p.name.startsWith('http'))",
      "object.ports.map(p, p.name) == ['http', 'https']",
      "object.ports.filter(p, p.port > 100)[0].name == 'https'",
      "object.labels.all(k, object.labels[k] != '')",
      "object.ports.exists_one(p, p.name == 'http')",
      "[3, 1].all(i, v, i < 2 && v > 0)",
      "{'a': 1}.all(k, v, k == 'a' && v == 1)",
      "{'a': 1, 'b': 2}.exists(k, v, v == 2)",
      "[5, 6].exists(i, v, i == 1 && v == 6)",
      "[5, 6].existsOne(i, v, v == 6)",
      "[1, 2].transformList(i, v, i + v) == [1, 3]",
      "[1, 2].transformList(i, v, i > 0, v) == [2]",
      "{'a': 1}.transformMap(k, v, v + 1) == {'a': 2}",
      "{'a': 1, 'b': 2}.transformMap(k, v, v > 1, v) == {'b': 2}",
      "{'a': 'b'}.transformMapEntry(k, v, {v: k}) == {'b': 'a'}",
      "[1, 2].transformMap(i, v, v * 2) == {0: 2, 1: 4}",
      "cel.bind(x, 2, x * x) == 4",
      "cel.bind(x, [1], x + x) == [1, 1]",
      "cel.bind(x, 1, cel.bind(y, 2, x + y)) == 3",
      "ints.all(x, x <= n)",
      "counts.all(k, counts[k] > 0)",
      "[1, 2, 3].filter(x, [1, 2].exists(y, y == x)).size() == 2",
  });
  all_errors({
      {"[1, 0].all(x, 1 / x == 1)", "division by zero"},
      {"[1, 0].map(x, 1 / x)", "division by zero"},
      {"[0].exists_one(x, 1 / x == 1)", "division by zero"},
      {"dyn(1).all(x, true)", "no such overload"},
      {"{'a': 1, 'b': 1}.transformMapEntry(k, v, {v: k})", "Failed with repeated key"},
  });
}

TEST_F(Conformance, ConversionsKeepTheValueOrFail) {
  all_true({
      "int(1u) == 1",
      "int(1.9) == 1",
      "int(-1.9) == -1",
      "int('-5') == -5",
      "uint(1) == 1u",
      "uint('5') == 5u",
      "uint(1.9) == 1u",
      "double(1) == 1.0",
      "double('1.5') == 1.5",
      "double(1u) == 1.0",
      "string(1) == '1'",
      "string(1u) == '1'",
      "string(1.5) == '1.5'",
      "string(1.0) == '1'",
      "string(true) == 'true'",
      "string(b'a') == 'a'",
      "string(1e30) == '1e+30'",
      "bool('true')",
      "!bool('false')",
      "bool('1')",
      "bytes('a') == b'a'",
      "int(timestamp(5)) == 5",
      "string(timestamp(0)) == '1970-01-01T00:00:00Z'",
      "string(timestamp('2020-01-01T00:00:00+01:30')) == '2020-01-01T00:00:00+01:30'",
      "timestamp('2020-01-01T00:00:00+01:00') == timestamp('2019-12-31T23:00:00Z')",
      "duration('90s') == duration('1m30s')",
      "string(duration('1h30m')) == '5400s'",
      "string(duration('1.5s')) == '1.5s'",
      "string(duration('-1s')) == '-1s'",
      "dyn(1) == 1",
      "string('x') == 'x'",
      "timestamp(timestamp(1)) == timestamp(1)",
      "timestamp('2020-01-01T00:00:00.5Z') > timestamp('2020-01-01T00:00:00Z')",
  });
  all_errors({
      {"int('x')", "type conversion error from 'string' to 'int'"},
      {"int('1.5')", "type conversion error from 'string' to 'int'"},
      {"int(1e30)", "integer overflow"},
      {"int(18446744073709551615u)", "integer overflow"},
      {"uint(-1)", "unsigned integer overflow"},
      {"uint(-1.0)", "unsigned integer overflow"},
      {"double('x')", "type conversion error from 'string' to 'double'"},
      {"bool('yes')", "type conversion error from 'string' to 'bool'"},
      {"string(b'\\xff')", "invalid UTF-8 in bytes, cannot convert to string"},
      {"timestamp(s)", "type conversion error from 'string' to 'google.protobuf.Timestamp'"},
      {"duration(s)", "type conversion error from 'string' to 'google.protobuf.Duration'"},
  });
}

TEST_F(Conformance, TimesAndDurations) {
  all_true({
      "timestamp('2020-02-29T12:34:56.789Z').getFullYear() == 2020",
      "timestamp('2020-02-29T12:34:56Z').getMonth() == 1",
      "timestamp('2020-02-29T12:34:56Z').getDate() == 29",
      "timestamp('2020-02-29T12:34:56Z').getDayOfMonth() == 28",
      "timestamp('2020-02-29T12:34:56Z').getDayOfYear() == 59",
      "timestamp('2020-02-29T12:34:56Z').getDayOfWeek() == 6",
      "timestamp('2020-02-29T12:34:56Z').getHours() == 12",
      "timestamp('2020-02-29T12:34:56Z').getMinutes() == 34",
      "timestamp('2020-02-29T12:34:56Z').getSeconds() == 56",
      "timestamp('2020-02-29T12:34:56.789Z').getMilliseconds() == 789",
      "timestamp('2020-02-29T12:34:56Z').getHours('+02:00') == 14",
      "timestamp('2020-02-29T12:34:56Z').getHours('-01:30') == 11",
      "timestamp('2020-02-29T23:34:56Z').getDate('+01:00') == 1",
      "timestamp(0).getHours('UTC') == 0",
      "duration('3600s').getHours() == 1",
      "duration('90m').getMinutes() == 90",
      "duration('1.5s').getMilliseconds() == 1500",
      "duration('61s').getSeconds() == 61",
      "timestamp(0) + duration('1s') == timestamp(1)",
      "duration('1s') + timestamp(0) == timestamp(1)",
      "timestamp(5) - timestamp(3) == duration('2s')",
      "timestamp(5) - duration('3s') == timestamp(2)",
      "timestamp(0) - duration('500ms') < timestamp(0)",
      "duration('1s') + duration('1s') == duration('2s')",
      "duration('1s') - duration('2s') == duration('-1s')",
      "duration('1ms') == duration('1000us')",
  });
  all_errors({
      {"timestamp('9999-12-31T23:59:59Z') + duration('1s')", "timestamp overflow"},
      {"timestamp('0001-01-01T00:00:00Z') - duration('1s')", "timestamp overflow"},
      {"timestamp(0).getHours('Nowhere/Land')", "unknown time zone Nowhere/Land"},
      {"timestamp(n * 253402300800)", "timestamp overflow"},
      {"timestamp('9999-12-31T23:59:59Z') - timestamp('0001-01-01T00:00:00Z')", "duration overflow"},
  });
}

TEST_F(Conformance, StringFunctions) {
  all_true({
      "'tacocat'.charAt(3) == 'o'",
      "'abc'.charAt(3) == ''",
      "'日本'.charAt(1) == '本'",
      "'hello mellow'.indexOf('') == 0",
      "'hello mellow'.indexOf('ello') == 1",
      "'hello mellow'.indexOf('jello') == -1",
      "'hello mellow'.indexOf('ello', 2) == 7",
      "'hello mellow'.lastIndexOf('ello') == 7",
      "'hello mellow'.lastIndexOf('ello', 6) == 1",
      "'hello mellow'.lastIndexOf('') == 12",
      "'日本語'.indexOf('語') == 2",
      "'TacoCat'.lowerAscii() == 'tacocat'",
      "'TacoCÆt'.upperAscii() == 'TACOCÆT'",
      "'hello hello'.replace('he', 'we') == 'wello wello'",
      "'hello hello'.replace('he', 'we', 1) == 'wello hello'",
      "'hello'.replace('he', 'we', 0) == 'hello'",
      "'ab'.replace('', '_') == '_a_b_'",
      "'aaa'.replace('a', 'aa') == 'aaaaaa'",
      "'a,b,c'.split(',') == ['a', 'b', 'c']",
      "'abc'.split('') == ['a', 'b', 'c']",
      "'a,b,c'.split(',', 2) == ['a', 'b,c']",
      "'a,b'.split(',', 0) == []",
      "'a,b'.split(',', -1) == ['a', 'b']",
      "''.split(',') == ['']",
      "''.split('') == []",
      "'tacocat'.substring(4) == 'cat'",
      "'tacocat'.substring(0, 4) == 'taco'",
      "'日本語'.substring(1, 2) == '本'",
      "'  \\ttrim\\n '.trim() == 'trim'",
      "'  '.trim() == ''",
      "['a', 'b'].join() == 'ab'",
      "['a', 'b'].join('-') == 'a-b'",
      "[].join('-') == ''",
      "strings.quote('a\"b\\n') == '\"a\\\\\"b\\\\n\"'",
      "'%s is %d'.format([dyn('x'), 5]) == 'x is 5'",
      "'%.2f'.format([1.005]) == '1.00'",
      "'%f'.format([1.5]) == '1.500000'",
      "'%e'.format([1052.032911275]) == '1.052033×10⁰³'",
      "'%b %o %x %X'.format([5, 8, 255, 255]) == '101 10 ff FF'",
      "'%x'.format(['Hi']) == '4869'",
      "'%%'.format([]) == '%'",
      "'%s'.format([[dyn(1), 'a', true]]) == '[1, a, true]'",
      "'%s'.format([{'a': 1}]) == '{a: 1}'",
      "'%s %s'.format([dyn(null), 1.5]) == 'null 1.5'",
      "'%s'.format([duration('2s')]) == '2s'",
      "'%b'.format([true]) == '1'",
      "'%s'.format([type(1)]) == 'int'",
      "'abc123def45'.find('[0-9]+') == '123'",
      "'abc'.find('[0-9]') == ''",
      "'a1b22'.findAll('[0-9]+') == ['1', '22']",
      "'a1b22'.findAll('[0-9]+', 1) == ['1']",
      "'abc'.findAll('x') == []",
      "'ab'.findAll('') == ['', '', '']",
      "'a1'.findAll('[0-9]', 0) == []",
  });
  all_errors({
      {"'abc'.charAt(4)", "index out of range: 4"},
      {"'abc'.charAt(-1)", "index out of range: -1"},
      {"'abc'.substring(4)", "index out of range: 4"},
      {"'abc'.substring(2, 1)", "invalid substring range. start: 2, end: 1"},
      {"'%d'.format(['x'])", "error during formatting: %d clause cannot be used on string"},
      {"'%s %s'.format(['x'])", "index 1 out of range"},
      {"'%z'.format(['x'])", "could not parse formatting clause: unrecognized formatting clause \"z\""},
      {"'x'.matches(s + '(')", "error parsing regexp: missing ): text("},
  });
}

TEST_F(Conformance, ListFunctions) {
  all_true({
      "[1, 2, 2, 3].isSorted()",
      "![2, 1].isSorted()",
      "['a', 'b'].isSorted()",
      "[].isSorted()",
      "[1, 2, 3].sum() == 6",
      "[1.5, 2.5].sum() == 4.0",
      "[duration('1s'), duration('2s')].sum() == duration('3s')",
      "[].sum() == 0",
      "[1u, 2u].sum() == 3u",
      "[3, 1, 2].min() == 1",
      "[3, 1, 2].max() == 3",
      "['b', 'a'].min() == 'a'",
      "[1, 2, 2].indexOf(2) == 1",
      "[1, 2, 2].lastIndexOf(2) == 2",
      "[1].indexOf(5) == -1",
      "object.numbers.max() == 3",
      "object.numbers.sum() == 6",
      "[1, 2, 3, 4].slice(1, 3) == [2, 3]",
      "[[1], [2, 3]].flatten() == [1, 2, 3]",
      "[dyn(1), [dyn(2), [3]]].flatten(2) == [1, 2, 3]",
      "[1, 2, 2, 1].distinct() == [1, 2]",
      "[3, 1, 2].sort() == [1, 2, 3]",
      "[1, 2].reverse() == [2, 1]",
      "lists.range(3) == [0, 1, 2]",
      "[3, 1, 2].sortBy(x, -x) == [3, 2, 1]",
      "[].sortBy(x, x) == []",
      "sets.contains([1, 2, 3], [1, 3])",
      "!sets.contains([1], [2])",
      "sets.contains([1], [])",
      "sets.equivalent([1, 1, 2], [2, 1])",
      "!sets.equivalent([1], [1, 2])",
      "sets.intersects([1, 2], [2, 3])",
      "!sets.intersects([1], [2])",
      "math.greatest(1, 3, 2) == 3",
      "math.least(3, 1) == 1",
      "math.greatest([1, 5]) == 5",
      "math.greatest(7) == 7",
      "math.ceil(1.2) == 2.0",
      "math.floor(1.8) == 1.0",
      "math.round(1.5) == 2.0",
      "math.trunc(-1.5) == -1.0",
      "math.abs(-5) == 5",
      "math.sign(-2.5) == -1.0",
      "math.isNaN(0.0 / 0.0)",
      "math.isInf(1.0 / 0.0)",
      "math.isFinite(1.0)",
      "math.bitAnd(6, 3) == 2",
      "math.bitOr(6, 3) == 7",
      "math.bitXor(6, 3) == 5",
      "math.bitNot(0) == -1",
      "math.bitShiftLeft(1, 3) == 8",
      "math.bitShiftRight(8, 2) == 2",
  });
  all_errors({
      {"[].min()", "min called on empty list"},
      {"object.empty.max()", "max called on empty list"},
      {"[1, 2].slice(0, 3)", "cannot slice(0, 3), list is length 2"},
      {"[9223372036854775807, 1].sum()", "integer overflow"},
  });
}

TEST_F(Conformance, WhatMayBeThereOrNot) {
  all_true({
      "optional.of(1).hasValue()",
      "!optional.none().hasValue()",
      "optional.of(1).value() == 1",
      "optional.of(1).orValue(2) == 1",
      "optional.none().orValue(2) == 2",
      "optional.none().or(optional.of(1)).value() == 1",
      "optional.of(1).or(optional.of(1 / 0)).value() == 1",
      "optional.of(1).orValue(1 / 0) == 1",
      "!optional.ofNonZeroValue(0).hasValue()",
      "optional.ofNonZeroValue('x').hasValue()",
      "object.?name.orValue('') == 'web'",
      "object.?none.orValue('x') == 'x'",
      "!object.?none.hasValue()",
      "object.?nested.?deep.?deeper.orValue('') == 'x'",
      "object.?nested.?none.?deeper.orValue('y') == 'y'",
      "object.?nested.deep.deeper.orValue('') == 'x'",
      "[1, 2][?0].orValue(0) == 1",
      "[1, 2][?5].orValue(0) == 0",
      "{'a': 1}[?'b'].orValue(3) == 3",
      "[?optional.of(1), ?optional.none()] == [1]",
      "{?'a': optional.of(1), ?'b': optional.none()} == {'a': 1}",
      "optional.of(2).optMap(x, x * 2).value() == 4",
      "!optional.none().optMap(x, x).hasValue()",
      "optional.of(2).optFlatMap(x, optional.of(x + 1)).value() == 3",
      "optional.of(1) == optional.of(1)",
      "optional.none() == optional.none()",
      "optional.of(1) != optional.none()",
      "type(optional.none()) == optional_type",
      "has(object.?nested.deep)",
      "!has(object.?none.deep)",
      "object.?ports[?0].name.orValue('') == 'http'",
  });
  all_errors({{"optional.none().value()", "optional.none() dereference"}});
}

TEST_F(Conformance, KubernetesLibraries) {
  all_true({
      "url('https://user:pw@example.com:80/a/b?x=1&y=2&x=3#frag').getScheme() == 'https'",
      "url('https://example.com:80/').getHost() == 'example.com:80'",
      "url('https://example.com:80/').getHostname() == 'example.com'",
      "url('https://[::1]:80/').getHostname() == '::1'",
      "url('https://[::1]:80/').getPort() == '80'",
      "url('https://example.com/').getPort() == ''",
      "url('https://e.com/a b/').getEscapedPath() == '/a%20b/'",
      "url('https://e.com/p?x=1&x=%20&y=2').getQuery() == {'x': ['1', ' '], 'y': ['2']}",
      "url('/path').getScheme() == ''",
      "isURL('https://e.com')",
      "!isURL('../relative')",
      "!isURL('')",
      "isURL('/absolute')",
      "url('https://e.com/p').getQuery() == {}",
      "ip('192.168.0.1').family() == 4",
      "ip('::1').family() == 6",
      "ip('127.0.0.1').isLoopback()",
      "ip('::1').isLoopback()",
      "ip('0.0.0.0').isUnspecified()",
      "ip('224.0.0.1').isLinkLocalMulticast()",
      "ip('169.254.1.1').isLinkLocalUnicast()",
      "ip('8.8.8.8').isGlobalUnicast()",
      "!ip('255.255.255.255').isGlobalUnicast()",
      "isIP('1.2.3.4')",
      "!isIP('1.2.3.256')",
      "!isIP('01.2.3.4')",
      "!isIP('::ffff:1.2.3.4')",
      "!isIP('fe80::1%eth0')",
      "ip.isCanonical('::1')",
      "!ip.isCanonical('0:0:0:0:0:0:0:1')",
      "ip.isCanonical('2001:db8::1')",
      "string(ip('2001:0db8:0:0:1:0:0:1')) == '2001:db8::1:0:0:1'",
      "ip('::1') == ip('0:0::1')",
      "cidr('10.0.0.0/8').containsIP('10.1.2.3')",
      "!cidr('10.0.0.0/8').containsIP('11.0.0.1')",
      "cidr('10.0.0.0/8').containsIP(ip('10.1.2.3'))",
      "cidr('10.0.0.0/8').containsCIDR('10.1.0.0/16')",
      "!cidr('10.1.0.0/16').containsCIDR('10.0.0.0/8')",
      "cidr('10.0.0.0/8').prefixLength() == 8",
      "cidr('10.1.2.3/8').ip() == ip('10.1.2.3')",
      "string(cidr('10.1.2.3/8').masked()) == '10.0.0.0/8'",
      "isCIDR('10.0.0.0/8')",
      "!isCIDR('10.0.0.0/33')",
      "!isCIDR('10.0.0.0')",
      "cidr('2001:db8::/32').containsIP('2001:db8::1')",
      "quantity('1Gi') == quantity('1024Mi')",
      "isQuantity('100m')",
      "!isQuantity('1x')",
      "quantity('1k').isGreaterThan(quantity('999'))",
      "quantity('1').isLessThan(quantity('1k'))",
      "quantity('1').compareTo(quantity('1000m')) == 0",
      "quantity('5').asInteger() == 5",
      "!quantity('0.5').isInteger()",
      "quantity('500m').asApproximateFloat() == 0.5",
      "quantity('1').add(quantity('1')) == quantity('2')",
      "quantity('1').add(2) == quantity('3')",
      "quantity('3').sub(1) == quantity('2')",
      "quantity('-1').sign() == -1",
      "semver('1.2.3').major() == 1",
      "semver('1.2.3-alpha.1').isLessThan(semver('1.2.3'))",
      "semver('1.10.0').isGreaterThan(semver('1.9.0'))",
      "semver('1.0.0').compareTo(semver('1.0.0+build')) == 0",
      "isSemver('1.0.0')",
      "!isSemver('v1.0.0')",
      "isSemver('v1.0', true)",
      "!isSemver('1.0')",
      "semver('v01.01', true) == semver('1.1.0')",
      "semver('1.0.0-2').isLessThan(semver('1.0.0-10'))",
      "semver('1.0.0-1').isLessThan(semver('1.0.0-a'))",
      "!format.dns1123Label().validate('my-name').hasValue()",
      "format.dns1123Label().validate('My_Name').hasValue()",
      "format.named('dns1123Label').hasValue()",
      "!format.named('nothing').hasValue()",
      "!format.uuid().validate('12345678-1234-1234-1234-123456789abc').hasValue()",
      "format.date().validate('2020-13-01').hasValue()",
      "!format.datetime().validate('2020-01-01T00:00:00Z').hasValue()",
      "!format.byte().validate('YWJj').hasValue()",
      "format.uri().validate('..').hasValue()",
      "!format.labelValue().validate('').hasValue()",
      "type(quantity('1')) == kubernetes.Quantity",
      "type(ip('::')) == net.IP",
  });
  all_errors({
      {"quantity('0.5').asInteger()", "cannot convert value to integer"},
      {"semver('1.0')", "'1.0' is not a semantic version"},
      {"url('x')", "URL parse error during conversion from string: parse \"x\": invalid URI for request"},
      {"ip('::ffff:1.2.3.4')", "IPv4-mapped IPv6 address \"::ffff:1.2.3.4\" is not allowed"},
  });
}

TEST_F(Conformance, WhatIsWrongIsToldWhenItIsCompiled) {
  all_refused({
      {"x", "undeclared reference to 'x' (in container '')"},
      {"f(1)", "undeclared reference to 'f' (in container '')"},
      {"1 + 'a'", "found no matching overload for '_+_' applied to '(int, string)'"},
      {"1 == 'a'", "found no matching overload for '_==_' applied to '(int, string)'"},
      {"1 == 1.0", "found no matching overload for '_==_' applied to '(int, double)'"},
      {"'a'.startsWith(1)", "found no matching overload for 'startsWith' applied to 'string.(int)'"},
      {"size(1)", "found no matching overload for 'size' applied to '(int)'"},
      {"1 && true", "found no matching overload for '_&&_' applied to '(int, bool)'"},
      {"true ? 1 : 'a'", "found no matching overload for '_?_:_' applied to '(bool, int, string)'"},
      {"!1", "found no matching overload for '!_' applied to '(int)'"},
      {"-'a'", "found no matching overload for '-_' applied to '(string)'"},
      {"'a' in 'abc'", "found no matching overload for '@in' applied to '(string, string)'"},
      {"ints['a']", "found no matching overload for '_[_]' applied to '(list(int), string)'"},
      {"[1, 'a']", "expected type 'int' but found 'string'"},
      {"{'a': 1, 2: 3}", "expected type 'string' but found 'int'"},
      {"n.all(x, true)",
       "expression of type 'int' cannot be range of a comprehension (must be list, map, or dynamic)"},
      {"n.field", "type 'int' does not support field selection"},
      {"ints.all(x, x)", "expected type 'bool' but found 'int'"},
      {"ints.all(1, true)", "argument must be a simple name"},
      {"has(n)", "invalid argument to has() macro"},
      {"'a'.matches('(')", "invalid matches argument"},
      {"duration('x')", "invalid duration argument"},
      {"timestamp('x')", "invalid timestamp argument"},
      {"timestamp(253402300800)", "invalid timestamp argument"},
      {"for", "reserved identifier: for"},
      {"Pod{name: 'x'}", "undeclared reference to 'Pod' (in container '')"},
      {"9223372036854775808", "invalid int literal"},
      {"1 +",
       "Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', "
       "'null', NUM_FLOAT, "
       "NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}"},
      {"1 2", "Syntax error: extraneous input '2' expecting <EOF>"},
      {"(1", "Syntax error: mismatched input '<EOF>' expecting ')'"},
      {"'abc", "Syntax error: token recognition error at: ''abc'"},
      {"'\\q'", "invalid string literal"},
      {"ints.map(1, 2, 3, 4)", "undeclared reference to 'map' (in container '')"},
      {"ints.exists(i, i, true)", "duplicate variable name: i"},
  });
}

TEST_F(Conformance, AMistakeIsShownWithItsLineAndPlace) {
  EXPECT_EQ(evaluate("n == 5 &&\n  wrong > 1"),
            "ERROR: <input>:2:3: undeclared reference to 'wrong' (in container '')\n"
            " |   wrong > 1\n"
            " | ..^");
  EXPECT_EQ(evaluate("n.foo"),
            "ERROR: <input>:1:2: type 'int' does not support field selection\n"
            " | n.foo\n"
            " | .^");
}

TEST_F(Conformance, DepthAndSizeAreBounded) {
  EXPECT_NE(evaluate(std::string(100'000, '(')).find("recursion limit exceeded"), std::string::npos);
  EXPECT_NE(evaluate(std::string(100'000, '[')).find("recursion limit exceeded"), std::string::npos);
  EXPECT_NE(evaluate("'" + std::string(100'001, 'x') + "'").find("size exceeds limit"), std::string::npos);
  std::string sum = "1";
  for (int i = 0; i < 300; ++i) sum += " + 1";
  EXPECT_NE(evaluate(sum).find("recursion limit exceeded"), std::string::npos);
  std::string conditions = "true";
  for (int i = 0; i < 3'000; ++i) conditions += " && true";
  EXPECT_EQ(evaluate(conditions), "true");
}

}  // namespace
}  // namespace gantry::kube::cel
