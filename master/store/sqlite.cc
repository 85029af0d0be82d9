#include "master/store/sqlite.h"

#include <cstring>

namespace docket::store {
namespace {

constexpr int kBusyMs = 5'000;
constexpr int kCheckpointBusyMs = 100;

Error database_error(sqlite3* connection, const std::string& doing) {
  if (connection == nullptr) return {ErrorCode::unavailable, doing + ": out of memory"};
  const int extended = sqlite3_extended_errcode(connection);
  const int code = extended & 0xff;
  std::string text = sqlite3_errmsg(connection);
  const int cause = sqlite3_system_errno(connection);
  if (cause != 0 && (code == SQLITE_IOERR || code == SQLITE_CANTOPEN)) {
    text += std::string(" (") + std::strerror(cause) + ")";
  }
  return {is_damage(extended) ? ErrorCode::corrupt : ErrorCode::unavailable, doing + ": " + text};
}

}  // namespace

// A failed write is no damage: it is tried again.
bool is_damage(int extended) {
  const int code = extended & 0xff;
  return code == SQLITE_CORRUPT || code == SQLITE_NOTADB || extended == SQLITE_IOERR_READ ||
         extended == SQLITE_IOERR_CORRUPTFS || extended == SQLITE_IOERR_DATA;
}

void Statement::bind(int at, std::int64_t value) {
  sqlite3_bind_int64(handle_.get(), at, value);
}

void Statement::bind(int at, std::string_view text) {
  sqlite3_bind_text64(handle_.get(), at, text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8);
}

void Statement::bind_blob(int at, std::string_view bytes) {
  sqlite3_bind_blob64(handle_.get(), at, bytes.data(), bytes.size(), SQLITE_STATIC);
}

void Statement::bind_null(int at) {
  sqlite3_bind_null(handle_.get(), at);
}

Result<bool> Statement::step() {
  switch (sqlite3_step(handle_.get())) {
    case SQLITE_ROW:
      return true;
    case SQLITE_DONE:
      return false;
    default:
      return database_error(sqlite3_db_handle(handle_.get()), "database");
  }
}

Status Statement::run() {
  auto stepped = step();
  reset();
  if (!stepped) return stepped.error();
  return ok_status();
}

void Statement::reset() {
  sqlite3_reset(handle_.get());
  sqlite3_clear_bindings(handle_.get());
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(handle_.get(), column);
}

std::string Statement::text(int column) const {
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(handle_.get(), column));
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(handle_.get(), column));
  return bytes == nullptr ? std::string() : std::string(bytes, size);
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(handle_.get(), column) == SQLITE_NULL;
}

Result<Connection> Connection::open(const std::string& path, Mode mode) {
  const int flags =
      SQLITE_OPEN_NOMUTEX |
      (mode == Mode::write ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY);
  sqlite3* raw = nullptr;
  const int opened = sqlite3_open_v2(path.c_str(), &raw, flags, nullptr);
  Connection connection;
  connection.handle_.reset(raw);
  if (opened != SQLITE_OK) return database_error(raw, "cannot open " + path);
  sqlite3_busy_timeout(raw, kBusyMs);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  return connection;
}

void Connection::checkpoint_on_close() {
  sqlite3_db_config(handle_.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, nullptr);
}

void Connection::count_wal_pages(int* pages) {
  sqlite3_wal_hook(
      handle_.get(),
      [](void* counter, sqlite3*, const char*, int in_log) {
        *static_cast<int*>(counter) = in_log;
        return SQLITE_OK;
      },
      pages);
}

Result<Checkpointed> Connection::checkpoint(bool wait) {
  Checkpointed done;
  if (wait) sqlite3_busy_timeout(handle_.get(), kCheckpointBusyMs);
  const int code = sqlite3_wal_checkpoint_v2(
      handle_.get(), nullptr, wait ? SQLITE_CHECKPOINT_RESTART : SQLITE_CHECKPOINT_PASSIVE,
      &done.wal_pages, &done.copied_pages);
  if (wait) sqlite3_busy_timeout(handle_.get(), kBusyMs);
  // Busy: readers were in the way, and what could be copied was.
  if (code != SQLITE_OK && code != SQLITE_BUSY) return database_error(handle_.get(), "checkpoint");
  return done;
}

Status Connection::execute(const char* sql) {
  if (sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) {
    return database_error(handle_.get(), "database");
  }
  return ok_status();
}

Result<Statement> Connection::prepare(std::string_view sql) {
  sqlite3_stmt* raw = nullptr;
  if (sqlite3_prepare_v3(handle_.get(), sql.data(), static_cast<int>(sql.size()),
                         SQLITE_PREPARE_PERSISTENT, &raw, nullptr) != SQLITE_OK) {
    return database_error(handle_.get(), "database");
  }
  Statement statement;
  statement.handle_.reset(raw);
  return statement;
}

Status Connection::prepare(std::initializer_list<std::pair<Statement*, const char*>> all) {
  for (const auto& [statement, sql] : all) {
    auto prepared = prepare(sql);
    if (!prepared) return prepared.error();
    *statement = std::move(*prepared);
  }
  return ok_status();
}

Result<std::string> Connection::text(std::string_view sql) {
  auto statement = prepare(sql);
  if (!statement) return statement.error();
  auto row = statement->step();
  if (!row) return row.error();
  if (!*row) return Error{ErrorCode::internal, "database: no row from " + std::string(sql)};
  return statement->text(0);
}

Result<std::int64_t> Connection::integer(std::string_view sql) {
  auto statement = prepare(sql);
  if (!statement) return statement.error();
  auto row = statement->step();
  if (!row) return row.error();
  if (!*row) return Error{ErrorCode::internal, "database: no row from " + std::string(sql)};
  return statement->integer(0);
}

}  // namespace docket::store
