// Uploads leave the reactor: the test's own thread plays it, and a disk that stands still.
#include "master/http/api/file_uploads.h"

#include <doctest/doctest.h>
#include <spdlog/spdlog.h>

#include <condition_variable>
#include <map>
#include <mutex>

#include "master/http/api/jobe_api.h"
#include "protocol/base/base64.h"
#include "protocol/base/digest.h"

using namespace docket;
using namespace docket::http;

namespace {

// A disk that can be held up.
class SlowFiles final : public FileStore {
 public:
  bool has(std::string_view id) override {
    std::lock_guard lock(mutex_);
    return kept_.contains(std::string(id));
  }
  Result<FileHold> hold(const std::vector<std::string>& ids) override {
    if (ids.empty()) return FileHold();
    return Error{ErrorCode::not_found, "none is held here"};
  }
  Status put(std::string_view id, std::string_view content) override {
    std::unique_lock lock(mutex_);
    ++begun_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return !stands_still_; });
    if (problem_) return *problem_;
    kept_[std::string(id)] = std::string(content);
    return ok_status();
  }
  Result<FilePiece> read(std::string_view, std::uint64_t, std::size_t) override {
    return Error{ErrorCode::not_found, "nothing is read here"};
  }

  void stand_still() {
    std::lock_guard lock(mutex_);
    stands_still_ = true;
  }
  void go_on() {
    std::lock_guard lock(mutex_);
    stands_still_ = false;
    changed_.notify_all();
  }
  void wait_begun() {
    std::unique_lock lock(mutex_);
    REQUIRE(changed_.wait_for(lock, std::chrono::seconds(60), [&] { return begun_ > 0; }));
  }
  void fail_with(Error problem) {
    std::lock_guard lock(mutex_);
    problem_ = std::move(problem);
  }
  std::map<std::string, std::string> kept() {
    std::lock_guard lock(mutex_);
    return kept_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, std::string> kept_;
  std::optional<Error> problem_;
  bool stands_still_ = false;
  int begun_ = 0;
};

class NoJobs final : public JobReader {
 public:
  Result<std::optional<Job>> find(const JobId&) override { return std::optional<Job>(); }
  Result<std::vector<Job>> list(const JobFilter&) override { return std::vector<Job>(); }
  Result<std::uint64_t> count_with_bodies(WallMs) override { return std::uint64_t{0}; }
};

// The Jobe API over a slow disk, and the answers that came later.
class Front {
 public:
  explicit Front(FileUploads::Options options = {})
      : uploads(
            files, options,
            [this](RequestId to, Response response) {
              std::lock_guard lock(mutex_);
              answers_[to] = std::move(response);
              changed_.notify_all();
            },
            std::make_shared<spdlog::logger>("test")),
        api([](Event) {}, jobs_, files, uploads, published_, nullptr, 86'400'000) {}

  std::optional<Response> ask(const std::string& method, const std::string& rest,
                              std::string body = "") {
    Request request;
    request.id = ++last_;
    request.method = method;
    request.path = "/jobe/index.php/restapi/" + rest;
    request.body = std::move(body);
    return api.handle(std::move(request));
  }
  // Sends a file and waits for its answer.
  Response send(const std::string& method, const std::string& rest, const std::string& body) {
    const auto at_once = ask(method, rest, body);
    return at_once ? *at_once : answer_to(last_);
  }
  Response answer_to(RequestId request) {
    std::unique_lock lock(mutex_);
    REQUIRE(changed_.wait_for(lock, std::chrono::seconds(60),
                              [&] { return answers_.contains(request); }));
    return answers_[request];
  }
  bool answered(RequestId request) {
    std::lock_guard lock(mutex_);
    return answers_.contains(request);
  }

  SlowFiles files;

 private:
  NoJobs jobs_;
  Published<Snapshot> published_{Snapshot()};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<RequestId, Response> answers_;  // guarded by mutex_
  RequestId last_ = 0;

 public:
  FileUploads uploads;
  JobeApi api;
};

std::string file_body(const std::string& content) {
  return "{\"file_contents\":\"" + base64_encode(content) + "\"}";
}

std::string header(const Response& response, const std::string& name) {
  for (const auto& [key, value] : response.headers) {
    if (key == name) return value;
  }
  return "";
}

}  // namespace

