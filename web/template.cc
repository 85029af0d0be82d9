#include "web/template.h"

namespace docket::web {

std::string filled(std::string_view text, const Values& values) {
  std::string out;
  for (;;) {
    const auto begin = text.find("{{");
    const auto end = text.find("}}", begin == std::string_view::npos ? begin : begin + 2);
    if (end == std::string_view::npos) return out.append(text);
    const auto value = values.find(text.substr(begin + 2, end - begin - 2));
    out.append(text.substr(0, begin));
    out.append(value == values.end() ? text.substr(begin, end + 2 - begin) : value->second);
    text.remove_prefix(end + 2);
  }
}

std::string html_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

}  // namespace docket::web
