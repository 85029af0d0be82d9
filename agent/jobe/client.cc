#include "agent/jobe/client.h"

#include <curl/curl.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <unordered_map>
#include <variant>

#include "agent/jobe/answer.h"
#include "protocol/base/base64.h"
#include "protocol/base/check.h"

namespace docket::agent {
namespace {

constexpr long kConnectTimeoutMs = 5'000;
constexpr long kProbeTimeoutMs = 10'000;
constexpr long kCheckTimeoutMs = 10'000;
constexpr std::size_t kMostAnswerBytes = kMaxBodyBytes + 1;  // one more shows that it is too much

struct ForRun {
  AttemptId id;
};
struct ForCheck {
  std::string file;
};
struct ForFile {
  std::string file;
};
struct ForProbe {};

struct Transfer {
  struct Cleanup {
    void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
  };
  std::unique_ptr<CURL, Cleanup> easy;
  std::variant<ForRun, ForCheck, ForFile, ForProbe> purpose;
  std::string request;
  std::size_t sent = 0;
  std::chrono::steady_clock::time_point begun = std::chrono::steady_clock::now();
  std::string answer;
};

// curl tries a request again when a kept connection turns out to be dead. That is right when nobody
// read it; a run that was cut off later may have begun and must not be posted twice.
constexpr auto kMayRepeatWithin = std::chrono::milliseconds(200);

std::size_t read_request(char* buffer, std::size_t, std::size_t room, void* user) {
  Transfer& transfer = *static_cast<Transfer*>(user);
  const std::size_t size = std::min(room, transfer.request.size() - transfer.sent);
  transfer.request.copy(buffer, size, transfer.sent);
  transfer.sent += size;
  return size;
}

int rewind_request(void* user, curl_off_t offset, int origin) {
  Transfer& transfer = *static_cast<Transfer*>(user);
  const bool early = std::chrono::steady_clock::now() - transfer.begun < kMayRepeatWithin;
  if (!early || origin != SEEK_SET || offset != 0) return CURL_SEEKFUNC_FAIL;
  transfer.sent = 0;
  return CURL_SEEKFUNC_OK;
}

std::size_t append(char* data, std::size_t, std::size_t size, void* user) {
  std::string& answer = *static_cast<std::string*>(user);
  const std::size_t room = kMostAnswerBytes - std::min(answer.size(), kMostAnswerBytes);
  answer.append(data, std::min(size, room));
  return size;
}

// What a transfer without an HTTP answer means.
struct Failure {
  Ending ending;
  std::string detail;
};

Failure failure_of(CURL* easy, CURLcode code) {
  long sent = 0;
  curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &sent);
  const std::string detail = curl_easy_strerror(code);
  // A kept connection that broke is tried again by curl: then the request was sent once.
  if (sent > 0 && code == CURLE_COULDNT_CONNECT) return {Ending::cut, detail};
  if (sent == 0) return {Ending::unreachable, detail};
  return {code == CURLE_OPERATION_TIMEDOUT ? Ending::timed_out : Ending::cut, detail};
}

class CurlJobeClient final : public JobeClient {
 public:
  CurlJobeClient(const Address& jobe, const std::string& api_key)
      : base_("http://" + jobe.text() + "/jobe/index.php/restapi/"), multi_(curl_multi_init()) {
    CHECK_THAT(multi_ != nullptr);
    // By default curl keeps four times the present transfers, and so drops some between bursts.
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, static_cast<long>(kMaxSlots));
    headers_ = curl_slist_append(headers_, "Content-Type: application/json; charset=utf-8");
    headers_ = curl_slist_append(headers_, "Accept: application/json");
    headers_ = curl_slist_append(headers_, "Expect:");  // no pause before large bodies
    if (!api_key.empty()) headers_ = curl_slist_append(headers_, ("X-API-KEY: " + api_key).c_str());
  }

  ~CurlJobeClient() override {
    for (auto& [easy, transfer] : transfers_) curl_multi_remove_handle(multi_, easy);
    transfers_.clear();
    curl_multi_cleanup(multi_);
    curl_slist_free_all(headers_);
  }

  void start(PostRun&& run) override {
    Transfer& transfer = begin("runs", ForRun{run.id}, run.timeout_ms);
    transfer.request = std::move(run.body);
    set_body(transfer);
    go(transfer);
  }

  void start(CheckFile&& file) override {
    Transfer& transfer = begin("files/" + file.file, ForCheck{file.file}, kCheckTimeoutMs);
    curl_easy_setopt(transfer.easy.get(), CURLOPT_NOBODY, 1L);  // HEAD
    go(transfer);
  }

