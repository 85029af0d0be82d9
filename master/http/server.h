// An HTTP/1.1 server on Pistache's reactor threads and transport, which answers from any thread.
//
// Handlers run on the reactor thread that owns the connection and must not block. An answer may be
// given at once, or later from any thread by respond(): it is posted to the owning reactor, which
// writes it only if that very request is still open. A client that has gone gets nothing, and
// nobody else gets its answer. One request at a time per connection; pipelined ones wait, bounded.
// A client that ends its sending side counts as gone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "master/http/traffic.h"
#include "protocol/base/address.h"
#include "protocol/base/log.h"
#include "protocol/base/result.h"

namespace docket::http {

// Names one request of one connection for the life of the process: listener (8 bits), reactor
// (8 bits), serial (48 bits). Never reused.
using RequestId = std::uint64_t;
constexpr unsigned listener_of(RequestId id) {
  return static_cast<unsigned>(id >> 56);
}

struct Request {
  RequestId id = 0;
  std::string method;  // one that http_parser knows, in upper case; others get 404 here, as in Jobe
  std::string target;  // as sent, with the query
  std::string path;    // target up to '?', not percent-decoded
  std::string query;   // behind '?', not decoded
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case, in order
  std::string body;                                          // chunked bodies arrive joined
  std::string peer;                                          // the client's address, "1.2.3.4"

  // The first header of that name (lower case), or an empty text.
  std::string_view header(std::string_view name) const;
  bool has(std::string_view name) const;  // whether it is there, be it empty
};

struct Response {
  int status = 200;
  std::string content_type = "application/json; charset=UTF-8";  // left out when the body is empty
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  bool close = false;  // close the connection behind this answer
};

struct Options {
  unsigned listener = 0;  // the listener's number in its RequestIds, 0..255
  Address listen;
  int threads = 2;                             // reactor threads, 1..255
  std::size_t max_body_bytes = 64u << 20;      // above: 413, connection closed
  std::size_t max_head_bytes = 64u << 10;      // request line and headers together; above: 431
  std::size_t max_pipelined_bytes = 1u << 20;  // input buffered behind an unanswered request
  // Of all clients together, unfinished requests and pipelined input; who needs more gets 503 and
  // is closed. Enough for six uploads of the largest file at once. Small requests have half as much
  // again for themselves (byte_budget.h). What the handler has been given does not count any more.
  std::size_t max_buffered_bytes = 512u << 20;
  int idle_timeout_ms = 65'000;   // keep-alive without a request
  int head_timeout_ms = 20'000;   // from the first byte of a request to its headers' end
  int body_timeout_ms = 30'000;   // without a byte of the body
  int write_timeout_ms = 60'000;  // without the client taking a byte of the answer
  // In each stretch as long as its time-out a body or an answer must move so fast (Apache's
  // MinRate, but not since the beginning): a byte now and then holds a connection no longer than
  // silence does, however much went fast before.
  int least_bytes_per_s = 500;
  // Connections leave so many descriptors to files, database and agents; more clients wait in the
  // system's queue.
  int spare_descriptors = 64;
  int kept_socket = -1;  // taken over if it listens on `listen`, else closed (kept_sockets.h)
  std::shared_ptr<Traffic> traffic;  // counts the answers; null: nobody does
};

class Server {
 public:
  // Returns the answer, or nothing: then respond(request.id, …) must follow, once, at any time.
  // An exception out of the handler is answered with 500 and logged.
  using Handler = std::function<std::optional<Response>(Request&&)>;
  // Told on the reactor's thread when a client leaves whose request is still unanswered.
  using Gone = std::function<void(RequestId)>;

  // Raises the process's soft limit on open files to its hard one. unavailable when that is too low
  // or the address cannot be bound; the message names it and the reason.
  static Result<std::unique_ptr<Server>> start(Options options, Handler handler, Logger log,
                                               Gone gone = {});
  virtual ~Server() = default;  // closes every connection and joins the threads

  virtual Address address() const = 0;       // with the port really bound
  virtual int listening_socket() const = 0;  // the server's own; -1 after stop_accepting()
  virtual void respond(RequestId id, Response response) = 0;
  // Accept no further connections and close idle ones; open requests are still answered, and a
  // client that was let in just before has five seconds to ask.
  virtual void stop_accepting() = 0;
  virtual std::size_t open_connections() const = 0;
  virtual std::size_t buffered_bytes() const = 0;  // what counts against max_buffered_bytes now
};

}  // namespace docket::http
