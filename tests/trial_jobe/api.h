// Routes of the trial Jobe: Jobe's REST API and GET /trial/stats. Any thread; holds no state of its
// own.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "master/http/server.h"
#include "tests/trial_jobe/file_cache.h"
#include "tests/trial_jobe/run_queue.h"

namespace docket::trial_jobe {

class Api {
 public:
  using Languages = std::map<std::string, std::string, std::less<>>;  // id, version

  Api(Languages languages, FileCache& files, RunQueue& queue)
      : languages_(std::move(languages)), files_(files), queue_(queue) {}

  // The answer, or nothing for a run: that is answered through the queue.
  std::optional<http::Response> handle(const http::Request& request);

 private:
  std::optional<http::Response> post_run(const http::Request& request);
  http::Response put_file(const std::string& id, const std::string& body);
  http::Response get_languages() const;
  http::Response get_stats() const;

  const Languages languages_;
  FileCache& files_;
  RunQueue& queue_;
};

// With the headers that Jobe sends; 400 and 500 close the connection, as Jobe's do.
http::Response to_response(Answer answer);

}  // namespace docket::trial_jobe
