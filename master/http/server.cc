#include "master/http/server.h"

#include <pistache/reactor.h>
#include <sys/resource.h>

#include <algorithm>
#include <mutex>

#include "master/http/acceptor.h"
#include "master/http/reactor.h"

namespace docket::http {
namespace {

constexpr rlim_t kFewestDescriptors = 256;

// A client costs a descriptor; the soft limit of 1024 is there for programs that use select().
// Returns the limit that then holds.
rlim_t raise_descriptor_limit() {
  rlimit limit{};
  CHECK_THAT(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
  const rlimit raised{.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};
  return ::setrlimit(RLIMIT_NOFILE, &raised) == 0 ? raised.rlim_cur : limit.rlim_cur;
}

class PistacheServer : public Server {
 public:
  PistacheServer(std::unique_ptr<Acceptor> acceptor, std::shared_ptr<const Setup> setup)
      : acceptor_(std::move(acceptor)), budget_(setup->budget) {
    const auto threads = static_cast<std::size_t>(setup->options.threads);
    pool_.init(Pistache::Aio::AsyncContext(threads, "http"));
    const auto key = pool_.addHandler(std::make_shared<Reactor>(std::move(setup), 0));
    for (const auto& handler : pool_.handlers(key)) {
      reactors_.push_back(std::static_pointer_cast<Reactor>(handler));
    }
    pool_.run();
    acceptor_->start([this, next = std::size_t{0}](UniqueFd socket, const auto& peer) mutable {
      Reactor& reactor = *reactors_[next++ % reactors_.size()];
      reactor.expect_client();
      reactor.post(NewClient{std::move(socket), peer});
    });
  }

  ~PistacheServer() override {
    acceptor_->stop();
    pool_.shutdown();  // its destructor joins the threads
  }

  Address address() const override { return acceptor_->address(); }
  int listening_socket() const override { return acceptor_->socket(); }

  void respond(RequestId id, Response response) override {
    const auto reactor = static_cast<std::size_t>(id >> 48 & 0xff);
    CHECK_THAT(reactor < reactors_.size());
    reactors_[reactor]->post(Answer{id, std::move(response)});
  }

  void stop_accepting() override {
    const std::lock_guard lock(stopping_);
    acceptor_->stop();
    for (const auto& reactor : reactors_) reactor->post(Quiesce{});
  }

  std::size_t open_connections() const override {
    std::size_t open = 0;
    for (const auto& reactor : reactors_) open += reactor->open_connections();
    return open;
  }

  std::size_t buffered_bytes() const override { return budget_->used(); }

 private:
  std::unique_ptr<Acceptor> acceptor_;
  std::shared_ptr<const ByteBudget> budget_;
  std::mutex stopping_;
  // Declared before the pool: the threads are joined before a reactor can go.
  std::vector<std::shared_ptr<Reactor>> reactors_;
  Pistache::Aio::Reactor pool_;
};

}  // namespace

bool Request::has(std::string_view name) const {
  return std::ranges::any_of(headers, [&](const auto& header) { return header.first == name; });
}

std::string_view Request::header(std::string_view name) const {
  const auto at = std::ranges::find(
      headers, name, [](const auto& header) { return std::string_view(header.first); });
  return at == headers.end() ? std::string_view() : std::string_view(at->second);
}

Result<std::unique_ptr<Server>> Server::start(Options options, Handler handler, Logger log,
                                              Gone gone) {
  CHECK_THAT(options.listener <= 255 && options.threads >= 1 && options.threads <= 254);
  const rlim_t descriptors = raise_descriptor_limit();
  if (descriptors < kFewestDescriptors) {
    return Error{ErrorCode::unavailable,
                 "the limit on open files is " + std::to_string(descriptors) + ", at least " +
                     std::to_string(kFewestDescriptors) +
                     " are needed: raise it (ulimit -n, or LimitNOFILE= of the service)"};
  }
  auto acceptor =
      Acceptor::bind(options.listen, UniqueFd(options.kept_socket), options.spare_descriptors, log);
  if (!acceptor) return acceptor.error();
  auto budget = std::make_shared<ByteBudget>(options.max_buffered_bytes);
  auto setup = std::make_shared<const Setup>(Setup{
      std::move(options), std::move(handler), std::move(gone), std::move(log), std::move(budget)});
  return std::unique_ptr<Server>(new PistacheServer(std::move(acceptor).value(), std::move(setup)));
}

}  // namespace docket::http
