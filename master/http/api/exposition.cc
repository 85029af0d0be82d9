#include "master/http/api/exposition.h"

#include <charconv>

#include "protocol/base/check.h"

namespace docket::http {
namespace {

std::string number(double value) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  return {text, end};
}

void append_label(std::string& out, std::string_view name, std::string_view value) {
  static constexpr std::string_view kHex = "0123456789ABCDEF";
  out.append(name).append("=\"");
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte > 0x7e || c == '%' || c == '"' || c == '\\') {
      out.append({'%', kHex[byte >> 4], kHex[byte & 15u]});
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
}

}  // namespace

void Exposition::counter(std::string_view name, std::string_view help) {
  CHECK_THAT(name.ends_with("_total"));
  begin(name, "counter", help);
}

void Exposition::gauge(std::string_view name, std::string_view help) {
  begin(name, "gauge", help);
}

void Exposition::histogram(std::string_view name, std::string_view help) {
  begin(name, "histogram", help);
}

void Exposition::begin(std::string_view name, std::string_view type, std::string_view help) {
  name_ = name;
  text_.append("# HELP ").append(name).append(" ").append(help).append("\n");
  text_.append("# TYPE ").append(name).append(" ").append(type).append("\n");
}

void Exposition::sample(double value, Labels labels) {
  line("", labels, "", value);
}

void Exposition::distribution(std::span<const double> up_to, std::span<const std::uint64_t> counts,
                              double sum, Labels labels) {
  std::uint64_t so_far = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    so_far += counts[i];
    const std::string bound = i < up_to.size() ? number(up_to[i]) : "+Inf";
    line("_bucket", labels, bound, static_cast<double>(so_far));
  }
  line("_sum", labels, "", sum);
  line("_count", labels, "", static_cast<double>(so_far));
}

void Exposition::line(std::string_view suffix, Labels labels, std::string_view bound,
                      double value) {
  text_.append(name_).append(suffix);
  char before = '{';
  const auto add = [&](std::string_view name, std::string_view of) {
    text_.push_back(before);
    append_label(text_, name, of);
    before = ',';
  };
  for (const auto& [name, of] : labels) add(name, of);
  if (!bound.empty()) add("le", bound);
  if (before == ',') text_.push_back('}');
  text_.append(" ").append(number(value)).append("\n");
}

}  // namespace docket::http
