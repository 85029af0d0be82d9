#include "master/cli/client.h"

#include <curl/curl.h>

#include <chrono>
#include <cstring>
#include <string_view>

#include "protocol/base/check.h"

namespace docket::cli {
namespace {

constexpr long kConnectTimeoutSeconds = 5;
constexpr std::size_t kMaxReplyBytes = 256u << 20;  // a run_spec and a result, every byte escaped

std::size_t append(char* data, std::size_t size, std::size_t count, void* into) {
  auto& body = *static_cast<std::string*>(into);
  const std::size_t bytes = size * count;
  if (body.size() + bytes > kMaxReplyBytes) return 0;
  body.append(data, bytes);
  return bytes;
}

// Calls a request's `meanwhile`, and not as often as curl would.
class Meanwhile {
 public:
  explicit Meanwhile(const std::function<void()>& call) : call_(call) {}

  static int on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    static_cast<Meanwhile*>(self)->call();
    return 0;
  }

 private:
  using Clock = std::chrono::steady_clock;

  void call() {
    if (!call_ || Clock::now() < next_) return;
    call_();
    next_ = Clock::now() + std::chrono::milliseconds(500);
  }

  const std::function<void()>& call_;
  Clock::time_point next_ = Clock::now() + std::chrono::milliseconds(300);
};

// Anything up to the moment the request goes out counts as not reached.
bool was_connected(CURL* handle) {
  curl_off_t pretransfer_us = 0;
  curl_easy_getinfo(handle, CURLINFO_PRETRANSFER_TIME_T, &pretransfer_us);
  return pretransfer_us > 0;
}

Error failure(CURL* handle, CURLcode code, const std::string& url, long timeout_s) {
  if (code == CURLE_WRITE_ERROR) {
    return {ErrorCode::too_large, "the answer of " + url + " is larger than " +
                                      std::to_string(kMaxReplyBytes >> 20) + " MB"};
  }
  if (!was_connected(handle)) {
    long os_error = 0;
    curl_easy_getinfo(handle, CURLINFO_OS_ERRNO, &os_error);
    std::string why = curl_easy_strerror(code);
    if (code == CURLE_OPERATION_TIMEDOUT) {
      why = "no connection within " + std::to_string(kConnectTimeoutSeconds) + " s";
    } else if (code == CURLE_COULDNT_CONNECT && os_error != 0) {
      why = std::strerror(static_cast<int>(os_error));
    }
    return {ErrorCode::unavailable,
            "cannot reach the master at " + url + ": " + why +
                ". Is docket-master running? Set --master or DOCKET_MASTER."};
  }
  if (code == CURLE_OPERATION_TIMEDOUT) {
    return {ErrorCode::timed_out,
            "no answer from " + url + " within " + std::to_string(timeout_s) + " s"};
  }
  return {ErrorCode::unavailable,
          "the connection to the master at " + url +
              " broke before its answer was whole: " + curl_easy_strerror(code)};
}

struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

}  // namespace

struct Client::Handle {
  CURL* curl = curl_easy_init();
  Handle() = default;
  ~Handle() { curl_easy_cleanup(curl); }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
};

Client::Client(Master master) : master_(std::move(master)), handle_(std::make_unique<Handle>()) {
  CHECK_THAT(handle_->curl != nullptr);
}

Client::~Client() = default;

Result<Reply> Client::send(const Request& request) {
  CURL* curl = handle_->curl;
  const std::string url = master_.url + request.path;
  // An empty Expect: a body goes out at once, whatever its size.
  std::unique_ptr<curl_slist, FreeList> headers(curl_slist_append(nullptr, "Expect:"));
  const auto add = [&](const std::string& header) {
    headers.reset(curl_slist_append(headers.release(), header.c_str()));
  };
  for (const auto& header : request.headers) add(header);
  if (!master_.token.empty()) add("Authorization: Bearer " + master_.token);
  if (!master_.reason.empty() && request.method != "GET") add("Docket-Reason: " + master_.reason);
  Reply reply;
  curl_easy_reset(curl);
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  if (!master_.ca_file.empty()) curl_easy_setopt(curl, CURLOPT_CAINFO, master_.ca_file.c_str());
  curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L);
  curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, kConnectTimeoutSeconds);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT, request.timeout_s);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  if (request.method != "GET") {
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request.method.c_str());
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.body.data());
  }
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, append);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &reply.body);

  Meanwhile meanwhile(request.meanwhile);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, Meanwhile::on_progress);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &meanwhile);

  const CURLcode code = curl_easy_perform(curl);
  if (code != CURLE_OK) return failure(curl, code, master_.url, request.timeout_s);
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  reply.status = static_cast<int>(status);
  return reply;
}

Request make_request(std::string method, std::string path, std::string json) {
  Request request;
  request.method = std::move(method);
  request.path = std::move(path);
  if (!json.empty()) request.headers = {"Content-Type: application/json"};
  request.body = std::move(json);
  return request;
}

}  // namespace docket::cli
