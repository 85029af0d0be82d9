// Kinds of options and commands, for the files that declare them. Private to master/cli.
#pragma once

#include <CLI/CLI.hpp>
#include <charconv>
#include <string>

#include "master/cli/options.h"
#include "master/cli/text.h"

namespace docket::cli {

// Named after its words, for completion.cc; CLI11 shows the name nowhere.
template <std::size_t n>
CLI::Validator one_of(const char* const (&words)[n]) {
  std::string list;
  std::string name;
  for (const char* word : words) {
    list += (list.empty() ? "" : ", ") + std::string(word);
    name += (name.empty() ? "" : " ") + std::string(word);
  }
  return CLI::Validator(
      [&words, list](std::string& text) {
        for (const char* word : words) {
          if (text == word) return std::string();
        }
        return in_quotes(text) + " is none of " + list;
      },
      "", name);
}

inline CLI::Validator number_between(int low, int high) {
  return CLI::Validator(
      [low, high](std::string& text) {
        int number = 0;
        const char* end = text.data() + text.size();
        const auto parsed = std::from_chars(text.data(), end, number);
        const bool good =
            parsed.ec == std::errc() && parsed.ptr == end && number >= low && number <= high;
        return good ? std::string()
                    : in_quotes(text) + " is not a number from " + std::to_string(low) + " to " +
                          std::to_string(high);
      },
      "");
}

// `examples` are the footer of its help.
CLI::App* add_command(CLI::App& parent, const char* name, const char* about, const char* examples);

// --reason, of a command that changes something.
void add_reason(CLI::App& command, Options& options);

// -w, of a command that looks.
void add_watch(CLI::App& command, Options& options);

void add_agents(CLI::App& app, Options& options);
void add_jobs(CLI::App& app, Options& options);

// options_access.cc: tokens, login, logout, audit, jobs purge
void add_access(CLI::App& app, Options& options);
void add_loadtest(CLI::App& app, Options& options);
void add_purge(CLI::App& jobs, Options& options);

}  // namespace docket::cli
