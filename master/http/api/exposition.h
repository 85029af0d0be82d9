// Writes Prometheus' text format, 0.0.4. Pure.
//
// A family is begun and its samples follow; one without samples stands there all the same, so that
// what a dashboard asks for always exists. Label values are printable ASCII, everything else in
// them percent-encoded: different values stay different, and no name can break the text.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "protocol/base/histogram.h"

namespace docket::http {

class Exposition {
 public:
  using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

  // Counters end in _total.
  void counter(std::string_view name, std::string_view help);
  void gauge(std::string_view name, std::string_view help);
  void histogram(std::string_view name, std::string_view help);

  void sample(double value, Labels labels = {});
  template <class Count>
  requires std::is_integral_v<Count>
  void sample(Count value, Labels labels = {}) { sample(static_cast<double>(value), labels); }
  template <class Bounds>
  void sample(const Histogram<Bounds>& seen, Labels labels = {}) {
    distribution(Bounds::kUpTo, seen.counts, seen.sum, labels);
  }

  std::string take() { return std::move(text_); }

 private:
  void begin(std::string_view name, std::string_view type, std::string_view help);
  void distribution(std::span<const double> up_to, std::span<const std::uint64_t> counts,
                    double sum, Labels labels);
  // `bound` is the label "le"; empty: none.
  void line(std::string_view suffix, Labels labels, std::string_view bound, double value);

  std::string text_;
  std::string name_;  // of the family
};

}  // namespace docket::http
