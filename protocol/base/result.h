// Result<T>: a value, or what the world did wrong. Any thread; plain values.
//
// ErrorCode is closed, and facts_of() is the one table that maps each code to an HTTP status and
// to an exit code of the command-line tool.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "protocol/base/check.h"

namespace docket {

enum class ErrorCode {
  invalid,      // the caller's input is wrong
  denied,       // the caller may not
  not_found,    // no such thing
  conflict,     // the thing is in a state that forbids it
  too_large,    // over a stated bound
  unavailable,  // a peer, a disk or a service does not answer
  timed_out,    // it took longer than its bound
  corrupt,      // bytes that should be readable are not
  internal,     // anything else of ours
};

struct ErrorFacts {
  std::string_view name;
  int http_status;
  int exit_code;
};

constexpr ErrorFacts facts_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid:
      return {"invalid", 400, 2};
    case ErrorCode::denied:
      return {"denied", 403, 4};
    case ErrorCode::not_found:
      return {"not_found", 404, 3};
    case ErrorCode::conflict:
      return {"conflict", 409, 6};
    case ErrorCode::too_large:
      return {"too_large", 413, 2};
    case ErrorCode::unavailable:
      return {"unavailable", 503, 5};
    case ErrorCode::timed_out:
      return {"timed_out", 504, 124};
    case ErrorCode::corrupt:
      return {"corrupt", 500, 1};
    case ErrorCode::internal:
      return {"internal", 500, 1};
  }
  return {"internal", 500, 1};
}

struct Error {
  ErrorCode code = ErrorCode::internal;
  std::string message;  // one line: what is wrong and, where it can be said, what to do
};

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() & {
    CHECK_THAT(ok());
    return std::get<0>(state_);
  }
  const T& value() const& {
    CHECK_THAT(ok());
    return std::get<0>(state_);
  }
  T&& value() && {
    CHECK_THAT(ok());
    return std::get<0>(std::move(state_));
  }
  const Error& error() const {
    CHECK_THAT(!ok());
    return std::get<1>(state_);
  }

  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

 private:
  std::variant<T, Error> state_;
};

struct Unit {};
using Status = Result<Unit>;
inline Status ok_status() {
  return Unit{};
}

// A setting that keeps a program from starting. Thrown only while starting, caught once in main,
// which prints what() as one line on stderr: it names the setting and what to do.
class StartError {
 public:
  explicit StartError(std::string message) : message_(std::move(message)) {}
  const std::string& message() const { return message_; }

 private:
  std::string message_;
};

}  // namespace docket
