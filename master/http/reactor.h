// Reactor: the connections of one of Pistache's reactor threads. Private to master/http.
//
// Pistache polls, reads and removes; this class parses, calls the handler and writes. All of it
// runs on the reactor's thread, but for post() and open_connections().
// Invariants: only this thread writes to its sockets; an answer is written only if the request of
// that serial is still unanswered on a connection that is still there; serials are never reused.
#pragma once

#include <pistache/peer.h>
#include <pistache/tcp.h>
#include <pistache/transport.h>
#include <sys/socket.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <variant>

#include "master/http/byte_budget.h"
#include "master/http/connection.h"
#include "master/http/server.h"
#include "master/http/unique_fd.h"
#include "protocol/base/log.h"
#include "protocol/base/mailbox.h"

namespace docket::http {

// What all reactors of a server share; unchanging, but for what is used of the budget.
struct Setup {
  Options options;
  Server::Handler handler;
  Server::Gone gone;  // may be empty
  Logger log;
  std::shared_ptr<ByteBudget> budget;
};

// What other threads, and a reactor to itself, may post.
struct NewClient {
  UniqueFd socket;
  sockaddr_storage peer{};
};
struct Answer {
  RequestId id = 0;
  Response response;
};
struct Quiesce {};  // close idle connections now, the others behind their next answer
struct Resume {     // go on with a client that has had its share of a turn
  std::shared_ptr<Pistache::Tcp::Peer> peer;
};
using Message = std::variant<NewClient, Answer, Quiesce, Resume>;

class Reactor : public Pistache::Tcp::Transport {
 public:
  Reactor(std::shared_ptr<const Setup> setup, unsigned index);
  ~Reactor() override;  // after its thread has ended; closes what is left

  void post(Message message) { mailbox_.post(std::move(message)); }
  std::size_t open_connections() const { return open_.load(std::memory_order_relaxed); }
  // One more is about to be posted; it counts from now on. On the acceptor's thread.
  void expect_client() { open_.fetch_add(1, std::memory_order_relaxed); }

  // From Pistache. Each thread gets a clone, numbered in the order of cloning.
  std::shared_ptr<Pistache::Aio::Handler> clone() const override;
  void registerPoller(Pistache::Polling::Epoll& poller) override;
  void onReady(const Pistache::Aio::FdSet& ready) override;

  void on_input(const std::shared_ptr<Pistache::Tcp::Peer>& peer, std::string_view bytes);
  void on_disconnection(const std::shared_ptr<Pistache::Tcp::Peer>& peer);

 private:
  using PeerPtr = std::shared_ptr<Pistache::Tcp::Peer>;
  struct Client {
    PeerPtr peer;
    Connection connection;
    std::uint64_t serial = 0;      // of the request at the handler, 0 for none
    std::size_t route = 0;         // its, as Traffic counts it
    MonoMs handed_over = 0;        // when it went to the handler
    Fate applied = Fate::open;     // what the socket has been told
    bool awaits_writable = false;  // told to Pistache's poller
    std::uint64_t turn = 0;        // the last turn that took requests from it,
    int taken = 0;                 // how many,
    bool resumes = false;          // and whether a Resume for the rest is on its way
  };

  RequestId id_of(std::uint64_t serial) const;
  Client* find(int fd);
  Client* find(const PeerPtr& peer);  // nullptr when the descriptor is another client's by now

  void take(NewClient message);
  void take(Answer message);
  void take(Quiesce message);
  void take(Resume message);
  void tick();

  void settle(Client& client);
  void flush(Client& client);
  void handle(Client& client, Request&& request);
  void answer(Client& client, Response&& response);
  void apply_fate(Client& client);
  void apply_interest(Client& client);

  std::shared_ptr<const Setup> setup_;
  unsigned index_;
  mutable unsigned clones_ = 0;  // made from this one
  Mailbox<Message> mailbox_;
  UniqueFd timer_;
  MonoMs now_ = 0;
  std::uint64_t turn_ = 0;
  bool quiescing_ = false;
  std::uint64_t last_serial_ = 0;
  std::unordered_map<int, Client> clients_;            // by descriptor
  std::unordered_map<std::uint64_t, int> unanswered_;  // serial to descriptor
  std::atomic<std::size_t> open_ = 0;
};

}  // namespace docket::http
