// AnswerReader: turns the bytes of one keep-alive connection into HTTP answers, one after the
// other, and says whether an answer is the one expected. Pure; one thread.
//
// Invariant: one answer at a time; bytes behind it belong to no request and are a failure.
#pragma once

#include <http_parser.h>

#include <string>
#include <string_view>

namespace docket::bench {

class AnswerReader {
 public:
  enum class State { reading, complete, failed };

  AnswerReader();

  State feed(std::string_view bytes);
  State state() const { return state_; }
  bool keep_alive() const { return keep_alive_; }  // when complete

  // The complete answer is a result of Jobe's with this outcome.
  bool ran_with(int outcome) const;

  void next();  // for the next answer of the same connection

 private:
  struct Callbacks;

  http_parser parser_{};
  State state_ = State::reading;
  int status_ = 0;
  bool keep_alive_ = false;
  std::string body_;
};

// The number behind the key "outcome" of a JSON text, or -1.
int outcome_of(std::string_view json);

}  // namespace docket::bench
