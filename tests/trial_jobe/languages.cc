#include "tests/trial_jobe/languages.h"

#include <array>
#include <cctype>

namespace docket::trial_jobe {
namespace {

constexpr int kMemoryMb = 400;
constexpr int kProcesses = 20;
constexpr int kJavaProcesses = 256;  // a JVM starts some twenty threads before main()

std::string line(std::initializer_list<std::vector<std::string>> groups) {
  std::string joined;
  for (const auto& group : groups) {
    for (const auto& word : group) joined += (joined.empty() ? "" : " ") + word;
  }
  return joined;
}

std::string compile_with(const char* compiler, const char* kind, const CommandWords& words) {
  return line({{compiler},
               words.compile_args,
               {"-x", kind, "-o", words.source + ".exe", words.source, "-x", "none"},
               words.link_args});
}

std::string compile_c(const CommandWords& words) {
  return compile_with("gcc", "c", words);
}
std::string compile_cpp(const CommandWords& words) {
  return compile_with("g++", "c++", words);
}
std::string run_exe(const CommandWords& words) {
  return line({{"./" + words.source + ".exe"}, words.run_args});
}

std::string check_python(const CommandWords& words) {
  return line({{"python3", "-m", "py_compile", words.source}});
}
std::string run_python(const CommandWords& words) {
  return line({{"python3"}, words.interpreter_args, {words.source}, words.run_args});
}

std::string run_node(const CommandWords& words) {
  return line({{"node"}, words.interpreter_args, {words.source}, words.run_args});
}

std::string class_of(const CommandWords& words) {
  return words.source.substr(0, words.source.rfind(".java"));
}
std::string compile_java(const CommandWords& words) {
  return line({{"javac"}, words.compile_args, {words.source}});
}
std::string run_java(const CommandWords& words) {
  return line({{"java"}, words.interpreter_args, {class_of(words)}, words.run_args});
}

std::string check_php(const CommandWords& words) {
  return line({{"php", "-l", words.source}});
}
std::string run_php(const CommandWords& words) {
  return line({{"php"}, words.interpreter_args, {words.source}, words.run_args});
}

std::string compile_pascal(const CommandWords& words) {
  return line({{"fpc"}, words.compile_args, {"-o" + words.source + ".exe", words.source}});
}

std::string run_octave(const CommandWords& words) {
  return line({{"octave", "--no-window-system", "--silent", "--norc", "--no-history"},
               words.interpreter_args,
               {words.source},
               words.run_args});
}

const std::array<LanguageRules, 8>& table() {
  using Words = std::vector<std::string>;
  static const Words none;
  static const Words strict = {"-Wall", "-Werror"};
  static const Words math = {"-lm"};
  // Without a bound the JVM takes a quarter of the machine; Node bounds itself.
  static const Words heap = {"-Xmx200m", "-Xss8m"};
  static const std::array<LanguageRules, 8> rows{{
      {"c", "gcc -dumpfullversion", "prog.c", none, strict, math, kMemoryMb, kProcesses, compile_c,
       run_exe},
      {"cpp", "g++ -dumpfullversion", "prog.cpp", none, strict, math, kMemoryMb, kProcesses,
       compile_cpp, run_exe},
      // The JVM and Node reserve more address space than any limit fit for teaching.
      {"java", "javac -version && java -version", "prog.java", heap, none, none, 0, kJavaProcesses,
       compile_java, run_java},
      {"nodejs", "node --version", "prog.js", none, none, none, 0, kProcesses, nullptr, run_node},
      {"octave", "octave --version", "prog.m", none, none, none, kMemoryMb, kProcesses, nullptr,
       run_octave},
      {"pascal",
       "fpc -iV",
       "prog.pas",
       none,
       {"-vew", "-Se"},
       none,
       kMemoryMb,
       kProcesses,
       compile_pascal,
       run_exe},
      {"php", "php --version", "prog.php", none, none, none, kMemoryMb, kProcesses, check_php,
       run_php},
      {"python3", "python3 --version", "prog.py", none, none, none, kMemoryMb, kProcesses,
       check_python, run_python},
  }};
  return rows;
}

bool is_word(char c) {
  return c == '_' || c == '$' || std::isalnum(static_cast<unsigned char>(c)) != 0;
}

// The name behind the first "class" that follows `from`, empty if there is none.
std::string class_name_after(std::string_view source, std::size_t from) {
  constexpr std::string_view kClass = "class";
  for (std::size_t at = from; (at = source.find(kClass, at)) != std::string_view::npos; ++at) {
    std::size_t name = at + kClass.size();
    if (at > 0 && is_word(source[at - 1])) continue;
    const std::size_t gap = name;
    while (name < source.size() && std::isspace(static_cast<unsigned char>(source[name])) != 0) {
      ++name;
    }
    std::size_t end = name;
    while (end < source.size() && is_word(source[end])) ++end;
    if (name > gap && end > name) return std::string(source.substr(name, end - name));
  }
  return {};
}

}  // namespace

std::span<const LanguageRules> all_languages() {
  return table();
}

const LanguageRules* find_language(std::string_view id) {
  for (const auto& row : table()) {
    if (row.id == id) return &row;
  }
  return nullptr;
}

std::string version_in(std::string_view text) {
  const auto digit = [&](std::size_t i) {
    return i < text.size() && std::isdigit(static_cast<unsigned char>(text[i])) != 0;
  };
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (!digit(at)) continue;
    std::size_t end = at;
    bool dotted = false;
    while (digit(end) || (end < text.size() && text[end] == '.' && digit(end + 1))) {
      dotted = dotted || text[end] == '.';
      ++end;
    }
    if (dotted) return std::string(text.substr(at, end - at));
    at = end;
  }
  return {};
}

std::string source_name(const LanguageRules& language, std::string_view given,
                        std::string_view source) {
  const bool java = language.id == "java";
  if (!given.empty() && !(java && given == "prog.java")) return std::string(given);
  if (java) {
    const std::size_t open = source.find("public class");
    const std::string name = class_name_after(source, open == std::string_view::npos ? 0 : open);
    if (!name.empty()) return name + ".java";
  }
  return std::string(language.default_source);
}

}  // namespace docket::trial_jobe
