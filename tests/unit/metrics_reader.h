// Reads Prometheus' text format (0.0.4) as strictly as promtool does, and fails the test where it
// is not that. One thread.
#pragma once

#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>
#include <map>
#include <set>
#include <sstream>
#include <string>

namespace docket::test {

struct MetricFamily {
  std::string type;
  std::set<std::string> labels;           // names, without "le"
  std::map<std::string, double> samples;  // by what follows the family's name: `_sum{a="b"}`
};

class MetricsReader {
 public:
  explicit MetricsReader(const std::string& text) {
    REQUIRE((text.empty() || text.back() == '\n'));
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) read(line);
    for (const auto& [name, family] : families_) {
      CAPTURE(name);
      CHECK(family.type != "");
      if (family.type == "histogram") check_buckets(family);
      CHECK((family.type == "counter") == name.ends_with("_total"));
    }
  }

  const std::map<std::string, MetricFamily>& families() const { return families_; }

  // 0 when there is no such sample, as Prometheus has it for what was never counted.
  double value(const std::string& name, const std::string& rest = "") const {
    const auto family = families_.find(name);
    REQUIRE_MESSAGE(family != families_.end(), name);
    const auto sample = family->second.samples.find(rest);
    return sample == family->second.samples.end() ? 0 : sample->second;
  }

 private:
  void read(const std::string& line) {
    CAPTURE(line);
    std::istringstream words(line);
    std::string hash, kind, name;
    if (line.starts_with("#")) {
      words >> hash >> kind >> name;
      if (kind == "HELP") {
        REQUIRE(families_.try_emplace(name).second);  // each once, its samples together
        REQUIRE(words.get() == ' ');
        current_ = name;
        return;
      }
      REQUIRE(kind == "TYPE");
      REQUIRE(name == current_);
      REQUIRE(families_[name].samples.empty());
      words >> families_[name].type;
      return;
    }
    const auto space = line.rfind(' ');
    REQUIRE(space != line.npos);
    const std::string series = line.substr(0, space);
    REQUIRE(series.starts_with(current_));
    MetricFamily& family = families_[current_];
    const std::string rest = series.substr(current_.size());
    const auto brace = rest.find('{');
    const std::string suffix = rest.substr(0, brace);
    if (family.type == "histogram") {
      REQUIRE((suffix == "_bucket" || suffix == "_sum" || suffix == "_count"));
    } else {
      REQUIRE(suffix == "");
    }
    if (brace != rest.npos) read_labels(rest.substr(brace), family);
    char* end = nullptr;
    const double value = std::strtod(line.c_str() + space + 1, &end);
    REQUIRE(*end == '\0');
    REQUIRE(end != line.c_str() + space + 1);
    REQUIRE(family.samples.emplace(rest, value).second);
  }

  static void read_labels(const std::string& text, MetricFamily& family) {
    REQUIRE(text.back() == '}');
    std::size_t at = 1;
    while (at < text.size() - 1) {
      const auto equals = text.find("=\"", at);
      REQUIRE(equals != text.npos);
      const std::string name = text.substr(at, equals - at);
      REQUIRE(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == name.npos);
      if (name != "le") family.labels.insert(name);
      const auto end = text.find('"', equals + 2);
      REQUIRE(end != text.npos);
      for (const char c : text.substr(equals + 2, end - equals - 2)) {
        REQUIRE((c >= ' ' && c <= '~' && c != '\\'));
      }
      at = end + 1;
      REQUIRE((text[at] == ',' || at == text.size() - 1));
      if (text[at] == ',') ++at;
    }
  }

  // Counts rise with the bounds, and the last is the count of all.
  static void check_buckets(const MetricFamily& family) {
    std::map<std::string, std::map<double, double>> by_labels;
    for (const auto& [rest, value] : family.samples) {
      const auto le = rest.find("le=\"");
      if (!rest.starts_with("_bucket")) continue;
      REQUIRE(le != rest.npos);
      const std::string bound = rest.substr(le + 4, rest.find('"', le + 4) - le - 4);
      const std::string labels = rest.substr(7, le - 7);
      by_labels[labels][bound == "+Inf" ? HUGE_VAL : std::stod(bound)] = value;
    }
    for (const auto& [labels, counts] : by_labels) {
      double last = 0;
      for (const auto& [bound, count] : counts) {
        CHECK(count >= last);
        last = count;
      }
      const std::string named = labels == "{" ? "" : labels.substr(0, labels.size() - 1) + "}";
      CHECK(counts.rbegin()->first == HUGE_VAL);
      CHECK(family.samples.at("_count" + named) == last);
      CHECK(family.samples.contains("_sum" + named));
    }
  }

  std::map<std::string, MetricFamily> families_;
  std::string current_;
};

}  // namespace docket::test
