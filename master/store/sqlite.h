// SQLite behind two small owners: a connection and a prepared statement. Private to master/store.
// An object belongs to the thread that uses it. Failures are Results; nothing throws.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "protocol/base/result.h"

namespace docket::store {

// SQLite's word (an extended result code) for: what is on the disk is not what was written there.
bool is_damage(int extended);

class Statement {
 public:
  Statement() = default;
  // Values are bound from 1; texts and blobs must live until step() or reset().
  void bind(int at, std::int64_t value);
  void bind(int at, std::string_view text);
  void bind_blob(int at, std::string_view bytes);
  void bind_null(int at);

  // True: a row is there. False: done.
  Result<bool> step();
  // Runs a statement without rows and makes it ready for the next values.
  Status run();
  void reset();

  std::int64_t integer(int column) const;
  std::string text(int column) const;
  bool is_null(int column) const;

 private:
  friend class Connection;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  std::unique_ptr<sqlite3_stmt, Finalize> handle_;
};

// What of the write-ahead log has been copied into the database.
struct Checkpointed {
  int wal_pages = 0;
  int copied_pages = 0;
  bool complete() const { return copied_pages == wal_pages; }
};

class Connection {
 public:
  enum class Mode { write, read };
  // Closing it leaves the write-ahead log as it is, until checkpoint_on_close(). unavailable when
  // the file cannot be opened; the message names it.
  static Result<Connection> open(const std::string& path, Mode mode);

  // The last connection that closes copies the log into the database and removes it.
  void checkpoint_on_close();
  // How many pages the log has goes to `*pages` with every commit, and checkpoints are left to the
  // caller. `pages` must outlive the connection.
  void count_wal_pages(int* pages);
  // Copies what it can; `wait` also waits for readers, up to 100 ms, so that the log begins anew.
  Result<Checkpointed> checkpoint(bool wait);

  Status execute(const char* sql);
  // All that `work` does, which returns a Status, or nothing of it.
  template <class Work>
  Status transaction(Work work) {
    Status done = execute("BEGIN IMMEDIATE");
    if (!done) return done;
    done = work();
    if (done) done = execute("COMMIT");
    if (!done) {
      [[maybe_unused]] const auto undone = execute("ROLLBACK");
    }
    return done;
  }
  Result<Statement> prepare(std::string_view sql);
  Status prepare(std::initializer_list<std::pair<Statement*, const char*>> all);
  // One value of one row, for pragmas and counts.
  Result<std::int64_t> integer(std::string_view sql);
  Result<std::string> text(std::string_view sql);

  sqlite3* handle() const { return handle_.get(); }

 private:
  struct Close {
    void operator()(sqlite3* connection) const { sqlite3_close_v2(connection); }
  };
  std::unique_ptr<sqlite3, Close> handle_;
};

}  // namespace docket::store
