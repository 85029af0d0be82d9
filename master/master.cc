#include "master/master.h"

#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <thread>

#include "master/http/api/traffic_routes.h"
#include "protocol/base/kept_sockets.h"

namespace docket {
namespace {

constexpr unsigned kJobeListener = 0;
constexpr unsigned kOpsListener = 1;
// Kept by the service manager while this program is replaced: Moodle's runs wait there meanwhile.
constexpr const char* kJobeSocket = "jobe";
constexpr std::uint32_t kStopMarginMs = 30'000;  // for what is left to do after the drain

rlim_t most_descriptors() {
  rlimit limit{};
  CHECK_THAT(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
  return limit.rlim_cur;
}

http::Response response_to(const Loop::Reply& reply, http::JobeApi& jobe) {
  if (const auto* answer = std::get_if<Answer>(&reply)) return jobe.response_to(*answer);
  if (const auto* done = std::get_if<CommandDone>(&reply)) return http::OpsApi::response_to(*done);
  return http::OpsApi::response_to(std::get<Explained>(reply));
}

// What unfinished jobs need stays. Where a file has gone the job runs all the same: its sandbox may
// have it.
void hold_files(Restored& restored, FileStore& files) {
  for (const Job& job : restored.jobs) {
    if (auto hold = files.hold(job.files)) restored.holds[job.id] = std::move(*hold);
  }
}

std::optional<KeyPair> link_key(const std::string& data_dir, const Options& options) {
  if (options.plain_link) return std::nullopt;
  return start_value("data", load_or_make_key_pair(data_dir + "/link.key"));
}

http::LinkFacts link_facts(const Options& options, const std::optional<KeyPair>& key,
                           const Address& bound) {
  http::LinkFacts facts{key ? key->public_key : std::string(), bound};
  if (!options.agents_address.empty()) {
    facts.address =
        start_value("agents-address", parse_address("agents-address", options.agents_address));
  } else if (bound.host == "0.0.0.0" || bound.host == "::" || bound.host == "*") {
    facts.address.host = host_name(bound.host);
  }
  return facts;
}

void say_open(const Options& options, const Logger& log) {
  log->warn("api=open keys=0 do=\"docket keys create, if others than your Moodle can reach {}\"",
            options.jobe_listen);
}

void say_access(const Options& options, const http::AccessGate::Settings& access,
                std::size_t tokens, const Logger& log) {
  if (access.local_is_admin) {
    log->info("ops=local note=\"whoever reaches {} from this host may do everything\"",
              options.ops_listen);
  } else if (tokens == 0) {
    log->warn(
        "ops=locked tokens=0 do=\"start once with --ops-listen 127.0.0.1:4001 and without "
        "--ops-tokens, and make one by docket tokens create NAME --role admin\"");
  }
}

void say_ready(const http::Server& jobe, const http::Server& ops, const net::Router& agents,
               const http::LinkFacts& link) {
  std::printf("ready jobe=%s ops=%s agents=tcp://%s link=%s\n", jobe.address().text().c_str(),
              ops.address().text().c_str(), agents.address().text().c_str(),
              link.public_key.empty() ? "plain" : link.public_key.c_str());
  std::fflush(stdout);
}

// Answers that were given just now are still on their way to their clients.
void let_answers_leave(const http::Server& server) {
  constexpr int kPatienceMs = 2'000;
  constexpr int kStepMs = 5;
  for (int waited = 0; server.open_connections() > 0 && waited < kPatienceMs; waited += kStepMs) {
    std::this_thread::sleep_for(std::chrono::milliseconds(kStepMs));
  }
}

}  // namespace

Master::Master(const Options& options, Logger log)
    : options_(options),
      log_(std::move(log)),
      access_(access_settings(options)),
      data_("data", options.data),
      kept_socket_(KeptSockets().take(kJobeSocket)),
      files_(start_value("data", store::open_files(data_.path(), options.files_mb << 20, log_))),
      journal_options_(journal_settings(data_.path(), options)),
      journal_(start_value("data", store::Journal::open(journal_options_, log_))),
      reader_(start_value(
          "data", store::open_reader(data_.path(), [this](const auto& p) { report_damage(p); }))),
      audit_(start_value("data", store::open_audit_reader(data_.path()))),
      link_key_(link_key(data_.path(), options)),
      router_(start_value(
          "agents-listen",
          net::Router::bind(start_value("agents-listen", parse_url_address("agents-listen", "tcp",
                                                                           options.agents_listen)),
                            link_key_))),
      link_(link_facts(options, link_key_, router_->address())),
      core_(core_settings(options), DOCKET_VERSION),
      unfinished_(restore()),
      published_(core_.snapshot(read_clock())),
      uploads_(
          *files_, {.check_ids = options.check_file_ids},
          [this](http::RequestId to, http::Response r) { respond(to, std::move(r)); }, log_),
      key_gate_(published_),
      jobe_([this](Event event) { post(std::move(event)); }, *reader_, *files_, uploads_,
            published_, &key_gate_, result_ms(options)),
      ops_jobe_([this](Event event) { post(std::move(event)); }, *reader_, *files_, uploads_,
                published_, nullptr, result_ms(options)),
      copies_(data_.path(), options.backups.empty() ? data_.path() + "/backups" : options.backups,
              [this](const std::string& problem) { report_damage(problem); }),
      backups_(
          copies_, [this](http::RequestId to, http::Response r) { respond(to, std::move(r)); },
          log_),
      build_{DOCKET_VERSION, read_clock().wall},
      traffic_{http::jobe_traffic(), http::ops_traffic()},
      metrics_(published_, build_, [this] { return store_figures(); },
               {{"jobe", traffic_[kJobeListener]}, {"ops", traffic_[kOpsListener]}}),
      ops_gate_(published_, access_, log_),
      ops_([this](Event event) { post(std::move(event)); },
           [this](Event command, AuditEntry entry) {
             loop_->order(std::move(command), std::move(entry));
           },
           {ops_jobe_, *reader_, *files_, *audit_, backups_, ops_gate_, metrics_, published_,
            [this] { return self_facts(); }},
           build_, link_, options.ops_names) {}

Master::~Master() = default;

std::size_t Master::restore() {
  Restored restored = journal_->take_restored();
  const std::size_t unfinished = restored.jobs.size();
  hold_files(restored, *files_);
  files_->trim();
  core_.step(std::move(restored), read_clock(), first_);
  return unfinished;
}

void Master::start() {
  loop_ = std::make_unique<Loop>(
      std::move(core_), std::move(first_), *router_, *files_, published_,
      [this](Loop::Reply&& answer) { reply(std::move(answer)); }, notifier_, log_);
  loop_->attach(*journal_);
  journal_->start(
      [this](const store::JournalProgress& progress) { loop_->journal_progress(progress); });
  for (const unsigned listener : {kJobeListener, kOpsListener}) {
    servers_[listener] = start_server(listener);
    listeners_[listener] = servers_[listener].get();
  }
  uploads_.start();
  backups_.start();

  const FileUse kept = files_->use();
  log_->info("data={} unfinished_jobs={} files={} file_bytes={} held_bytes={} descriptors={}",
             data_.path(), unfinished_, kept.files, kept.bytes, kept.held_bytes,
             most_descriptors());
  if (link_key_) {
    log_->info("link=encrypted public_key={} fingerprint={}", link_key_->public_key,
               fingerprint_of(link_key_->public_key));
  }
  const auto snapshot = published_.get();
  if (snapshot->keys->empty()) say_open(options_, log_);
  say_access(options_, access_, snapshot->access->size(), log_);
  notifier_.keep(kJobeSocket, listeners_[kJobeListener]->listening_socket());
  say_ready(*listeners_[kJobeListener], *listeners_[kOpsListener], *router_, link_);
  notifier_.ready("Jobe API on " + listeners_[kJobeListener]->address().text());
}

std::unique_ptr<http::Server> Master::start_server(unsigned listener) {
  const bool is_ops = listener == kOpsListener;
  const char* setting = is_ops ? "ops-listen" : "jobe-listen";
  http::Options options;
  options.listener = listener;
  options.listen = start_value(
      setting, parse_address(setting, is_ops ? options_.ops_listen : options_.jobe_listen));
  options.threads = is_ops ? 1 : options_.http_threads;
  // However many clients Jobe's API has, the status page still opens.
  options.spare_descriptors = is_ops ? 64 : 128;
  options.max_body_bytes = kMaxFileBytes / 3 * 4 + 4096;  // the largest file, in base 64
  if (is_ops) options.max_buffered_bytes = 128u << 20;    // one such file
  if (!is_ops) options.kept_socket = kept_socket_;
  options.traffic = traffic_[listener];
  const auto handler = [this, is_ops](http::Request&& request) {
    return is_ops ? ops_.handle(std::move(request)) : handle_jobe(std::move(request));
  };
  return start_value(setting,
                     http::Server::start(options, handler, log_,
                                         [this](http::RequestId id) { post(ClientGone{id}); }));
}

StoreFigures Master::store_figures() const {
  return {journal_->figures(), files_->use(), journal_options_.retention.database_bytes};
}

// Asked by the operations listener, which serves after the other.
http::SelfFacts Master::self_facts() const {
  return {.jobe_listen = listeners_[kJobeListener]->address().text(),
          .agents_listen = router_->address().text(),
          .ops_listen = options_.ops_listen,
          .local_is_admin = access_.local_is_admin,
          .data = std::filesystem::absolute(data_.path()).string(),
          .free_disk_bytes = http::free_bytes_of(data_.path()),
          .store = store_figures()};
}

void Master::respond(http::RequestId to, http::Response response) {
  listeners_[http::listener_of(to)]->respond(to, std::move(response));
}

void Master::reply(Loop::Reply&& answer) {
  const ReplyTo to = std::visit([](const auto& each) { return each.to; }, answer);
  respond(to, response_to(answer, jobe_));
}

std::optional<http::Response> Master::handle_jobe(http::Request&& request) {
  if (!http::JobeApi::owns(request.path)) return http::text_response(404, "");
  return jobe_.handle(std::move(request));
}

void Master::drain(std::uint32_t drain_s) {
  log_->info("stopping=draining drain_s={}", drain_s);
  notifier_.stopping(drain_s * 1'000 + kStopMarginMs);
  listeners_[kJobeListener]->stop_accepting();
  loop_->stop_when_idle(drain_s * 1'000,
                        [this] { return listeners_[kJobeListener]->open_connections() == 0; });
}

void Master::stop() {
  listeners_[kOpsListener]->stop_accepting();
  for (const auto* listener : listeners_) let_answers_leave(*listener);
  uploads_.stop();
  backups_.stop();
  for (auto& server : servers_) server.reset();
  log_->info("stopped=yes");
}

}  // namespace docket
