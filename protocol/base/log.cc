#include "protocol/base/log.h"

#include <fcntl.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <utility>

#include "protocol/base/clock.h"
#include "protocol/base/log_json.h"
#include "protocol/base/log_repeats.h"

namespace docket {
namespace {

constexpr const char* kTimePattern = "%Y-%m-%dT%H:%M:%S.%e%z";

std::string_view text_of(spdlog::string_view_t view) {
  return {view.data(), view.size()};
}

class JsonFormatter final : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
    spdlog::memory_buf_t time;
    time_.format(message, time);
    const std::string line = json_line({{time.data(), time.size()},
                                        text_of(spdlog::level::to_string_view(message.level)),
                                        text_of(message.logger_name),
                                        text_of(message.payload)});
    out.append(line.data(), line.data() + line.size());
    out.push_back('\n');
  }
  std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<JsonFormatter>();
  }

 private:
  spdlog::pattern_formatter time_{kTimePattern, spdlog::pattern_time_type::local, ""};
};

int open_for_appending(const std::string& path) {
  return ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
}

class LineSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  // Takes `fd`, which is the file's, or stderr's when there is no file.
  LineSink(std::string program, std::string path, int fd, std::uint64_t max_bytes)
      : program_(std::move(program)), path_(std::move(path)), fd_(fd), max_bytes_(max_bytes) {
    measure();
  }
  ~LineSink() override {
    if (!path_.empty()) ::close(fd_);
  }

  Status reopen() {
    const std::lock_guard lock(mutex_);
    return open_again();
  }

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    tell_due();
    const bool may_flood = message.level >= spdlog::level::warn;
    if (may_flood && !repeats_.admit(text_of(message.payload), message.level, read_clock().mono)) {
      return;
    }
    write_line(message);
  }

  void flush_() override { tell_due(); }

  void tell_due() {
    for (const auto& repeated : repeats_.due(read_clock().mono)) {
      const std::string text = repeated.line + " repeated=" + std::to_string(repeated.times);
      write_line({program_, static_cast<spdlog::level::level_enum>(repeated.level), text});
    }
  }

  void write_line(const spdlog::details::log_msg& message) {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    if (max_bytes_ != 0 && bytes_ > 0 && bytes_ + line.size() > max_bytes_) rotate();
    if (lost_lines_ > 0) {
      const std::string text = "log=well lost_lines=" + std::to_string(lost_lines_);
      spdlog::memory_buf_t told;
      formatter_->format({program_, spdlog::level::warn, text}, told);
      if (!put(told)) {
        ++lost_lines_;
        return;
      }
      lost_lines_ = 0;
    }
    if (!put(line)) ++lost_lines_;
  }

  bool put(const spdlog::memory_buf_t& line) {
    std::size_t done = 0;
    while (done < line.size()) {
      const auto wrote = ::write(fd_, line.data() + done, line.size() - done);
      if (wrote < 0 && errno == EINTR) continue;
      if (wrote <= 0) return false;
      done += static_cast<std::size_t>(wrote);
    }
    bytes_ += done;
    return true;
  }

  void rotate() {
    // When it cannot be moved it goes on growing: a long log is better than none.
    if (::rename(path_.c_str(), (path_ + ".1").c_str()) == 0) {
      [[maybe_unused]] const Status opened = open_again();
    }
    bytes_ = 0;  // where it could not be moved, try again a file's length later
  }

  Status open_again() {
    if (path_.empty()) return ok_status();
    const int fresh = open_for_appending(path_);
    if (fresh < 0) {
      return Error{ErrorCode::unavailable,
                   "log-file: cannot open " + path_ + ": " + std::strerror(errno)};
    }
    ::close(std::exchange(fd_, fresh));
    measure();
    return ok_status();
  }

  void measure() {
    struct stat facts {};
    const bool known = !path_.empty() && ::fstat(fd_, &facts) == 0;
    bytes_ = known ? static_cast<std::uint64_t>(facts.st_size) : 0;
  }

  // Guarded by base_sink's mutex:
  const std::string program_;
  const std::string path_;
  int fd_;
  const std::uint64_t max_bytes_;  // 0: no bound
  std::uint64_t bytes_ = 0;        // in the file
  std::uint64_t lost_lines_ = 0;
  LogRepeats repeats_;
};

LineSink& sink_of(const Logger& log) {
  return static_cast<LineSink&>(*log->sinks().front());  // make_logger() gives no other
}

bool is_level(const std::string& level) {
  return level == "debug" || level == "info" || level == "warn" || level == "error";
}

}  // namespace

Result<Logger> make_logger(const std::string& program, const LogOptions& options) {
  if (options.format != "text" && options.format != "json") {
    return Error{ErrorCode::invalid,
                 "log-format: '" + options.format + "' is neither text nor json"};
  }
  int fd = STDERR_FILENO;
  if (!options.file.empty() && (fd = open_for_appending(options.file)) < 0) {
    return Error{ErrorCode::unavailable,
                 "log-file: cannot open " + options.file + ": " + std::strerror(errno)};
  }
  auto logger = std::make_shared<spdlog::logger>(
      program, std::make_shared<LineSink>(program, options.file, fd, options.max_file_mb << 20));
  if (options.format == "json") {
    logger->set_formatter(std::make_unique<JsonFormatter>());
  } else {
    logger->set_pattern(std::string(kTimePattern) + " %n %l %v");
  }
  if (auto set = set_log_level(logger, options.level); !set) return set.error();
  return logger;
}

Result<Logger> make_logger(const std::string& program, const std::string& level) {
  LogOptions options;
  options.level = level;
  return make_logger(program, options);
}

Status set_log_level(const Logger& log, const std::string& level) {
  if (!is_level(level)) {
    return Error{ErrorCode::invalid,
                 "log-level: '" + level + "' is none of debug, info, warn, error"};
  }
  log->set_level(spdlog::level::from_str(level));
  return ok_status();
}

Status reopen_log(const Logger& log) {
  return sink_of(log).reopen();
}

void tell_repeats(const Logger& log) {
  log->flush();
}

}  // namespace docket
