#include "tests/bench/answer_reader.h"

#include <algorithm>
#include <charconv>

namespace docket::bench {
namespace {

constexpr int kOk = 200;

void skip_blanks(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
}

}  // namespace

struct AnswerReader::Callbacks {
  static AnswerReader& self(http_parser* parser) {
    return *static_cast<AnswerReader*>(parser->data);
  }
  static int on_body(http_parser* parser, const char* data, std::size_t size) {
    self(parser).body_.append(data, size);
    return 0;
  }
  static int on_complete(http_parser* parser) {
    AnswerReader& reader = self(parser);
    reader.state_ = State::complete;
    reader.status_ = static_cast<int>(parser->status_code);
    reader.keep_alive_ = http_should_keep_alive(parser) != 0;
    http_parser_pause(parser, 1);  // what follows would be an answer to no request
    return 0;
  }
  static http_parser_settings settings() {
    http_parser_settings settings;
    http_parser_settings_init(&settings);
    settings.on_body = on_body;
    settings.on_message_complete = on_complete;
    return settings;
  }
};

AnswerReader::AnswerReader() {
  next();
}

void AnswerReader::next() {
  http_parser_init(&parser_, HTTP_RESPONSE);
  parser_.data = this;
  state_ = State::reading;
  status_ = 0;
  keep_alive_ = false;
  body_.clear();
}

AnswerReader::State AnswerReader::feed(std::string_view bytes) {
  static const http_parser_settings settings = Callbacks::settings();
  if (state_ != State::reading) return state_ = State::failed;
  parser_.data = this;  // the reader may have been moved since
  const auto used = http_parser_execute(&parser_, &settings, bytes.data(), bytes.size());
  if (used < bytes.size() || (state_ == State::reading && parser_.http_errno != HPE_OK)) {
    state_ = State::failed;
  }
  return state_;
}

bool AnswerReader::ran_with(int outcome) const {
  return state_ == State::complete && status_ == kOk && outcome_of(body_) == outcome;
}

int outcome_of(std::string_view json) {
  // Inside a string the quotes would be escaped, so only a key or a whole value can match.
  constexpr std::string_view kKey = "\"outcome\"";
  for (;;) {
    const auto at = json.find(kKey);
    if (at == std::string_view::npos) return -1;
    json.remove_prefix(at + kKey.size());
    skip_blanks(json);
    if (!json.starts_with(':')) continue;
    json.remove_prefix(1);
    skip_blanks(json);
    int value = -1;
    std::from_chars(json.data(), json.data() + json.size(), value);
    return value;
  }
}

}  // namespace docket::bench
