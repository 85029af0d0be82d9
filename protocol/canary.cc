#include "protocol/canary.h"

#include <array>

namespace docket {
namespace {

struct Canary {
  std::string_view language;
  std::string_view file;
  std::string_view source;  // as it stands in JSON
};

// Each prints "docket canary 42" and a line end; 42 is computed, so that an echo does not pass.
constexpr std::array<Canary, 8> kCanaries = {{
    {"c", "canary.c",
     R"(#include <stdio.h>\nint main(void) {\n  printf(\"docket canary %d\\n\", 6 * 7);\n  return 0;\n}\n)"},
    {"cpp", "canary.cpp",
     R"(#include <iostream>\nint main() {\n  std::cout << \"docket canary \" << 6 * 7 << \"\\n\";\n}\n)"},
    {"java", "Canary.java",
     R"(public class Canary {\n  public static void main(String[] args) {\n    System.out.println(\"docket canary \" + 6 * 7);\n  }\n}\n)"},
    {"nodejs", "canary.js", R"(console.log('docket canary ' + 6 * 7);\n)"},
    {"octave", "canary.m", R"(printf(\"docket canary %d\\n\", 6 * 7);\n)"},
    {"pascal", "canary.pas",
     R"(program canary;\nbegin\n  writeln('docket canary ', 6 * 7);\nend.\n)"},
    {"php", "canary.php", R"(<?php\necho 'docket canary ' . 6 * 7 . \"\\n\";\n)"},
    {"python3", "canary.py", R"(print('docket canary', 6 * 7)\n)"},
}};

}  // namespace

std::string canary_body(std::string_view language) {
  for (const Canary& canary : kCanaries) {
    if (canary.language != language) continue;
    // Without a memory limit, because some languages reserve more than they use.
    return std::string(R"({"run_spec":{"language_id":")")
        .append(language)
        .append(R"(","sourcefilename":")")
        .append(canary.file)
        .append(R"(","sourcecode":")")
        .append(canary.source)
        .append(R"(","input":"","parameters":{"cputime":)")
        .append(std::to_string(kCanaryCputimeSeconds))
        .append(R"(,"memorylimit":0}}})");
  }
  return {};
}

bool has_canary_output(std::string_view answer) {
  return answer.find(R"("stdout":"docket canary 42\n")") != std::string_view::npos;
}

}  // namespace docket
