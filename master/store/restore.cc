#include "master/store/restore.h"

#include "master/store/rows.h"

namespace docket::store {
namespace {

// Reads every row of `sql` by `read`, which appends what it makes of one.
template <class Read>
Status for_each_row(Connection& connection, const std::string& sql, Read read) {
  auto rows = connection.prepare(sql);
  if (!rows) return rows.error();
  for (;;) {
    auto row = rows->step();
    if (!row) return row.error();
    if (!*row) return ok_status();
    if (auto done = read(*rows); !done) return done;
  }
}

template <class T>
Status append(std::vector<T>& list, Result<T> item) {
  if (!item) return item.error();
  list.push_back(std::move(*item));
  return ok_status();
}

}  // namespace

Result<Restored> read_restored(Connection& connection) {
  Restored restored;
  const auto select = [](const char* columns, const char* rest) {
    return std::string("SELECT ") + columns + " FROM " + rest;
  };
  Status done = for_each_row(
      connection, select(kWholeColumns, "jobs WHERE state <= 2 ORDER BY id"),
      [&](const Statement& row) { return append(restored.jobs, read_job(row, true)); });
  if (!done) return done.error();
  done =
      for_each_row(connection, select(kAgentColumns, "agents ORDER BY name"),
                   [&](const Statement& row) { return append(restored.agents, read_agent(row)); });
  if (!done) return done.error();
  done = for_each_row(connection, select(kKeyColumns, "api_keys ORDER BY name"),
                      [&](const Statement& row) { return append(restored.keys, read_key(row)); });
  if (!done) return done.error();
  done = for_each_row(
      connection, select(kAgentKeyColumns, "agent_keys ORDER BY name"),
      [&](const Statement& row) { return append(restored.agent_keys, read_agent_key(row)); });
  if (!done) return done.error();
  done = for_each_row(
      connection, select(kJoinTokenColumns, "join_tokens ORDER BY id"),
      [&](const Statement& row) { return append(restored.tokens, read_join_token(row)); });
  if (!done) return done.error();
  done =
      for_each_row(connection, select(kAccessColumns, "access_tokens ORDER BY name"),
                   [&](const Statement& row) { return append(restored.access, read_access(row)); });
  if (!done) return done.error();
  done = for_each_row(connection, select(kNamedColumns, kNamedRows), [&](const Statement& row) {
    return append(restored.named, read_named(row));
  });
  if (!done) return done.error();
  return restored;
}

}  // namespace docket::store
