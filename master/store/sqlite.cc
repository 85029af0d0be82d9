#include "master/store/sqlite.h"

namespace docket::store {
namespace {

Error database_error(sqlite3* connection, const std::string& doing) {
  const int code = connection == nullptr ? SQLITE_NOMEM : sqlite3_errcode(connection);
  const auto kind =
      code == SQLITE_CORRUPT || code == SQLITE_NOTADB ? ErrorCode::corrupt : ErrorCode::unavailable;
  const char* text = connection == nullptr ? "out of memory" : sqlite3_errmsg(connection);
  return {kind, doing + ": " + text};
}

}  // namespace

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
  sqlite3_busy_timeout(raw, 5'000);
  return connection;
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

Result<std::int64_t> Connection::integer(std::string_view sql) {
  auto statement = prepare(sql);
  if (!statement) return statement.error();
  auto row = statement->step();
  if (!row) return row.error();
  if (!*row) return Error{ErrorCode::internal, "database: no row from " + std::string(sql)};
  return statement->integer(0);
}

}  // namespace docket::store
