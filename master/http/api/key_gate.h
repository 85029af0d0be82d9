// The door of the API: who comes with which key, and not too often. Any thread.
//
// Without keys the API is open, as Jobe's is. With keys, running programs and asking for results
// needs one; languages and files do not (Jobe 2.1.1, as recorded).
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <variant>

#include "master/core/snapshot.h"
#include "master/http/server.h"
#include "protocol/base/published.h"

namespace docket::http {

// Whom the door let in; the name is empty when the API is open.
struct Guest {
  std::string key;
  bool may_async = true;
};

class KeyGate {
 public:
  explicit KeyGate(const Published<Snapshot>& published) : published_(published) {}

  // The guest, or 403. A request that `counts`, as POST runs does, draws on the key's hourly rate:
  // 429 with Retry-After when that is used up.
  std::variant<Guest, Response> admit(const Request& request, bool counts, MonoMs now);

 private:
  // As many runs as the hourly rate at once, and then as they come back over the hour.
  struct Bucket {
    double left = 0;
    MonoMs at = 0;
  };

  std::optional<Response> draw(const ApiKey& key, const ApiKeys& keys, MonoMs now);

  const Published<Snapshot>& published_;
  std::mutex mutex_;
  std::unordered_map<std::string, Bucket> buckets_;  // by the key's hash; guarded by mutex_
};

}  // namespace docket::http
