// Takes PUT files/ID and POST files off the reactors: one thread decodes, checks, stores and
// answers, one after the other. take() on any thread; the answers come from the thread "files".
//
// Invariants: what waits is bounded in bytes; nothing is answered after stop().
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <thread>

#include "master/core/seams.h"
#include "master/http/server.h"
#include "protocol/base/log.h"
#include "protocol/base/mailbox.h"

namespace docket::http {

class FileUploads {
 public:
  struct Options {
    bool check_ids = false;  // an id that looks like an MD5 must be the content's
    // Three of the largest uploads in base 64, or fifty of an exam's 5 MB.
    std::size_t max_waiting_bytes = 256u << 20;
  };
  using Respond = std::function<void(RequestId, Response)>;

  FileUploads(FileStore& files, Options options, Respond respond, Logger log);
  ~FileUploads() { stop(); }
  FileUploads(const FileUploads&) = delete;
  FileUploads& operator=(const FileUploads&) = delete;

  // What was taken before waits until then.
  void start();
  // Ends what is being stored and drops the rest, unanswered: nobody was told that it is kept.
  void stop();

  // An empty id (POST) is made from the content. The answer, 503 when too much waits, or nothing:
  // then `respond` gets it.
  std::optional<Response> take(std::string id, Request&& request);

 private:
  struct Upload {
    RequestId request = 0;  // 0: stop
    std::string id;
    std::string body;
  };

  void run();
  Response store(const Upload& upload);

  FileStore& files_;
  const Options options_;
  const Respond respond_;
  const Logger log_;
  Mailbox<Upload> inbox_;
  std::atomic<std::size_t> waiting_bytes_ = 0;  // of bodies, that in work included
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

}  // namespace docket::http
