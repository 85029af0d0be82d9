// Master: its parts, joined. Members stand in the order in which they are built, and go the other
// way round: the servers first, so that nothing is asked of what is gone. Of main's thread.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "master/http/api/jobe_api.h"
#include "master/http/api/metrics.h"
#include "master/http/api/ops_api.h"
#include "master/loop/loop.h"
#include "master/net/router.h"
#include "master/options.h"
#include "master/store/audit_reader.h"
#include "master/store/backup.h"
#include "master/store/files.h"
#include "master/store/journal.h"
#include "master/store/reader.h"
#include "protocol/base/notify.h"
#include "protocol/base/program.h"

namespace docket {

class Master {
 public:
  // Restores what the data folder has. StartError names the option that stands in the way.
  Master(const Options& options, Logger log);
  ~Master();
  Master(const Master&) = delete;
  Master& operator=(const Master&) = delete;

  // Listens, and says so on stdout, to the log and to the service manager.
  void start();
  void reconfigure(const CoreSettings& settings) { loop_->post(Reconfigure{settings}); }
  // The loop, on the calling thread; returns when nobody waits any more after drain(), or when its
  // time is over.
  void run() { loop_->run(); }
  // From another thread than run()'s: no new run, and an end when nobody waits or drain_s are over.
  void drain(std::uint32_t drain_s);
  // After run(): lets the last answers leave, and closes.
  void stop();

 private:
  std::size_t restore();
  StoreFigures store_figures() const;
  http::SelfFacts self_facts() const;
  void post(Event event) { loop_->post(std::move(event)); }
  void respond(http::RequestId to, http::Response response);
  void reply(Loop::Reply&& reply);
  std::optional<http::Response> handle_jobe(http::Request&& request);
  std::unique_ptr<http::Server> start_server(unsigned listener);
  void report_damage(const std::string& problem) { journal_->report_damage(problem); }

  const Options options_;
  const Logger log_;
  const http::AccessGate::Settings access_;
  const DataFolder data_;
  const int kept_socket_;  // of the Jobe API, from the service manager; -1: none. start() takes it
  const std::unique_ptr<store::Files> files_;
  std::unique_ptr<Loop> loop_;
  const store::JournalOptions journal_options_;
  const std::unique_ptr<store::Journal> journal_;
  const std::unique_ptr<JobReader> reader_;
  const std::unique_ptr<AuditReader> audit_;
  const std::optional<KeyPair> link_key_;
  const std::unique_ptr<net::Router> router_;
  const http::LinkFacts link_;

  Core core_;
  Effects first_;  // of what was restored
  const std::size_t unfinished_;
  Published<Snapshot> published_;

  Notifier notifier_;
  http::Server* listeners_[2] = {};  // there before anything answers later
  http::FileUploads uploads_;
  http::KeyGate key_gate_;
  http::JobeApi jobe_;
  http::JobeApi ops_jobe_;  // the operations listener has a door of its own
  store::DiskBackups copies_;
  http::BackupRequests backups_;
  const http::Build build_;
  const std::shared_ptr<http::Traffic> traffic_[2];
  const http::MetricsPage metrics_;
  http::AccessGate ops_gate_;
  http::OpsApi ops_;
  std::unique_ptr<http::Server> servers_[2];
};

}  // namespace docket
