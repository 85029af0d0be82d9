#include "master/http/api/file_uploads.h"

#include <algorithm>

#include "master/http/api/file_request.h"
#include "master/http/api/jobe_api.h"
#include "protocol/base/digest.h"

namespace docket::http {
namespace {

constexpr const char* kRetryAfterSeconds = "5";

bool looks_like_md5(std::string_view id) {
  return id.size() == 32 && std::all_of(id.begin(), id.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

Response refusal(ErrorCode code, const std::string& text) {
  Response response = text_response(facts_of(code).http_status, text);
  if (code == ErrorCode::unavailable) {
    response.headers.emplace_back("Retry-After", kRetryAfterSeconds);
  }
  return response;
}

}  // namespace

FileUploads::FileUploads(FileStore& files, Options options, Respond respond, Logger log)
    : files_(files), options_(options), respond_(std::move(respond)), log_(std::move(log)) {}

void FileUploads::start() {
  thread_ = std::thread([this] { run(); });
}

void FileUploads::stop() {
  stopping_ = true;
  inbox_.post({});
  if (thread_.joinable()) thread_.join();
}

std::optional<Response> FileUploads::take(std::string id, Request&& request) {
  const std::size_t bytes = request.body.size();
  if (stopping_) return refusal(ErrorCode::unavailable, "the master is stopping");
  if (waiting_bytes_.fetch_add(bytes) + bytes > options_.max_waiting_bytes) {
    waiting_bytes_ -= bytes;
    log_->warn("file={} bytes={} refused=\"{} bytes of uploads wait for the disk\"", id, bytes,
               waiting_bytes_.load());
    return refusal(ErrorCode::unavailable, "too many files are being sent: send this one later");
  }
  inbox_.post({request.id, std::move(id), std::move(request.body)});
  return std::nullopt;
}

void FileUploads::run() {
  while (!stopping_) {
    inbox_.wait(-1);
    for (Upload& upload : inbox_.take()) {
      if (stopping_) return;
      Response response = store(upload);
      add_cors(response);  // what take() answers itself gets it with all other answers
      waiting_bytes_ -= upload.body.size();
      upload.body = {};
      if (!stopping_) respond_(upload.request, std::move(response));
    }
  }
}

Response FileUploads::store(const Upload& upload) {
  const bool named = !upload.id.empty();
  const std::string what = named ? "put" : "post";
  const auto content = parse_file_request(upload.body, what, upload.id);
  if (!content) return refusal(content.error().code, content.error().message);
  std::string id = upload.id;
  if (!named || (options_.check_ids && looks_like_md5(id))) {
    const std::string digest = md5_hex(*content);
    if (named && digest != id) {
      return refusal(ErrorCode::invalid,
                     what + ": the id " + id + " is not the MD5 of the contents, " + digest);
    }
    id = digest;
  }
  const auto kept = files_.put(id, *content);
  if (!kept) {
    log_->warn("file={} bytes={} refused=\"{}\"", id, content->size(), kept.error().message);
    return refusal(kept.error().code,
                   what + ": the file could not be kept: " + kept.error().message);
  }
  return named ? no_content() : text_response(200, id);
}

}  // namespace docket::http
