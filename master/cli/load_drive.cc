#include "master/cli/load_drive.h"

#include <curl/curl.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <vector>

#include "protocol/base/check.h"

namespace docket::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kTellEveryMs = 200;
constexpr rlim_t kOwnDescriptors = 64;
constexpr long kConnectTimeoutSeconds = 60;  // the master's door may be crowded: that is measured
constexpr long kRunTimeoutSeconds = 3'600;
constexpr std::size_t kMostAnswerBytes = 1u << 20;

struct Student {
  CURL* curl = curl_easy_init();
  std::uint32_t asked = 0;
  std::string answer;
  Clock::time_point since;

  Student() { CHECK_THAT(curl != nullptr); }
  ~Student() { curl_easy_cleanup(curl); }
  Student(const Student&) = delete;
  Student& operator=(const Student&) = delete;
};

std::size_t append(char* data, std::size_t, std::size_t size, void* into) {
  auto& answer = *static_cast<std::string*>(into);
  if (answer.size() + size > kMostAnswerBytes) return 0;
  answer.append(data, size);
  return size;
}

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

Status raise_descriptors(std::uint32_t students) {
  rlimit limit{};
  CHECK_THAT(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
  const rlim_t needed = students + kOwnDescriptors;
  if (limit.rlim_cur >= needed) return ok_status();
  const rlimit raised{.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};
  if (limit.rlim_max >= needed && ::setrlimit(RLIMIT_NOFILE, &raised) == 0) return ok_status();
  return Error{ErrorCode::unavailable, "this shell may have " + std::to_string(limit.rlim_max) +
                                           " files open, and " + std::to_string(needed) +
                                           " are needed: ulimit -n, or fewer --students"};
}

// All students' transfers.
class Drive {
 public:
  explicit Drive(const LoadOrder& order)
      : order_(order), multi_(curl_multi_init()), begun_(Clock::now()) {
    CHECK_THAT(multi_ != nullptr);
    add_header("Content-Type: application/json; charset=utf-8");
    add_header("Expect:");
    if (!order.api_key.empty()) add_header("X-API-KEY: " + order.api_key);
    for (std::uint32_t i = 0; i < order.students; ++i) {
      ask(*students_.emplace_back(std::make_unique<Student>()));
    }
  }
  ~Drive() {
    for (const auto& student : students_) curl_multi_remove_handle(multi_, student->curl);
    students_.clear();
    curl_multi_cleanup(multi_);
    curl_slist_free_all(headers_);
  }
  Drive(const Drive&) = delete;
  Drive& operator=(const Drive&) = delete;

  LoadResult run(const std::function<bool(const LoadResult&)>& goes_on) {
    for (int running = 1; running > 0;) {
      curl_multi_perform(multi_, &running);
      running += take_answers();
      result_.took_s = seconds_since(begun_);
      if (running == 0 || !goes_on(result_)) break;
      curl_multi_poll(multi_, nullptr, 0, kTellEveryMs, nullptr);
    }
    return std::move(result_);
  }

 private:
  void add_header(const std::string& header) {
    headers_ = curl_slist_append(headers_, header.c_str());
  }

  void ask(Student& student) {
    CURL* curl = student.curl;
    curl_easy_reset(curl);
    student.answer.clear();
    student.since = Clock::now();
    ++student.asked;
    ++result_.asked;
    curl_easy_setopt(curl, CURLOPT_URL, order_.url.c_str());
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_PRIVATE, &student);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers_);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, kConnectTimeoutSeconds);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, kRunTimeoutSeconds);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(order_.body.size()));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, order_.body.data());
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, append);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &student.answer);
    curl_multi_add_handle(multi_, curl);
  }

  // How many students went on to their next question.
  int take_answers() {
    int went_on = 0;
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      void* who = nullptr;
      curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &who);
      Student& student = *static_cast<Student*>(who);
      take(student, message->data.result);
      curl_multi_remove_handle(multi_, student.curl);
      if (student.asked == order_.questions) continue;
      ask(student);
      ++went_on;
    }
    return went_on;
  }

  void take(const Student& student, CURLcode code) {
    long status = 0;
    curl_easy_getinfo(student.curl, CURLINFO_RESPONSE_CODE, &status);
    const std::string problem = code == CURLE_OK
                                    ? load_problem(static_cast<int>(status), student.answer)
                                    : curl_easy_strerror(code);
    if (problem.empty()) {
      result_.right_s.push_back(seconds_since(student.since));
    } else {
      ++result_.wrong[problem];
    }
  }

  const LoadOrder& order_;
  CURLM* const multi_;
  const Clock::time_point begun_;
  curl_slist* headers_ = nullptr;
  std::vector<std::unique_ptr<Student>> students_;
  LoadResult result_;
};

}  // namespace

Result<LoadResult> drive_load(const LoadOrder& order,
                              const std::function<bool(const LoadResult&)>& goes_on) {
  if (auto raised = raise_descriptors(order.students); !raised) return raised.error();
  return Drive(order).run(goes_on);
}

}  // namespace docket::cli