  void start(PutFile&& file) override {
    Transfer& transfer = begin("files/" + file.file, ForFile{file.file}, file.timeout_ms);
    transfer.request = "{\"file_contents\":\"" + base64_encode(file.content) + "\"}";
    set_body(transfer);
    curl_easy_setopt(transfer.easy.get(), CURLOPT_CUSTOMREQUEST, "PUT");
    go(transfer);
  }

  void start_probe() override { go(begin("languages", ForProbe{}, kProbeTimeoutMs)); }

  void wait(const std::vector<int>& fds, int timeout_ms) override {
    std::vector<curl_waitfd> extra;
    for (const int fd : fds) extra.push_back({fd, CURL_WAIT_POLLIN, 0});
    curl_multi_poll(multi_, extra.data(), static_cast<unsigned>(extra.size()), timeout_ms, nullptr);
  }

  void collect(std::vector<Event>& out) override {
    int running = 0;
    curl_multi_perform(multi_, &running);
    int left = 0;
    while (CURLMsg* message = curl_multi_info_read(multi_, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      const CURLcode code = message->data.result;
      auto node = transfers_.extract(message->easy_handle);
      CHECK_THAT(!node.empty());
      Transfer& transfer = node.mapped();
      curl_multi_remove_handle(multi_, transfer.easy.get());
      out.push_back(std::visit([&](auto& purpose) { return ended(purpose, transfer, code); },
                               transfer.purpose));
    }
  }

 private:
  template <class Purpose>
  Transfer& begin(const std::string& path, Purpose purpose, long timeout_ms) {
    CURL* easy = curl_easy_init();
    CHECK_THAT(easy != nullptr);
    Transfer& transfer = transfers_[easy];
    transfer.easy.reset(easy);
    transfer.purpose = std::move(purpose);
    curl_easy_setopt(easy, CURLOPT_URL, (base_ + path).c_str());
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers_);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, 4L);  // Jobe's Apache closes idle ones after 5 s
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, kConnectTimeoutMs);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout_ms);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, append);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &transfer.answer);
    return transfer;
  }

  static void set_body(Transfer& transfer) {
    CURL* easy = transfer.easy.get();
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(transfer.request.size()));
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, read_request);
    curl_easy_setopt(easy, CURLOPT_READDATA, &transfer);
    curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, rewind_request);
    curl_easy_setopt(easy, CURLOPT_SEEKDATA, &transfer);
  }

  void go(Transfer& transfer) { curl_multi_add_handle(multi_, transfer.easy.get()); }

  static int status_of(const Transfer& transfer) {
    long status = 0;
    curl_easy_getinfo(transfer.easy.get(), CURLINFO_RESPONSE_CODE, &status);
    return static_cast<int>(status);
  }

  static Event ended(const ForRun& purpose, Transfer& transfer, CURLcode code) {
    if (code == CURLE_OK) {
      return read_run_answer(purpose.id, status_of(transfer), std::move(transfer.answer));
    }
    auto [ending, detail] = failure_of(transfer.easy.get(), code);
    RunAnswered answer;
    answer.id = purpose.id;
    answer.ending = ending;
    answer.detail = std::move(detail);
    return answer;
  }

  static Event ended(const ForCheck& purpose, Transfer& transfer, CURLcode code) {
    return FileChecked{purpose.file, code == CURLE_OK && status_of(transfer) == 204};
  }

  static Event ended(const ForFile& purpose, Transfer& transfer, CURLcode code) {
    std::string problem;
    if (code != CURLE_OK) {
      problem = curl_easy_strerror(code);
    } else if (status_of(transfer) != 204) {
      problem =
          "HTTP " + std::to_string(status_of(transfer)) + " " + transfer.answer.substr(0, 200);
    }
    return FilePushed{purpose.file, std::move(problem)};
  }

  static Event ended(const ForProbe&, Transfer& transfer, CURLcode code) {
    Probed probed;
    if (code != CURLE_OK) {
      probed.problem = curl_easy_strerror(code);
    } else if (status_of(transfer) != 200) {
      probed.problem = "it answers GET languages with HTTP " + std::to_string(status_of(transfer));
    } else if (auto languages = read_languages(transfer.answer); languages) {
      probed.languages = std::move(*languages);
    } else {
      probed.problem = languages.error().message;
    }
    return probed;
  }

  const std::string base_;
  CURLM* multi_;
  curl_slist* headers_ = nullptr;
  std::unordered_map<CURL*, Transfer> transfers_;  // nodes stay where they are
};

}  // namespace

std::unique_ptr<JobeClient> JobeClient::create(const Address& jobe, const std::string& api_key) {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  CHECK_THAT(ready == CURLE_OK);
  return std::make_unique<CurlJobeClient>(jobe, api_key);
}

}  // namespace docket::agent
