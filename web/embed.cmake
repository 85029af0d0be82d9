# Writes OUTPUT, a C++ file that holds the content of FILES under their names (embedded_files.h).
set(arrays "")
set(table "")
set(number 0)
foreach(file IN LISTS FILES)
  get_filename_component(name ${file} NAME)
  file(READ ${file} content HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "\\\\x\\1" content "${content}")
  # Lines of 24 bytes; adjacent literals are one, and no escape crosses a line.
  string(REPEAT "...." 24 line)
  string(REGEX REPLACE "(${line})" "\\1\"\n    \"" content "${content}")
  string(APPEND arrays "// ${name}\nconstexpr char kFile${number}[] =\n    \"${content}\";\n\n")
  string(APPEND table "    {\"${name}\", {kFile${number}, sizeof kFile${number} - 1}},\n")
  math(EXPR number "${number} + 1")
endforeach()

file(WRITE ${OUTPUT} "\
#include \"web/embedded_files.h\"

namespace docket::web {
namespace {

${arrays}constexpr EmbeddedFile kFiles[] = {
${table}};

}  // namespace

std::span<const EmbeddedFile> embedded_files() { return kFiles; }

}  // namespace docket::web
")
