// Any bytes from a client's connection: what is read, answered and ended never depends on how the
// bytes were cut, when the answers came or how much of them the socket took at once.
#include <algorithm>
#include <random>

#include "master/http/connection.h"
#include "master/http/tokens.h"

namespace {

using docket::http::Connection;
using docket::http::Fate;
using docket::http::Options;
using docket::http::Request;
using docket::http::Response;

constexpr docket::MonoMs kNow = 1'000;
constexpr docket::MonoMs kMuchLater = kNow + 24 * 3'600'000;
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

const Options& options() {
  static const Options small = [] {
    Options values;
    values.max_head_bytes = 600;
    values.max_body_bytes = 300;
    return values;
  }();
  return small;
}

// How the world cuts and delays: a step of 0 is "all there is".
struct Cuts {
  std::size_t in_step;
  std::size_t out_step;
  bool late_answers;  // after the next input
  std::mt19937* random = nullptr;

  std::size_t of(std::size_t step, std::size_t left) const {
    if (random != nullptr) return 1 + (*random)() % std::min<std::size_t>(left, 40);
    return step == 0 ? left : std::min(step, left);
  }
};

void check_request(const Request& request) {
  CHECK_THAT(docket::http::is_token(request.method));
  CHECK_THAT(request.target.size() <= options().max_head_bytes);
  CHECK_THAT(request.body.size() <= options().max_body_bytes);
  CHECK_THAT(request.target.find_first_of(std::string_view(" \r\n\0", 4)) == std::string::npos);
  int lengths = 0;
  int codings = 0;
  for (const auto& [name, value] : request.headers) {
    CHECK_THAT(docket::http::is_token(name) && docket::http::is_field_value(value));
    CHECK_THAT(std::ranges::none_of(name, [](char c) { return c >= 'A' && c <= 'Z'; }));
    lengths += name == "content-length" ? 1 : 0;
    codings += name == "transfer-encoding" ? 1 : 0;
  }
  CHECK_THAT(lengths + codings <= 1);
  if (lengths == 0 && codings == 0) CHECK_THAT(request.body.empty());
  if (lengths == 1) {
    CHECK_THAT(request.header("content-length") == std::to_string(request.body.size()) ||
               request.header("content-length").starts_with('0'));
  }
}

class Client {
 public:
  explicit Client(const Cuts& cuts) : cuts_(cuts), connection_(options(), budget_, "peer", kNow) {}

  // Everything that was read and said, and how it ended.
  std::string talk(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto part = bytes.substr(0, cuts_.of(cuts_.in_step, bytes.size()));
      bytes.remove_prefix(part.size());
      connection_.receive(part, kNow);
      settle(!cuts_.late_answers);
      CHECK_THAT(connection_.deadline() > kNow);
    }
    settle(true);
    connection_.expire(kMuchLater);
    settle(true);
    connection_.expire(2 * kMuchLater);
    CHECK_THAT(budget_.used() == 0);
    CHECK_THAT(connection_.fate() != Fate::open && connection_.fate() != Fate::half_closed);
    for (auto at = said_.find(kContinue); at != std::string::npos; at = said_.find(kContinue)) {
      said_.erase(at, kContinue.size());  // said or not: the body may have been there already
    }
    return read_ + "\n" + said_;
  }

 private:
  void settle(bool answers) {
    for (;;) {
      for (auto rest = connection_.output(); !rest.empty(); rest = connection_.output()) {
        const auto part = rest.substr(0, cuts_.of(cuts_.out_step, rest.size()));
        said_.append(part);
        connection_.sent(part.size(), kNow);
      }
      if (waiting_) {
        if (!answers) return;
        waiting_ = false;
        connection_.answer(std::move(response_), kNow);
        continue;
      }
      auto request = connection_.take_request(kNow);
      if (!request && connection_.output().empty()) return;
      if (request) take(std::move(*request));
    }
  }

  void take(Request&& request) {
    check_request(request);
    read_ += request.method + " " + request.path + " ?" + request.query;
    for (const auto& [name, value] : request.headers) read_ += " " + name + "=" + value;
    read_ += " [" + request.body + "]\n";
    response_ = Response();
    response_.status = request.body.size() % 3 == 0 ? 204 : 200;
    response_.body.assign(request.body.size() * 100, 'b');
    waiting_ = true;
  }

  Cuts cuts_;
  docket::http::ByteBudget budget_{options().max_buffered_bytes};
  Connection connection_;
  bool waiting_ = false;
  Response response_;
  std::string read_;
  std::string said_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::string whole = Client({0, 0, false}).talk(bytes);
  CHECK_THAT(Client({1, 0, false}).talk(bytes) == whole);
  CHECK_THAT(Client({3, 7, true}).talk(bytes) == whole);
  std::mt19937 random(static_cast<std::uint32_t>(std::hash<std::string_view>()(bytes)));
  CHECK_THAT(Client({0, 0, random() % 2 == 0, &random}).talk(bytes) == whole);
  return 0;
}
