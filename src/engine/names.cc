// SPDX-License-Identifier: Apache-2.0
#include "engine/names.h"

#include <sys/random.h>

#include <algorithm>
#include <cstdint>

#include <fmt/format.h>

namespace gantry::engine {

namespace {

constexpr std::string_view kAdjectives[] = {
    "agile",    "amber",   "ample",    "ardent",  "balanced", "blithe",  "bold",    "brave",    "bright",
    "brisk",    "calm",    "candid",   "careful", "cheerful", "clear",   "clever",  "coastal",  "cosmic",
    "crisp",    "curious", "daring",   "deft",    "diligent", "eager",   "earnest", "easy",     "elated",
    "elegant",  "fair",    "fearless", "festive", "fluent",   "frank",   "free",    "fresh",    "friendly",
    "gallant",  "gentle",  "glad",     "golden",  "graceful", "grand",   "happy",   "hardy",    "helpful",
    "honest",   "humble",  "ideal",    "jolly",   "jovial",   "keen",    "kind",    "lively",   "loyal",
    "lucid",    "lucky",   "lunar",    "mellow",  "merry",    "mindful", "modest",  "neat",     "nimble",
    "noble",    "patient", "peaceful", "playful", "polite",   "proud",   "prudent", "quick",    "quiet",
    "radiant",  "ready",   "robust",   "serene",  "sharp",    "silent",  "sincere", "sleek",    "smooth",
    "snappy",   "solar",   "steady",   "stoic",   "sunny",    "swift",   "tender",  "thankful", "tidy",
    "tranquil", "upbeat",  "valiant",  "vivid",   "warm",     "wise",    "witty",   "zealous",  "zesty",
    "zippy",
};

constexpr std::string_view kSurnames[] = {
    "abel",       "agnesi",       "alhazen",   "ampere",     "archimedes", "artin",    "avicenna",
    "babbage",    "backus",       "banach",    "bartik",     "bell",       "berners",  "bernoulli",
    "bohr",       "boole",        "booth",     "brahe",      "burnell",    "cantor",   "carson",
    "cauchy",     "cavendish",    "cerf",      "chomsky",    "church",     "cray",     "curie",
    "dahl",       "darwin",       "descartes", "dijkstra",   "dirac",      "einstein", "engelbart",
    "erdos",      "euclid",       "euler",     "faraday",    "fermat",     "fermi",    "feynman",
    "fourier",    "franklin",     "galileo",   "galois",     "gauss",      "germain",  "goedel",
    "goldberg",   "hamilton",     "hamming",   "heisenberg", "herschel",   "hilbert",  "hoare",
    "hopper",     "hubble",       "huffman",   "huygens",    "hypatia",    "iverson",  "jacobi",
    "jang",       "joule",        "kepler",    "khayyam",    "khwarizmi",  "kilby",    "knuth",
    "kolmogorov", "kovalevskaya", "lagrange",  "lamarr",     "lamport",    "laplace",  "leavitt",
    "leibniz",    "linnaeus",     "liskov",    "lovelace",   "markov",     "maxwell",  "mayer",
    "mccarthy",   "meitner",      "mendel",    "mirzakhani", "naur",       "newton",   "nightingale",
    "noether",    "nygaard",      "ohm",       "pascal",     "pasteur",    "perlman",  "planck",
    "poincare",   "ramanujan",    "riemann",   "ritchie",    "rubin",      "sagan",    "shannon",
    "somerville", "tesla",        "thompson",  "torvalds",   "turing",     "volta",    "wiles",
    "wilkes",     "wing",         "wirth",     "wu",         "yonath",     "zuse",
};

std::uint32_t random_below(std::uint32_t limit) {
  std::uint32_t number = 0;
  // Cannot fail for so few bytes once the kernel has started.
  (void)::getrandom(&number, sizeof number, 0);
  return number % limit;
}

template <std::size_t N>
std::string_view any_of(const std::string_view (&words)[N]) {
  return words[random_below(N)];
}

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
         c == '-';
}

bool is_name(std::string_view name) {
  const bool begins_well = name.size() >= 2 && name[0] != '_' && name[0] != '.' && name[0] != '-';
  return begins_well && std::ranges::all_of(name, is_name_character);
}

}  // namespace

std::string random_name(int retry) {
  std::string name = fmt::format("{}_{}", any_of(kAdjectives), any_of(kSurnames));
  for (int digit = 0; digit < retry; ++digit) name += static_cast<char>('0' + random_below(10));
  return name;
}

Result<std::string> check_name(std::string_view name) {
  const std::string_view bare = name.starts_with('/') ? name.substr(1) : name;
  if (!is_name(bare))
    return error(Code::InvalidArgument,
                 "Invalid container name ({}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed", name);
  return std::string(bare);
}

}  // namespace gantry::engine
