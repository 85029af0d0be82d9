// Texts with holes: "{{name}}" stands for a value. Pure.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace docket::web {

using Values = std::map<std::string, std::string, std::less<>>;

// The text with its holes filled; one without a value stays as it is. What stands in a value is
// never taken for a hole. Values are HTML already.
std::string filled(std::string_view text, const Values& values);

// A text as HTML: nothing of it is markup, in an element or in an attribute's quotes.
std::string html_text(std::string_view text);

}  // namespace docket::web