TEST_SUITE("file uploads") {
  TEST_CASE("while a file is being written, others on the same reactor are answered") {
    Front front;
    front.uploads.start();
    front.files.stand_still();
    CHECK_FALSE(front.ask("PUT", "files/abcdefgh", file_body("content")));
    front.files.wait_begun();
    CHECK(front.ask("GET", "languages")->status == 200);
    CHECK(front.ask("HEAD", "files/abcdefgh")->status == 404);  // it is not there before it is
    CHECK(front.ask("POST", "runs", "nonsense")->status == 400);
    CHECK_FALSE(front.ask("POST", "files", file_body("other")));
    CHECK_FALSE(front.answered(1));
    front.files.go_on();
    const Response put = front.answer_to(1);
    CHECK(put.status == 204);
    CHECK(put.body.empty());
    CHECK(header(put, "Access-Control-Allow-Origin") == "*");
    CHECK(header(put, "Cache-Control") == "no-store, max-age=0, no-cache");
    const Response post = front.answer_to(5);
    CHECK(post.status == 200);
    CHECK(post.body == "\"" + md5_hex("other") + "\"");
    CHECK(front.files.kept() ==
          std::map<std::string, std::string>{{"abcdefgh", "content"}, {md5_hex("other"), "other"}});
  }

  TEST_CASE("what waits for the disk is bounded") {
    const std::string body = file_body(std::string(1'000, 'x'));
    Front front({.max_waiting_bytes = 2 * body.size()});
    CHECK_FALSE(front.ask("PUT", "files/aaaaaaaa", body));
    CHECK_FALSE(front.ask("PUT", "files/bbbbbbbb", body));
    const auto refused = front.ask("PUT", "files/cccccccc", body);
    REQUIRE(refused);
    CHECK(refused->status == 503);
    CHECK(header(*refused, "Retry-After") == "5");
    // A browser refuses an answer that says twice who may read it.
    const auto times_allowed = [](const Response& response) {
      return std::count_if(response.headers.begin(), response.headers.end(),
                           [](const auto& h) { return h.first == "Access-Control-Allow-Origin"; });
    };
    CHECK(times_allowed(*refused) == 1);
    front.uploads.start();
    const Response kept = front.answer_to(1);
    CHECK(kept.status == 204);
    CHECK(times_allowed(kept) == 1);
    CHECK(front.answer_to(2).status == 204);
    CHECK(front.send("PUT", "files/cccccccc", body).status == 204);
  }

  TEST_CASE("an id that looks like an MD5 is checked when the operator asks for it") {
    const std::string id = md5_hex("content");
    const std::string foreign = md5_hex("other");
    SUBCASE("not asked for, as Jobe") {
      Front front;
      front.uploads.start();
      CHECK(front.send("PUT", "files/" + foreign, file_body("content")).status == 204);
    }
    SUBCASE("asked for") {
      Front front({.check_ids = true});
      front.uploads.start();
      CHECK(front.send("PUT", "files/" + id, file_body("content")).status == 204);
      const Response refused = front.send("PUT", "files/" + foreign, file_body("content"));
      CHECK(refused.status == 400);
      CHECK(refused.body ==
            "\"put: the id " + foreign + " is not the MD5 of the contents, " + id + "\"");
      CHECK(front.files.kept().size() == 1);
      // No MD5 in its usual form: any id of Jobe's.
      std::string upper = foreign;
      for (char& c : upper) c = static_cast<char>(::toupper(c));
      for (const std::string& other : {std::string("abcdefgh"), upper, foreign.substr(1)}) {
        CHECK(front.send("PUT", "files/" + other, file_body("content")).status == 204);
      }
      CHECK(front.send("POST", "files", file_body("content")).body == "\"" + id + "\"");
    }
  }

  TEST_CASE("what cannot be kept is refused with its reason") {
    Front front;
    front.uploads.start();
    CHECK(front.send("PUT", "files/abcdefgh", "{}").status == 400);
    CHECK(front.send("PUT", "files/abcdefgh", "nonsense").status == 400);
    CHECK(front.send("PUT", "files/abcdefgh", "{\"file_contents\":\"*\"}").status == 400);
    CHECK(front.send("POST", "files", std::string(100'000, '[')).status == 400);
    front.files.fail_with({ErrorCode::unavailable, "the disk is full"});
    const Response full = front.send("PUT", "files/abcdefgh", file_body("x"));
    CHECK(full.status == 503);
    CHECK(full.body == "\"put: the file could not be kept: the disk is full\"");
    CHECK(header(full, "Retry-After") == "5");
    front.files.fail_with({ErrorCode::too_large, "over the limit"});
    CHECK(front.send("POST", "files", file_body("x")).status == 413);
  }

  TEST_CASE("when it is stopped nothing more is answered, and new files are refused") {
    Front front;
    front.uploads.start();
    front.files.stand_still();
    CHECK_FALSE(front.ask("PUT", "files/aaaaaaaa", file_body("x")));
    CHECK_FALSE(front.ask("PUT", "files/bbbbbbbb", file_body("x")));
    front.files.wait_begun();
    std::thread stopper([&] { front.uploads.stop(); });
    std::optional<Response> refused;
    while (!(refused = front.ask("PUT", "files/cccccccc", file_body("x"))))
      std::this_thread::yield();
    CHECK(refused->status == 503);
    front.files.go_on();
    stopper.join();
    CHECK_FALSE(front.answered(1));
    CHECK_FALSE(front.answered(2));
    CHECK_FALSE(front.files.has("bbbbbbbb"));
  }
}
